"""The model card: `README.md` of a model folder, written from what the run measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..inference.manifest import CARD, Manifest
from ..inference.modelfiles import SAFETENSORS
from ..inference.probes import SENTENCES
from ..labels.labelset import LabelSet
from .calibration import Calibration
from .metrics import Estimate, Scores
from .model import EMBEDDED, EMBEDDED_HUB_ID

if TYPE_CHECKING:
    from .page.run import RunReport
    from .robustness import Robustness
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

`eventroles tag articles/ --model {folder} --output tags.jsonl` tags a folder. Thresholds, temperatures and biases are
in `eventroles.json`, and both apply them.

Other programs load the model as well and give its scores before calibration, which are {activation}:
`transformers.pipeline("text-classification", top_k=None, function_to_apply="{function}")`, Inference Endpoints and
text-embeddings-inference with the same `function_to_apply`{onnx}.

## What it is for, and what not

It describes what a text reports, not what happened. It is for finding, counting and reading reports; a person reads
before a decision rests on it. **It is not for targeting, nor for decisions about people.** What it finds in a biased
archive is biased as the archive is. Counts of its labels are corrected for its errors with `eventroles count`. Figures
below hold for text like the test split; measure it on your own archive with `eventroles evaluate` first.

## Results on the test split

{scores}

95 % intervals from a bootstrap over documents. The baseline is TF-IDF with logistic regression on the same split.

## Decision rule

Objective on the validation split: {objective}.

{rule}

## Calibration

{calibration}

## Robustness

{robustness}

## Limits

{limits}

## Speed and size

{speed}

## Training

| | |
| --- | --- |
{training}

{notes}
The whole configuration is in `training_config.yaml`. Hashes of all files, package versions and probe sentences with
their scores, which eventroles compares at loading, are in `eventroles.json`.

## Citation

```bibtex
@software{{eventroles,
  title = {{eventroles}},
  author = {{The eventroles authors}},
  version = {{{version}}},
  url = {{https://pypi.org/project/eventroles/}}
}}
```
"""


def write_card(folder: Path, manifest: Manifest, result: TrainResult, report: RunReport | None = None) -> None:
    """Write the card into a model folder, from the manifest and the results of the run.

    Args:
        folder: the model folder.
        manifest: its manifest.
        result: what the run measured.
        report: what the report measured besides; None before there is one.
    """
    labels = result.labels
    body = _TEXT.format(
        title=f"{labels.name}: sentence roles",
        how_many="exactly one" if labels.exclusive else "any number, or none,",
        definitions="\n".join(f"- **{label.name}** ({label.title}): {label.definition}" for label in labels.labels),
        folder=folder.as_posix(),
        activation="a softmax over the labels" if labels.exclusive else "a sigmoid for each label",
        function="softmax" if labels.exclusive else "sigmoid",
        onnx=_onnx(manifest),
        scores=_scores(result.model, result.baseline),
        objective=result.rule.objective,
        rule=_rule(result, labels),
        calibration=_calibration(report.evaluation.calibration) if report else _NOT_MEASURED.format("evaluate"),
        robustness=_robustness(report.robustness) if report else _NOT_MEASURED.format("robustness"),
        limits="\n".join(f"- {limit}" for limit in _limits(manifest, result)),
        speed=_speed(manifest, folder),
        training="\n".join(f"| {name} | {value} |" for name, value in _training(manifest, result)),
        notes="".join(f"> {warning}.\n\n" for warning in result.warnings),
        version=manifest.versions["eventroles"],
    )
    (folder / CARD).write_text(f"---\n{_metadata(manifest, result)}---\n{body}", encoding="utf-8")


