"""The model folder: its files, its manifest `eventroles.json`, and the checks it must pass to be loaded."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..labels.errors import ConfigError, ModelError
from ..labels.labelset import LabelSet
from .decision import Band, DecisionRule, ReviewBands
from .errorrates import LabelErrors

MANIFEST = "eventroles.json"
SAFETENSORS = "model.safetensors"
ONNX_FOLDER = "onnx"
_NEEDED = ("config.json", "tokenizer.json")
_HASHED = (".json", ".safetensors", ".txt", ".model", ".yaml", ".md")
# Checked when an engine is about to load them: a run reads one of them, and hashing all takes longer than loading it.
_WEIGHTS = (".safetensors", ".onnx")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ReviewManifest(_Part):
    """The review bands for one target error; one band a label, null where no sentence needs review."""

    max_error: Annotated[float, Field(gt=0, lt=1)]
    bands: list[Band | None]


class DecisionManifest(_Part):
    """The decision rule as the manifest keeps it; older manifests have no biases and no review bands."""

    objective: str
    temperatures: list[Annotated[float, Field(gt=0)]]
    biases: list[float] = []
    thresholds: list[float]
    max_error: float | None = None
    review: list[ReviewManifest] = []

    @classmethod
    def of(cls, rule: DecisionRule) -> DecisionManifest:
        """Return a rule as the manifest keeps it."""
        return cls(
            objective=rule.objective,
            temperatures=list(rule.temperatures),
            biases=list(rule.biases),
            thresholds=list(rule.thresholds),
            max_error=rule.max_error,
            review=[ReviewManifest(max_error=found.max_error, bands=list(found.bands)) for found in rule.review],
        )


class Comparison(_Part):
    """What an export changes, measured on the validation split: the quality contract.

    Attributes:
        sentences: how many were compared.
        decisions: sentences times labels.
        largest_change: of a calibrated probability.
        mean_change: of the calibrated probabilities, sign aside.
        flips: decisions that differ, by label.
        macro_f1: of the export, with its own decision rule.
        macro_f1_change: the export's macro F1 minus that of the original.
    """

    sentences: int
    decisions: int
    largest_change: float
    mean_change: float
    flips: dict[str, int]
    macro_f1: float
    macro_f1_change: float

    @property
    def flip_share(self) -> float:
        """Share of all decisions that differ."""
        return sum(self.flips.values()) / self.decisions


class Export(_Part):
    """One exported file, or why it was not kept.

    Attributes:
        file: its path in the folder, ``onnx/model_int8.onnx``; None if it was not kept.
        decision: the decision rule fitted on its own logits; None if it was not kept.
        comparison: what it changes; None where no validation sentences were at hand.
        kept_fp32: matrix products that stayed in fp32 because of what quantising them changed, by name.
        reason: why it was not kept; empty if it was.
        errors: how often its own decisions are wrong on the test split, by label; empty if it decides as fp32 does.
    """

    file: str | None
    decision: DecisionManifest | None
    comparison: Comparison | None
    kept_fp32: list[str]
    reason: str
    errors: dict[str, LabelErrors] = {}


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
        errors: how often its decisions are wrong on the test split, by label, for `eventroles count`.
        exports: ONNX files by precision, ``fp32`` and ``int8``.
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
    errors: dict[str, LabelErrors] = {}
    exports: dict[Literal["fp32", "int8"], Export] = {}
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

    def exported(self, precision: str) -> str | None:
        """Return the name of the ONNX file of a precision, ``fp32`` or ``int8``; None if there is none to use."""
        export = self.manifest.exports.get(precision)  # type: ignore[call-overload]
        return export.file if export is not None and export.file and self.has(export.file) else None

    def rule_for(self, precision: str) -> DecisionRule:
        """Return the decision rule for logits of a precision: int8 logits have one of their own."""
        export = self.manifest.exports.get(precision)  # type: ignore[call-overload]
        if precision == "fp32" or export is None or export.decision is None:
            return self.rule
        return _rule(export.decision, self.label_set)

    def errors_for(self, precision: str) -> Mapping[str, LabelErrors]:
        """Return how often decisions of a precision are wrong, by label; empty where it was not measured."""
        export = self.manifest.exports.get(precision)  # type: ignore[call-overload]
        own = export is not None and export.decision is not None
        return export.errors if own else self.manifest.errors

    def with_max_error(self, max_error: float) -> Bundle:
        """Return the bundle with the review bands of another target error; see `DecisionRule.with_max_error`.

        Raises:
            ConfigError: the model has no review bands, or none for so small an error.
        """

        def changed(decision: DecisionManifest) -> DecisionManifest:
            return DecisionManifest.of(_rule(decision, self.label_set).with_max_error(max_error))

        exports = {
            name: export.model_copy(update={"decision": changed(export.decision)}) if export.decision else export
            for name, export in self.manifest.exports.items()
        }
        manifest = self.manifest.model_copy(update={"decision": changed(self.manifest.decision), "exports": exports})
        return replace(self, rule=self.rule.with_max_error(max_error), manifest=manifest)

    def has(self, name: str) -> bool:
        """Whether a file of the manifest lies in the folder."""
        return name in self.manifest.files and (self.folder / name).is_file()

    def verified(self, name: str) -> Path:
        """Return the path of a file with weights, after comparing its SHA-256 with the manifest's.

        Raises:
            ModelError: it is missing, or not the file that the manifest was written for.
        """
        problem = _problem_of(self.folder, name, self.manifest)
        if problem:
            raise ModelError(f"{self.folder}: {problem}")
        return self.folder / name


def load_bundle(folder: Path, *, name: str | None = None, revision: str | None = None) -> Bundle:
    """Read and check a model folder; nothing in it is executed. Weights are checked by `Bundle.verified`.

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
    rule = _rule(manifest.decision, label_set)
    problems = _check_files(folder, manifest) or [*_check_labels(folder, label_set), *_check_rules(manifest, label_set)]
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
    found = [path for path in folder.iterdir() if _belongs(path)] + list((folder / ONNX_FOLDER).glob("*.onnx"))
    files = {name: file_sha256(folder / name) for name in sorted(path.relative_to(folder).as_posix() for path in found)}
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
    problems = [
        _problem_of(folder, name, manifest)
        for name in dict.fromkeys([*_NEEDED, *manifest.files])
        if Path(name).suffix not in _WEIGHTS or _leaves(name)
    ]
    exports = [export.file for export in manifest.exports.values() if export.file is not None]
    problems += [
        f"{MANIFEST} names the export {file!r}; exports are .onnx files in {ONNX_FOLDER}/"
        for file in exports
        if not file.startswith(f"{ONNX_FOLDER}/") or not file.endswith(".onnx")
    ]
    weights = [SAFETENSORS, *exports]
    problems += [_problem_of_listing(name, manifest) for name in weights]
    if not any((folder / name).is_file() for name in weights):
        problems.append(f"{SAFETENSORS} is missing")
    return [problem for problem in dict.fromkeys(problems) if problem]


