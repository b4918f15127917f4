"""A document, and what a user's files are on the way to becoming documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Document:
    """One text with a name.

    Attributes:
        id: name of the document: path below the input folder, or the id column of a table.
        sha256: hex digest of the file's bytes; for a row of a table, of the row's text in UTF-8.
        text: the decoded text; all offsets point into it.
    """

    id: str
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read documents from; ``id`` is its path below the input folder, with ``/`` between the parts."""

    path: Path
    id: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A file, a folder or a row (``id:line``) that gave no document, and the reason in one line."""

    document: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a run, and what could not even be looked at.

    Attributes:
        sources: the files in reading order, made as they are asked for: a corpus can have a million of them.
        failures: what could not be looked at.
    """

    sources: Iterator[Source]
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Which columns of a table hold the text and the id of a document."""

    text: str = "text"
    id: str = "id"