_NOT_MEASURED = "Not measured in this run; `eventroles {} MODEL DATA` measures it on labelled sentences."


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
    if "hub_dataset" in manifest.data:
        data["datasets"] = [manifest.data["hub_dataset"]]
    scores = result.model
    metrics = [_metric("macro F1", scores.macro_f1), _metric("micro F1", scores.micro_f1)]
    metrics += [_metric(f"F1 of {name}", one.f1) for name, one in scores.labels.items() if not math.isnan(one.f1.value)]
    dataset = {"type": "test-split", "name": "test split of the training data", "split": "test"}
    data["model-index"] = [
        {"name": result.labels.name, "results": [{"task": test, "dataset": dataset, "metrics": metrics}]}
    ]
    data["widget"] = [{"text": text} for text in SENTENCES[:5]]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _metric(name: str, estimate: Estimate) -> dict[str, Any]:
    interval = {"low": round(estimate.low, 4), "high": round(estimate.high, 4), "level": 0.95}
    found: dict[str, Any] = {"type": "f1", "name": name, "value": round(estimate.value, 4)}
    return found | ({} if math.isnan(estimate.low) else {"args": interval})


def _onnx(manifest: Manifest) -> str:
    files = [export.file for export in manifest.exports.values() if export.file]
    return f"; onnxruntime and transformers.js with `{'` or `'.join(files)}`" if files else ""


def _calibration(found: Mapping[str, Calibration]) -> str:
    lines = ["| label | error before | after | by chance | Brier score |", "| --- " * 5 + "|"]
    lines += [
        f"| {name} | {_cell(one.before.error)} | {_cell(one.after.error)} | {_number(one.after.by_chance)} | "
        f"{_cell(one.after.brier)} |"
        for name, one in found.items()
    ]
    explained = (
        "Expected calibration error on the test split, in ten bins, of the probabilities before and after the decision "
        "rule; by\nchance: what it would be on so few sentences if every probability were right."
    )
    return "\n".join([*lines, "", explained])


def _robustness(found: Robustness) -> str:
    lines = ["| what changes | decisions that flip |", "| --- | --- |"]
    if found.actors is not None:
        lines.append(f"| the parties: names, sides, nationalities | {_share(found.actors.all.overall.share)} |")
    lines += [f"| {one.name} | {_share(one.flips.overall.share)} |" for one in found.perturbations]
    return "\n".join([*lines, "", "On the test split, in the sentences that each change touches."])


def _limits(manifest: Manifest, result: TrainResult) -> list[str]:
    worst = min(
        (one for one in result.model.labels.items() if not math.isnan(one[1].f1.value)),
        key=lambda one: one[1].f1.value,
        default=None,
    )
    limits = [
        "It judges one sentence at a time"
        + (f", with {manifest.context} before it" if manifest.context else ", without those before it")
        + "; who is speaking, and of what, often stands further away.",
        f"It reads {manifest.window} tokens of a sentence; what is longer is cut, and rows say so.",
        "It knows the language and the kinds of text that it was trained on. On others it errs more often, and its "
        "probabilities are worth less.",
    ]
    if worst is not None:
        limits.append(f"It is weakest on `{worst[0]}` (F1 {worst[1].f1.value:.2f} on the test split).")
    return limits


def _speed(manifest: Manifest, folder: Path) -> str:
    files = [SAFETENSORS, *(export.file for export in manifest.exports.values() if export.file)]
    sizes = [f"`{name}` {(folder / name).stat().st_size / 1e6:.0f} MB" for name in files if (folder / name).is_file()]
    return (
        f"{', '.join(sizes)}. A laptop needs no GPU; measured speeds of models of this size stand in "
        "`docs/performance.md` of eventroles, with the script that measured them."
    )


def _called(name: str) -> str:
    """Return a name without the folders of this machine: a card may be published."""
    return Path(name).name if Path(name).is_absolute() else name


def _share(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "–"
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.1f}–{100 * estimate.high:.1f})"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


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
    return [
        ("base model", f"`{_called(manifest.base_model['name'] or '')}`"),
        *_teacher(manifest),
        ("data", ", ".join(f"`{_called(source)}`" for source in data["sources"])),
        ("sentences", splits),
        *_unlabelled(manifest),
        ("epochs", f"{result.epochs:g}, {result.weights}"),
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