def _problem_of(folder: Path, name: str, manifest: Manifest) -> str:
    """Return what is wrong with a file of the folder; empty if nothing is."""
    path = folder / name
    if _leaves(name):
        return f"{MANIFEST} names the file {name!r}, which is not in the folder"
    if not path.is_file():
        return f"{name} is missing"
    if name not in manifest.files:
        return _problem_of_listing(name, manifest)
    if name != "README.md" and file_sha256(path) != manifest.files[name]:  # people edit the card; nothing loads it
        return f"{name} is not the file that was trained (SHA-256 differs); fetch the model again"
    return ""


def _problem_of_listing(name: str, manifest: Manifest) -> str:
    return "" if name in manifest.files else f"{MANIFEST} gives no SHA-256 for {name}"


def _leaves(name: str) -> bool:
    """Whether a name leads out of the model folder, or into a folder of it that holds none of our files."""
    folder, _, file = name.rpartition("/")
    return folder not in ("", ONNX_FOLDER) or file != Path(file).name or file in ("", "..") or "\\" in name


def _rule(decision: DecisionManifest, label_set: LabelSet) -> DecisionRule:
    return DecisionRule(
        temperatures=tuple(decision.temperatures),
        biases=tuple(decision.biases),
        thresholds=tuple(decision.thresholds),
        exclusive=label_set.exclusive,
        objective=decision.objective,
        max_error=decision.max_error,
        review=tuple(ReviewBands(found.max_error, tuple(found.bands)) for found in decision.review),
    )


def _check_labels(folder: Path, label_set: LabelSet) -> list[str]:
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
    return problems


def _check_rules(manifest: Manifest, label_set: LabelSet) -> list[str]:
    wanted = (1, 0) if label_set.exclusive else (len(label_set), len(label_set))
    rules = [manifest.decision, *(export.decision for export in manifest.exports.values() if export.decision)]
    problems = [
        f"{MANIFEST} has {len(rule.temperatures)} temperatures and {len(rule.thresholds)} thresholds; expected "
        f"{wanted[0]} and {wanted[1]}"
        for rule in rules
        if (len(rule.temperatures), len(rule.thresholds)) != wanted
    ]
    for rule in rules:
        if len(rule.biases) not in (0, wanted[1]):
            problems.append(f"{MANIFEST} has {len(rule.biases)} biases; expected none or {wanted[1]}")
        if wrong := {len(found.bands) for found in rule.review} - {wanted[0]}:
            problems.append(f"{MANIFEST} has {min(wrong)} review bands for one target error; expected {wanted[0]}")
        if rule.max_error is not None and rule.max_error not in {found.max_error for found in rule.review}:
            problems.append(f"{MANIFEST} has no review bands for its max_error {rule.max_error:g}")
    return problems


def _runs_code(config: Mapping[str, Any]) -> bool:
    return "auto_map" in config
