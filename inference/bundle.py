"""The model folder: its files, its manifest `eventroles.json`, and the checks it must pass to be loaded."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..labels.errors import ConfigError, ModelError
from ..labels.labelset import LabelSet
from .decision import DecisionRule

MANIFEST = "eventroles.json"
NEEDED = ("config.json", "model.safetensors", "tokenizer.json")
_HASHED = (".json", ".safetensors", ".txt", ".model", ".yaml", ".md")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DecisionManifest(_Part):
    """The decision rule as the manifest keeps it."""

    objective: str
    temperatures: list[Annotated[float, Field(gt=0)]]
    thresholds: list[float]


class Manifest(_Part):
    """What `eventroles.json` holds.

    Attributes:
        format: version of this layout.
        label_set: the label set, as `LabelSet.to_dict` gives it.
        decision: the fitted decision rule.
        context: sentences before the tagged one that the model sees.
        window: tokens that the model reads, special tokens included.
        base_model: name, revision and weight hash of the encoder that was fine-tuned.
        data: what it was trained on: files, SHA-256 of the records, counts of each split.
        config_sha256: hash of the resolved config beside it (``training_config.yaml``).
        metrics: measured on the test split: the model's and the baseline's.
        versions: of eventroles, Python and the packages that made it.
        files: SHA-256 of every other file of the folder, by name.
    """

    format: Literal[1]
    label_set: dict[str, Any]
    decision: DecisionManifest
    context: Annotated[int, Field(ge=0, le=3)]
    window: Annotated[int, Field(ge=8)]
    base_model: dict[str, str | None]
    data: dict[str, Any]
    config_sha256: str
    metrics: dict[str, Any]
    versions: dict[str, str]
    files: dict[str, str]


@dataclass(frozen=True)
class Bundle:
    """A model folder that passed its checks.

    Attributes:
        folder: where it lies.
        name: what the user called it: a path or a Hub id.
        revision: the Hub commit, or the first 12 hex digits of the SHA-256 of its manifest.
        label_set: what its outputs mean, in order.
        rule: how its logits become roles.
        manifest: everything else it says of itself.
    """

    folder: Path
    name: str
    revision: str
    label_set: LabelSet
    rule: DecisionRule
    manifest: Manifest


def load_bundle(folder: Path, *, name: str | None = None, revision: str | None = None) -> Bundle:
    """Read and check a model folder; nothing in it is executed.

    Args:
        folder: the model folder.
        name: what to call it in rows; the folder by default.
        revision: the Hub commit it came from, if it did.

    Raises:
        ModelError: files are missing, damaged or changed, or disagree: all of them.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder")
    if not (folder / MANIFEST).is_file():
        hint = "training has not finished there (see --resume)" if (folder / "checkpoints").is_dir() else "not a model"
        raise ModelError(f"{folder}: no {MANIFEST}; {hint}. Train one with: eventroles train seeds")
    content = (folder / MANIFEST).read_bytes()
    manifest = _parse_manifest(content, folder / MANIFEST)
    try:
        label_set = LabelSet.from_dict(manifest.label_set, source=f"{folder / MANIFEST} label_set")
    except ConfigError as error:
        raise ModelError(str(error)) from error
    rule = DecisionRule(
        temperatures=tuple(manifest.decision.temperatures),
        thresholds=tuple(manifest.decision.thresholds),
        exclusive=label_set.exclusive,
        objective=manifest.decision.objective,
    )
    problems = _check_files(folder, manifest) or _check_labels(folder, label_set, rule)
    if problems:
        raise ModelError("\n".join(f"{folder}: {problem}" for problem in problems))
    return Bundle(
        folder=folder,
        name=name or folder.as_posix(),
        revision=revision or hashlib.sha256(content).hexdigest()[:12],
        label_set=label_set,
        rule=rule,
        manifest=manifest,
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `eventroles.json` atomically, with the hashes of the files that lie beside it now.

    The manifest comes last: a folder without it is not a model, so an interrupted run never leaves half of one.
    """
    files = {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if _belongs(path)}
    text = json.dumps(manifest.model_copy(update={"files": files}).model_dump(), indent=2, ensure_ascii=False)
    partial = folder / f".{MANIFEST}.partial"
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / MANIFEST)


def file_sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _belongs(path: Path) -> bool:
    return path.is_file() and path.suffix in _HASHED and path.name != MANIFEST and not path.name.startswith(".")


def _parse_manifest(content: bytes, path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        place = f"{path}: {key}" if key else str(path)
        raise ModelError(f"{place}: {first['msg']}; the file is damaged or from another version") from error


def _check_files(folder: Path, manifest: Manifest) -> list[str]:
    problems = [f"{name} is missing" for name in NEEDED if not (folder / name).is_file()]
    for name, sha256 in manifest.files.items():
        path = folder / name
        if name != Path(name).name:
            problems.append(f"{MANIFEST} names the file {name!r}, which is not in the folder")
        elif not path.is_file():
            problems.append(f"{name} is missing")
        elif name != "README.md" and file_sha256(path) != sha256:  # people edit the card; nothing is loaded from it
            problems.append(f"{name} is not the file that was trained (SHA-256 differs); fetch the model again")
    unlisted = [name for name in NEEDED if name not in manifest.files]
    return list(dict.fromkeys(problems + [f"{MANIFEST} gives no SHA-256 for {name}" for name in unlisted]))


def _check_labels(folder: Path, label_set: LabelSet, rule: DecisionRule) -> list[str]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        id2label = {int(index): name for index, name in config["id2label"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        return [f"config.json is damaged: {error!r}"]
    problems = []
    if _runs_code(config):
        problems.append("config.json asks for code of its own (auto_map); eventroles runs none")
    names = [id2label.get(index) for index in range(len(id2label))]
    if names != list(label_set.names):
        problems.append(
            f"the labels of config.json ({', '.join(map(str, names))}) are not those of the label set in {MANIFEST} "
            f"({', '.join(label_set.names)}), in this order"
        )
    wanted = (1, 0) if label_set.exclusive else (len(label_set), len(label_set))
    if (len(rule.temperatures), len(rule.thresholds)) != wanted:
        problems.append(
            f"{MANIFEST} has {len(rule.temperatures)} temperatures and {len(rule.thresholds)} thresholds; expected "
            f"{wanted[0]} and {wanted[1]}"
        )
    return problems


def _runs_code(config: Mapping[str, Any]) -> bool:
    return "auto_map" in config
