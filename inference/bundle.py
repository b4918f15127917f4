"""The model folder: loading it after the checks it must pass, and writing its manifest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..labels.errors import ConfigError, ModelError
from ..labels.labelset import LabelSet
from .checks import (
    check_config,
    check_files,
    check_rules,
    check_weights,
    file_sha256,
    problem_of_hash,
    problem_of_name,
    refuse_external_data,
)
from .decision import DecisionRule
from .errorrates import LabelErrors
from .manifest import CARD, MANIFEST, DecisionManifest, Manifest, Probe, parse_manifest
from .modelfiles import (
    ONNX_FOLDER,
    READABLE,
    SAFETENSORS,
    SAFETENSORS_INDEX,
    LocalFiles,
    ModelFiles,
    fetch_weights,
    read_json,
)
from .plain import describe_plain


@dataclass(frozen=True)
class Bundle:
    """A model folder that passed its checks.

    Attributes:
        files: its files, here or on the Hub.
        name: what the user called it: a path or a Hub id.
        revision: the Hub commit, or the first 12 hex digits of the SHA-256 of its manifest (of a plain model: of its
            configuration and weights).
        label_set: what its outputs mean, in order.
        rule: how its logits become roles.
        manifest: everything else it says of itself.
        plain: it is no model of ours: a classifier of transformers without manifest, of which nothing was measured.
    """

    files: ModelFiles
    name: str
    revision: str
    label_set: LabelSet
    rule: DecisionRule
    manifest: Manifest
    plain: bool = False

    @property
    def folder(self) -> Path:
        """Where it lies on this machine."""
        return self.files.folder

    def exported(self, precision: str) -> str | None:
        """Return the name of the ONNX file of a precision, ``fp32`` or ``int8``; None if there is none to use."""
        export = self.manifest.exports.get(precision)  # type: ignore[call-overload]
        return export.file if export is not None and export.file and self.has(export.file) else None

    def rule_for(self, precision: str) -> DecisionRule:
        """Return the decision rule for logits of a precision: int8 logits have one of their own."""
        export = self.manifest.exports.get(precision)  # type: ignore[call-overload]
        if precision == "fp32" or export is None or export.decision is None:
            return self.rule
        own: DecisionManifest = export.decision
        return own.rule(exclusive=self.label_set.exclusive)

    def errors_for(self, precision: str) -> Mapping[str, LabelErrors]:
        """Return how often decisions of a precision are wrong, by label; empty where it was not measured."""
        export = self.manifest.exports.get(precision)  # type: ignore[call-overload]
        own = export is not None and export.decision is not None
        return export.errors if own else self.manifest.errors

    def probes_for(self, precision: str) -> Sequence[Probe]:
        """Return the sentences of the self-check with the scores of a precision; empty for a model without."""
        export = self.manifest.exports.get(precision)  # type: ignore[call-overload]
        own = export is not None and export.decision is not None
        return export.probes if own else self.manifest.probes

    def with_max_error(self, max_error: float) -> Bundle:
        """Return the bundle with the review bands of another target error; see `DecisionRule.with_max_error`.

        Raises:
            ConfigError: the model has no review bands, or none for so small an error.
        """
        exclusive = self.label_set.exclusive

        def changed(decision: DecisionManifest) -> DecisionManifest:
            return DecisionManifest.of(decision.rule(exclusive=exclusive).with_max_error(max_error))

        exports = {
            name: export.model_copy(update={"decision": changed(export.decision)}) if export.decision else export
            for name, export in self.manifest.exports.items()
        }
        manifest = self.manifest.model_copy(update={"decision": changed(self.manifest.decision), "exports": exports})
        return replace(self, rule=self.rule.with_max_error(max_error), manifest=manifest)

    def has(self, name: str) -> bool:
        """Whether a file that the manifest vouches for is in the folder, or on the Hub where the model is from."""
        return (self.plain or name in self.manifest.files) and self.files.offers(name)

    def has_weights(self) -> bool:
        """Whether there are weights that torch can load."""
        return self.has(SAFETENSORS) or (self.plain and self.files.offers(SAFETENSORS_INDEX))

    def verified(self, name: str) -> Path:
        """Return the path of a file with weights, fetched if need be, after comparing its SHA-256 with the manifest's.

        Of a plain model nobody has written down what its files should be: they are only looked at.

        Raises:
            HubError: the Hub does not give it.
            ModelError: it is missing, not the file that the manifest was written for, or asks for what is not done.
        """
        if self.plain:
            path = fetch_weights(self.files)
        else:
            if problem := problem_of_name(name, self.manifest):
                raise ModelError(f"{self.name}: {problem}")
            path = self.files.fetch(name)
            if problem := problem_of_hash(path, name, self.manifest):
                raise ModelError(f"{self.name}: {problem}")
        if name.endswith(".onnx"):
            refuse_external_data(path)
        else:
            check_weights(path, read_json(self.folder / "config.json"))
        return path


def load_bundle(where: Path | ModelFiles, *, name: str | None = None, labels: LabelSet | None = None) -> Bundle:
    """Read and check a model folder; nothing in it is executed. Weights are checked by `Bundle.verified`.

    Args:
        where: the model folder, or the files of a model as `fetch_model` finds them.
        name: what to call it in rows; the folder by default.
        labels: what the outputs of a plain model mean; one of ours says so itself.

    Raises:
        ConfigError: ``labels`` are not those of the model, or were not given and are needed.
        HubError: the Hub does not give a file.
        ModelError: files are missing, damaged or changed, or disagree: all of them.
    """
    files = LocalFiles(where) if isinstance(where, Path) else where
    folder = files.folder
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder")
    called = name or folder.as_posix()
    if not files.offers(MANIFEST):
        return _load_plain(files, called, labels)
    path = files.fetch(MANIFEST)
    content = path.read_bytes()
    manifest = parse_manifest(content, path)
    try:
        label_set = LabelSet.from_dict(manifest.label_set, source=f"{path} label_set")
    except ConfigError as error:
        raise ModelError(str(error)) from error
    if labels is not None and labels.names != label_set.names:
        raise ConfigError(
            f"{called} says itself what its outputs are: {', '.join(label_set.names)}; leave --labels out"
        )
    problems = check_files(files, manifest) or [
        *check_config(read_json(folder / "config.json"), label_set),
        *check_rules(manifest, label_set),
    ]
    if problems:
        raise ModelError("\n".join(f"{called}: {problem}" for problem in problems))
    return Bundle(
        files=files,
        name=called,
        revision=files.revision or hashlib.sha256(content).hexdigest()[:12],
        label_set=label_set,
        rule=manifest.decision.rule(exclusive=label_set.exclusive),
        manifest=manifest,
    )


def _load_plain(files: ModelFiles, name: str, labels: LabelSet | None) -> Bundle:
    """Load a classifier of transformers that eventroles has not made."""
    if (files.folder / "checkpoints").is_dir():
        raise ModelError(f"{name}: no {MANIFEST}; training has not finished there (see --resume)")
    if not files.offers("config.json"):
        raise ModelError(f"{name}: no {MANIFEST}; not a model. Train one with: eventroles train seeds")
    found = describe_plain(files, name=name, labels=labels)
    revision = files.revision
    if revision is None:
        parts = [files.fetch("config.json"), fetch_weights(files)]
        revision = hashlib.sha256("".join(map(file_sha256, parts)).encode()).hexdigest()[:12]
    rule = found.manifest.decision.rule(exclusive=found.label_set.exclusive)
    return Bundle(files, name, revision, found.label_set, rule, found.manifest, plain=True)


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


def _belongs(path: Path) -> bool:
    """Whether a file is vouched for: not the card, which people edit and nothing loads."""
    named = path.suffix in READABLE and path.name not in (MANIFEST, CARD) and not path.name.startswith(".")
    return named and path.is_file()
