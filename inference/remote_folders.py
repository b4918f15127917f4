"""Fetching a folder from an address, and again only what has changed there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..labels.errors import DataError, HubError, ModelError
from .reading.remote_sources import RemoteFile, is_there, list_files, with_mark
from .remote import fetch, readable

_MARKS = ".marks.json"  # what the store said of each file when it was fetched
_WAIT_SECONDS = 3600.0  # for another process that fetches the same folder


def fetch_folder(address: str, patterns: Sequence[str], *, into: Path) -> Path:
    """Return a copy of a folder at an address.

    Args:
        address: of the folder.
        patterns: which of its files to fetch, by their path in it.
        into: where copies are kept, one folder for each address.

    Raises:
        ConfigError: the store cannot be used.
        HubError: the store does not have the folder, refuses it, or cannot be reached.
        ModelError: there is no such file in the folder.
    """
    from filelock import FileLock

    folder = into / hashlib.sha256(address.encode()).hexdigest()[:16]
    try:
        files = _list(address, patterns)
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock"), timeout=_WAIT_SECONDS):
            _update(folder, files)
    except DataError as error:
        raise HubError(str(error)) from error
    except OSError as error:
        reason = f"cannot be written: {error.strerror or error}; set HF_HOME to another place"
        raise HubError(f"{folder}: {reason}") from error
    return folder


def _list(address: str, patterns: Sequence[str]) -> dict[str, RemoteFile]:
    if not is_there(address):
        raise HubError(f"{readable(address)}: not found; check the spelling and your rights")
    wanted = {
        file.path: file if file.mark else with_mark(file)
        for file in list_files(f"{address.rstrip('/')}/")
        if not file.is_named and any(_matches(file.path, pattern) for pattern in patterns)
    }
    if not wanted:
        raise ModelError(f"{readable(address)}: no model folder: none of its files are those of a model")
    return wanted


def _matches(path: str, pattern: str) -> bool:
    """Whether a path in the folder is one that a pattern names, part by part, so that none leads out of it."""
    names, wanted = path.split("/"), pattern.split("/")
    is_plain = not any(name.startswith(".") or "\\" in name or ":" in name for name in names)
    return is_plain and len(names) == len(wanted) and all(map(fnmatchcase, names, wanted))


def _update(folder: Path, files: dict[str, RemoteFile]) -> None:
    known = _read_marks(folder)
    for path in set(known) - set(files):
        (folder / path).unlink(missing_ok=True)
    kept: dict[str, Any] = {}
    for path, file in files.items():
        target = folder / path
        mark = [file.size, file.mark]
        if not (file.mark and known.get(path) == mark and target.is_file()):
            target.parent.mkdir(exist_ok=True)
            unfinished = target.with_name(f".{target.name}.partial")
            try:
                fetch(file.url, unfinished)
            except DataError as error:
                raise DataError(f"{readable(file.url)}: {error}") from error
            unfinished.replace(target)
        kept[path] = mark
        # After each file: what was fetched before the network fails need not be fetched again.
        marks = folder / f"{_MARKS}.partial"
        marks.write_text(json.dumps({**known, **kept}), encoding="utf-8")
        marks.replace(folder / _MARKS)


def _read_marks(folder: Path) -> dict[str, Any]:
    try:
        marks = json.loads((folder / _MARKS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return marks if isinstance(marks, dict) else {}
