"""The model card: `README.md` of a model folder, written from what the run measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..inference.bundle import Manifest
from ..labels.labelset import LabelSet
from .metrics import Estimate, Scores
from .model import EMBEDDED, EMBEDDED_HUB_ID

if TYPE_CHECKING:
    from .train import TrainResult

_TEXT = """# {title}

A sentence classifier made with [eventroles](https://pypi.org/project/eventroles/). It gives every sentence of a text
{how_many} of these labels:

{definitions}

## Use

```python
from eventroles import Tagger

tagger = Tagger.from_pretrained("{folder}")
for sentence in tagger.tag("Rebels shelled the port. Two dockers were killed, the ministry said."):
    print(sentence.start, sentence.end, sentence.roles, sentence.text)
```

`eventroles tag articles/ --model {folder} --output tags.jsonl` tags a folder. Thresholds, temperatures and biases
are in `eventroles.json` and applied by both. Plain `transformers.pipeline("text-classification", top_k=None)` loads the
model as well and gives the {activation} before calibration.

## What it is for, and what not

It describes what a text reports, not what happened. It is for finding, counting and reading reports; a person reads
before a decision rests on it. It is not for targeting, nor for decisions about people. Figures below hold for text like
the test split; measure it on your own archive with `eventroles evaluate` first.

## Results on the test split

{scores}

95 % intervals from a bootstrap over documents. The baseline is TF-IDF with logistic regression on the same split.

## Decision rule

Objective on the validation split: {objective}.

{rule}

## Training

| | |
| --- | --- |
{training}

{notes}
The whole configuration is in `training_config.yaml`, hashes and package versions are in `eventroles.json`.
"""


def write_card(folder: Path, manifest: Manifest, result: TrainResult) -> None:
    """Write the card into a model folder, from the manifest and the results of the run."""
    labels = result.labels
    body = _TEXT.format(
        title=f"{labels.name}: sentence roles",
        how_many="exactly one" if labels.exclusive else "any number, or none,",
        definitions="\n".join(f"- **{label.name}** ({label.title}): {label.definition}" for label in labels.labels),
        folder=folder.as_posix(),
        activation="softmax" if labels.exclusive else "sigmoids",
        scores=_scores(result.model, result.baseline),
        objective=result.rule.objective,
        rule=_rule(result, labels),
        training="\n".join(f"| {name} | {value} |" for name, value in _training(manifest, result)),
        notes="".join(f"> {warning}.\n\n" for warning in result.warnings),
    )
    (folder / "README.md").write_text(f"---\n{_metadata(manifest, result)}---\n{body}", encoding="utf-8")


def _metadata(manifest: Manifest, result: TrainResult) -> str:
    base = manifest.base_model["name"]
    test = {"type": "text-classification", "name": "Text classification"}
    data: dict[str, Any] = {
        "language": "en",
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["eventroles", "conflict", "event-data", "news"],
    }
    if base == EMBEDDED:
        data |= {"license": "apache-2.0", "base_model": EMBEDDED_HUB_ID}
    elif base and not Path(base).exists():
        data["base_model"] = base
    metrics = [
        {"type": "f1", "name": "macro F1", "value": round(result.model.macro_f1.value, 4)},
        {"type": "f1", "name": "micro F1", "value": round(result.model.micro_f1.value, 4)},
    ]
    dataset = {"type": "test-split", "name": "test split of the training data", "split": "test"}
    data["model-index"] = [
        {"name": result.labels.name, "results": [{"task": test, "dataset": dataset, "metrics": metrics}]}
    ]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _scores(model: Scores, baseline: Scores) -> str:
    lines = ["| label | precision | recall | F1 | average precision | sentences | baseline F1 |", "| --- " * 7 + "|"]
    for name, scores in model.labels.items():
        cells = [scores.precision, scores.recall, scores.f1, scores.average_precision]
        lines.append(
            f"| {name} | {' | '.join(map(_cell, cells))} | {scores.support} | {_cell(baseline.labels[name].f1)} |"
        )
    for name, attribute in (("macro F1", "macro_f1"), ("micro F1", "micro_f1"), ("exact match", "exact_match")):
        ours, theirs = getattr(model, attribute), getattr(baseline, attribute)
        lines.append(f"| **{name}** | | | {_cell(ours)} | | {model.sentences} | {_cell(theirs)} |")
    return "\n".join(lines)


def _rule(result: TrainResult, labels: LabelSet) -> str:
    if result.rule.exclusive:
        return f"The most probable label is given; temperature {result.rule.temperatures[0]:.3f}."
    biases = result.rule.biases or (0.0,) * len(labels)
    rows = zip(labels.names, result.rule.thresholds, result.rule.temperatures, biases, strict=True)
    lines = [
        f"| {name} | {threshold:.3f} | {temperature:.3f} | {bias:+.3f} |" for name, threshold, temperature, bias in rows
    ]
    return "\n".join(["| label | threshold | temperature | bias |", "| --- | --- | --- | --- |", *lines])


def _training(manifest: Manifest, result: TrainResult) -> list[tuple[str, str]]:
    data = manifest.data
    splits = ", ".join(f"{data[name]['sentences']} {name}" for name in ("train", "validation", "test"))
    best = f", weights of epoch {result.best_epoch:g}" if result.best_epoch is not None else ""
    return [
        ("base model", f"`{manifest.base_model['name']}`"),
        *_teacher(manifest),
        ("data", ", ".join(f"`{source}`" for source in data["sources"])),
        ("sentences", splits),
        *_unlabelled(manifest),
        ("epochs", f"{result.epochs:g}{best}"),
        ("sentences before, as context", str(manifest.context)),
        ("window", f"{manifest.window} tokens"),
    ]


def _teacher(manifest: Manifest) -> list[tuple[str, str]]:
    if "teacher" not in manifest.base_model:
        return []
    layers = manifest.base_model["teacher_layers"]
    names = (manifest.base_model["teacher"] or "").split(", ")
    shown = ", ".join(f"`{name}`" for name in names)
    return [
        (
            "teachers" if len(names) > 1 else "teacher",
            shown + (f", starting from its layers {layers}" if layers else ""),
        )
    ]


def _unlabelled(manifest: Manifest) -> list[tuple[str, str]]:
    found = manifest.data.get("unlabelled")
    if not found:
        return []
    how_many = f"{found['sentences']:,} of {found['documents']:,} documents"
    return [("sentences without labels", f"{how_many}, labelled by the teachers")]


def _cell(estimate: Estimate) -> str:
    if estimate.value != estimate.value:
        return "–"
    return f"{estimate.value:.3f} ({estimate.low:.2f}–{estimate.high:.2f})"
