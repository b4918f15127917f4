"""What a model folder must pass before it is used: names, hashes, configuration, rules and the shape of its weights."""

from __future__ import annotations

import hashlib
import json
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..labels.errors import ModelError, shown
from ..labels.labelset import LabelSet
from .manifest import CARD, MANIFEST, Manifest
from .modelfiles import ONNX_FOLDER, READABLE, SAFETENSORS, WEIGHTS, ModelFiles, leaves

_NEEDED = ("config.json", "tokenizer.json")
_LARGEST_HEADER = 100 << 20  # bytes; safetensors' own limit
# Sizes of config.json that decide how much memory a model takes, under the names that architectures give them.
_WIDTHS = ("vocab_size", "hidden_size", "intermediate_size", "d_model", "dim", "n_embd", "embedding_size")
_DEPTHS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")


def check_files(files: ModelFiles, manifest: Manifest) -> list[str]:
    """Return what is wrong with the files that a manifest names; weights are not opened, the others are hashed.

    Raises:
        HubError: the Hub does not give one.
    """
    problems = [problem_of_name(name, manifest) for name in dict.fromkeys([*_NEEDED, *manifest.files])]
    exports = [export.file for export in manifest.exports.values() if export.file is not None]
    problems += [
        f"{MANIFEST} names the export {file!r}; exports are .onnx files in {ONNX_FOLDER}/"
        for file in exports
        if not file.startswith(f"{ONNX_FOLDER}/") or not file.endswith(".onnx")
    ]
    weights = [SAFETENSORS, *exports]
    problems += [problem_of_name(name, manifest) for name in weights]
    if not any(files.offers(name) for name in weights):
        problems.append(f"{SAFETENSORS} is missing")
    if not any(problems):
        problems += [_problem_of_file(files, name, manifest) for name in manifest.files if not name.endswith(WEIGHTS)]
    return [problem for problem in dict.fromkeys(problems) if problem]


def problem_of_name(name: str, manifest: Manifest) -> str:
    """Return why a file of this name may not be opened; empty if it may."""
    if leaves(name):
        return f"{MANIFEST} names the file {name!r}, which is not in the folder"
    if not name.endswith(READABLE):
        return f"{MANIFEST} names {name!r}, which is no file of a model; eventroles opens nothing of that kind"
    if name not in manifest.files:
        return f"{MANIFEST} gives no SHA-256 for {name}"
    return ""


def problem_of_hash(path: Path, name: str, manifest: Manifest) -> str:
    """Return that a file is not the one that the manifest was written for; empty if it is."""
    if name == CARD or file_sha256(path) == manifest.files[name]:
        return ""
    return f"{name} is not the file that was trained (SHA-256 differs); fetch the model again"


def check_config(config: Mapping[str, Any], label_set: LabelSet) -> list[str]:
    """Return what in ``config.json`` does not agree with the label set of the manifest, or would run code."""
    try:
        id2label = {int(index): name for index, name in config["id2label"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"config.json is damaged: {error!r}"]
    problems = []
    if runs_code(config):
        problems.append("config.json asks for code of its own (auto_map); eventroles runs none")
    names = [id2label.get(index) for index in range(len(id2label))]
    if names != list(label_set.names):
        problems.append(
            f"the labels of config.json ({', '.join(map(str, names))}) are not those of the label set in {MANIFEST} "
            f"({', '.join(label_set.names)}), in this order"
        )
    return problems


def runs_code(config: Mapping[str, Any]) -> bool:
    """Whether a configuration names Python code of its repository to be run."""
    return "auto_map" in config


def check_rules(manifest: Manifest, label_set: LabelSet) -> list[str]:
    """Return which decision rules of a manifest do not fit its label set."""
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


def check_weights(path: Path, config: Mapping[str, Any]) -> None:
    """Refuse weights that are no safetensors, and a configuration of a far larger model than they are.

    A model is laid out in memory as its configuration says before its weights are read: one that claims a million
    layers would take all memory there is.

    Args:
        path: a safetensors file, or the index of several.
        config: of the model.

    Raises:
        ModelError: they do not fit.
    """
    if path.name != SAFETENSORS:
        return
    shapes = _read_shapes(path)
    largest = max((size for shape in shapes for size in shape), default=0)
    limits = dict.fromkeys(_WIDTHS, largest) | dict.fromkeys(_DEPTHS, len(shapes))
    for key, limit in limits.items():
        value = config.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= limit):
            raise ModelError(
                f"{path.parent}: config.json says {key} {shown(value)}, but the weights have {len(shapes)} tensors of "
                f"at most {largest:,}: one of the two is not of this model"
            )


def refuse_external_data(path: Path) -> None:
    """Refuse an ONNX file whose weights are in other files: it could name any file of this machine.

    Raises:
        ModelError: it does.
    """
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise ModelError(f"{path}: the file is empty; fetch the model again")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            # The key of an entry of TensorProto.external_data (onnx.proto); nothing that eventroles writes has it.
            if content.find(b"location") >= 0:
                raise ModelError(f"{path}: the graph keeps its weights in other files, which is not read")


def file_sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _problem_of_file(files: ModelFiles, name: str, manifest: Manifest) -> str:
    if not files.offers(name):
        return f"{name} is missing"
    try:
        return problem_of_hash(files.fetch(name), name, manifest)
    except ModelError as error:
        return str(error)


def _read_shapes(path: Path) -> list[list[int]]:
    """Return the shapes of all tensors of a safetensors file, from its header alone."""
    problem = f"{path}: {SAFETENSORS} is damaged"
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            raise ModelError(f"{problem}: it has {len(start)} bytes")
        (length,) = struct.unpack("<Q", start)
        if length > min(_LARGEST_HEADER, path.stat().st_size):
            raise ModelError(f"{problem}: its header claims {length:,} bytes (or it is no safetensors file at all)")
        try:
            header = json.loads(file.read(length))
            return [list(map(int, entry["shape"])) for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ModelError(f"{problem}: its header cannot be read") from error
