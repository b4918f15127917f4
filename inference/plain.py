"""Classifiers of transformers that eventroles has not made: what their config.json says, as a manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..labels.errors import ConfigError, ModelError, require
from ..labels.labelset import LabelSet
from .checks import runs_code
from .decision import DecisionRule
from .engines.torch import load_pretrained
from .manifest import MANIFEST, DecisionManifest, Manifest
from .modelfiles import ModelFiles, read_json

_UNNAMED = re.compile(r"LABEL_\d+")
_LONGEST_WINDOW = 512  # tokens; a sentence hardly ever has more, and attention takes the square of it
# Small files that a tokenizer or a model may need beside config.json.
_BESIDE = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json"),
    *("vocab.txt", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "spm.model"),
)
# These families number positions from the padding token's number on: they have that many, and one, fewer.
_PADDED_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "bertweet")


@dataclass(frozen=True)
class Plain:
    """What is known of a plain model: its labels, and a manifest with what follows from its configuration."""

    label_set: LabelSet
    manifest: Manifest


def describe_plain(files: ModelFiles, *, name: str, labels: LabelSet | None) -> Plain:
    """Return what a classifier of transformers says of itself, after its small files are on this machine.

    Args:
        files: its files.
        name: what to call it in messages.
        labels: what its outputs mean, in their order; by default what ``config.json`` calls them.

    Raises:
        ConfigError: its labels are not named and none were given, or another number of them was.
        HubError: the Hub does not give a file.
        ModelError: it is no classifier of sentences, or would run code.
    """
    config = read_json(files.fetch("config.json"))
    if runs_code(config):
        raise ModelError(f"{name}: config.json asks for code of its own (auto_map); eventroles runs none")
    if not any(str(one).endswith("ForSequenceClassification") for one in config.get("architectures") or ()):
        raise ModelError(
            f"{name}: no classifier of sentences (architectures in config.json: {config.get('architectures')}); "
            "a base model is fine-tuned first: eventroles train CONFIG --set model.base=" + name
        )
    for file in _BESIDE:
        if files.offers(file):
            files.fetch(file)
    tokenizer = read_json(files.fetch("tokenizer_config.json")) if files.offers("tokenizer_config.json") else {}
    if runs_code(tokenizer):
        raise ModelError(f"{name}: tokenizer_config.json asks for code of its own (auto_map); eventroles runs none")
    label_set = _label_set(config, name, labels)
    rule = DecisionRule.uncalibrated(len(label_set), exclusive=label_set.exclusive)
    manifest = Manifest(
        format=1,
        label_set=label_set.to_dict(),
        decision=DecisionManifest.of(rule),
        context=0,
        window=_window(config, tokenizer),
        base_model={"name": name, "revision": files.revision},
        data={},
        config_sha256="",
        metrics={},
        versions={},
        files={},
    )
    return Plain(label_set, manifest)


def convert_tokenizer(folder: Path) -> str:
    """Return the ``tokenizer.json`` that transformers makes of an older kind of tokenizer, such as a ``vocab.txt``.

    Raises:
        EventRolesError: transformers is not installed.
        ModelError: the folder holds no tokenizer that has a fast form.
    """
    transformers = require("transformers", extra="torch")
    tokenizer = load_pretrained(
        lambda: transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True),
        folder,
    )
    if not tokenizer.is_fast:
        raise ModelError(f"{folder}: its tokenizer has no fast form (tokenizer.json), which eventroles needs")
    return str(tokenizer.backend_tokenizer.to_str())


def warning_of_plain(name: str, labels: LabelSet) -> str:
    """Return what a user of a plain model should know."""
    activation = "softmax" if labels.exclusive else "sigmoids"
    decision = "the most probable label is given" if labels.exclusive else "the threshold is 0.5"
    return (
        f"{name} has no {MANIFEST}: its labels are those of its config.json and its scores its {activation}; "
        f"{decision}, and nothing is calibrated"
    )


def _label_set(config: dict[str, Any], name: str, labels: LabelSet | None) -> LabelSet:
    try:
        found = {int(index): str(label) for index, label in (config.get("id2label") or {}).items()}
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{name}: config.json is damaged: id2label: {error}") from error
    count = len(found) or int(config.get("num_labels") or 2)
    names = [found.get(index, f"LABEL_{index}") for index in range(count)]
    exclusive = _is_exclusive(config, name, count)
    if labels is not None:
        if len(labels) != count or labels.exclusive != exclusive:
            kind = "exactly one a sentence" if exclusive else "any number of them a sentence (exclusive: false)"
            raise ConfigError(
                f"{name} has {count} outputs ({', '.join(names)}), {kind}; the label set {labels.name} has "
                f"{len(labels)} labels and exclusive: {str(labels.exclusive).lower()}"
            )
        return labels
    if any(_UNNAMED.fullmatch(one) for one in names):
        raise ConfigError(
            f"{name} does not say what its {count} outputs mean ({', '.join(names[:4])}{', …' * (count > 4)}); name "
            "them, in their order, in a label set and give it with --labels FILE"
        )
    try:
        return LabelSet.from_dict(
            {
                "name": name.rpartition("/")[2] or name,
                "version": "plain",
                "exclusive": exclusive,
                "labels": [{"name": one, "title": one, "definition": f"As {name} was trained."} for one in names],
            },
            source=f"{name}: the labels of config.json",
        )
    except ConfigError as error:
        raise ConfigError(f"{error}\nName them anew, in their order, with --labels FILE") from error


def _is_exclusive(config: dict[str, Any], name: str, count: int) -> bool:
    kind = config.get("problem_type")
    if kind == "regression":
        raise ModelError(f"{name}: its outputs are measures (problem_type: regression), not labels")
    if kind in ("single_label_classification", "multi_label_classification"):
        return bool(kind == "single_label_classification") and count > 1
    return count > 1  # as the pipeline of transformers does where nothing is said


def _window(config: dict[str, Any], tokenizer: dict[str, Any]) -> int:
    """Return how many tokens the model reads: the least of what tokenizer and positions allow, at most 512."""
    limits = [_LONGEST_WINDOW]
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and positions > 0:
        padded = config.get("model_type") in _PADDED_POSITIONS
        limits.append(positions - (int(config.get("pad_token_id") or 0) + 1 if padded else 0))
    longest = tokenizer.get("model_max_length")
    if isinstance(longest, int) and longest > 0:
        limits.append(longest)
    return max(8, min(limits))
