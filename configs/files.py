"""Which files the entries under `data` name."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from ..labels.errors import ConfigError
from ..labels.rows import RECORD_SUFFIXES

_PACKAGE = "package:"


def data_files(entries: Sequence[str], *, key: str) -> list[Path]:
    """Return the files that config entries name: files, folders, patterns, or ``package:corpus``; each once, in order.

    Args:
        entries: what the config says.
        key: the config key, for messages.

    Raises:
        ConfigError: entries that name no file: all of them.
    """
    files: dict[Path, Path] = {}  # by what they are once links and folders of the name are followed
    problems = []
    for entry in entries:
        try:
            found = _find(entry)
        except (OSError, RuntimeError, ValueError):  # no access, the home of nobody, a name that no file can have
            found = []
        if not found:
            problems.append(
                f"{key}: {entry!r} names no {', '.join(RECORD_SUFFIXES)} file (looked in {Path.cwd()}); give a file, a "
                f"folder, a pattern or {_PACKAGE}corpus"
            )
        for path in found:
            files.setdefault(path.resolve(), path)
    if problems:
        raise ConfigError("\n".join(problems))
    return list(files.values())


def _find(entry: str) -> list[Path]:
    if entry.startswith(_PACKAGE):
        path = Path(str(resources.files("eventroles.seeds"))) / entry.removeprefix(_PACKAGE)
    else:
        path = Path(entry).expanduser()
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() in RECORD_SUFFIXES)
    if path.is_file():
        return [path]
    return sorted(
        Path(name)
        for name in glob.glob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        if Path(name).is_file()
    )
