"""The files of a model, wherever they lie, and what must be true of any of them before it is opened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..labels.errors import ModelError

SAFETENSORS = "model.safetensors"
SAFETENSORS_INDEX = "model.safetensors.index.json"
ONNX_FOLDER = "onnx"
WEIGHTS = (".safetensors", ".onnx")
"""Endings of the files with weights, which are large: they are fetched and hashed when an engine asks for them."""
READABLE = (".json", ".txt", ".model", ".yaml", ".md", *WEIGHTS)
"""Endings of all files that a model folder may name; what else lies there belongs to somebody else."""
# What weights are called in formats that can run code when they are read, or that are not read here.
_PICKLES = (
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
    "flax_model.msgpack",
    "model.ckpt.index",
)
_MEBIBYTE = 1 << 20
_LARGEST_JSON = 8 * _MEBIBYTE
# A tokenizer of 250,000 words takes 17 MiB, the largest that are published 35.
_LARGEST_VOCABULARY = 128 * _MEBIBYTE
_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt")


class ModelFiles(Protocol):
    """The files of one model.

    Attributes:
        folder: where those lie that are on this machine.
        revision: the Hub commit they are of; None if they are from elsewhere.
    """

    @property
    def folder(self) -> Path:
        """Where they lie."""

    @property
    def revision(self) -> str | None:
        """The Hub commit."""

    def offers(self, name: str) -> bool:
        """Whether the model has a file of this name, here or where it comes from."""

    def fetch(self, name: str) -> Path:
        """Return the path of a file, after it is on this machine.

        Raises:
            HubError: the Hub does not give it.
            ModelError: there is no such file, or it may not be opened.
        """


@dataclass(frozen=True)
class LocalFiles:
    """The files of a model that lies in a folder of this machine."""

    folder: Path
    revision: str | None = None

    def offers(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return not leaves(name) and (self.folder / name).is_file()

    def fetch(self, name: str) -> Path:
        """Return the path of a file.

        Raises:
            ModelError: there is no such file, or it may not be opened.
        """
        return checked_path(self.folder, name)


def fetch_weights(files: ModelFiles) -> Path:
    """Return the path of a model's safetensors file, or of the index of several, after all of them are here.

    Raises:
        HubError: the Hub does not give them.
        ModelError: there are none, or the index is damaged.
    """
    if not files.offers(SAFETENSORS) and not files.offers(SAFETENSORS_INDEX):
        pickles = [name for name in _PICKLES if files.offers(name)]
        why = (
            f"its weights are in {pickles[0]}, of a kind that can run code and is never opened; save them as "
            "safetensors: model.save_pretrained(FOLDER)"
            if pickles
            else f"{SAFETENSORS} is missing"
        )
        raise ModelError(f"{files.folder}: {why}")
    if files.offers(SAFETENSORS):
        return files.fetch(SAFETENSORS)
    index = files.fetch(SAFETENSORS_INDEX)
    shards = read_json(index).get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(shard, str) for shard in shards.values()):
        raise ModelError(f"{index}: no weight_map that names files; fetch the model again")
    for shard in sorted(set(shards.values())):
        if not shard.endswith(".safetensors"):
            raise ModelError(f"{index}: names {shard!r}, which is not a safetensors file")
        files.fetch(shard)
    return index


def checked_path(folder: Path, name: str) -> Path:
    """Return the path of a file of a model folder that may be opened.

    Raises:
        ModelError: it is missing, leads out of the folder, or is larger than such a file ever is.
    """
    path = folder / name
    if leaves(name):
        raise ModelError(f"{folder}: the file name {name!r} leads out of the model folder")
    if not path.is_file():
        raise ModelError(f"{folder}: {name} is missing")
    if not path.resolve().is_relative_to(_home(folder)):
        raise ModelError(
            f"{folder}: {name} is a link that leads out of the model folder (to {path.resolve()}); put the file itself "
            "there"
        )
    check_size(name, path.stat().st_size, where=str(folder))
    return path


def check_size(name: str, size: int, *, where: str) -> None:
    """Refuse a file that is read whole and is larger than such a file ever is; weights may have any size.

    Args:
        name: of the file.
        size: bytes.
        where: what to call the model in the message.

    Raises:
        ModelError: it is too large.
    """
    if name.endswith(WEIGHTS):
        return
    limit = _LARGEST_VOCABULARY if name in _VOCABULARIES or name.endswith(".model") else _LARGEST_JSON
    if size > limit:
        raise ModelError(
            f"{where}: {name} has {size / _MEBIBYTE:,.0f} MiB; such a file has no more than {limit // _MEBIBYTE}, so "
            "it is not opened"
        )


def leaves(name: str) -> bool:
    """Whether a name leads out of the model folder, or into a folder of it that holds none of a model's files."""
    folder, _, file = name.rpartition("/")
    return folder not in ("", ONNX_FOLDER) or file != Path(file).name or file in ("", "..") or "\\" in name


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file of a model folder.

    Raises:
        ModelError: it is damaged, or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise ModelError(f"{path}: not readable JSON: {error}; fetch the model again") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path}: expected a JSON object ({{…}}), found something else; fetch the model again")
    return found


def _home(folder: Path) -> Path:
    """Return what links of a model folder may lead to: the folder, or of one in the Hub's cache all of its model.

    That cache holds the files of all revisions once, in ``blobs/``, and links to them from ``snapshots/COMMIT/``.
    """
    resolved = folder.resolve()
    for parent in resolved.parents:
        if parent.name == "snapshots" and (parent.parent / "blobs").is_dir():
            return parent.parent
    return resolved
