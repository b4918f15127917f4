"""A document, and what a user's files are on the way to becoming documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .remote import is_remote, name_of

# Where a document was lost: looking for files, unpacking an archive, reading a format, splitting into sentences.
Stage = Literal["find", "unpack", "read", "split"]


@dataclass(frozen=True, slots=True)
class Document:
    """One text with a name.

    Attributes:
        id: name of the document: path below the input folder, followed by the path inside an archive or the number
            within a mailbox or table; or the id column of a table.
        sha256: hex digest of the file's bytes; for a row of a table, of the row's text in UTF-8.
        text: the extracted text; all offsets point into it.
        source: id of the file that it came from; empty for a text that came from no file.
        title: headline or subject, if the format has one.
        date: when it was published or sent, in ISO 8601 where the format is read so, else as it stands there.
        metadata: whatever else the format says of it, by name; values as JSON has them.
    """

    id: str
    sha256: str
    text: str
    source: str = ""
    title: str | None = None
    date: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read documents from.

    Attributes:
        path: where it lies on this machine; for a remote file its name, which has its extension.
        id: its path below the input folder, with ``/`` between the parts.
        url: its address, if it is a remote file.
        size: bytes of a remote file, as its store lists them.
        modified_ns: when a remote file was changed last, in nanoseconds since 1970, or where its store has no times
            another number that changes with it; 0 if its store says neither.
    """

    path: Path
    id: str
    url: str = ""
    size: int = 0
    modified_ns: int = 0

    @classmethod
    def at(cls, address: str, source_id: str, *, size: int = 0, modified_ns: int = 0) -> Source:
        """Return the source at a path, or at an address with what its store says of it."""
        if is_remote(address):
            return cls(Path(name_of(address)), source_id, address, size, modified_ns)
        return cls(Path(address), source_id)


@dataclass(frozen=True, slots=True)
class Failure:
    """What gave no document, and why.

    Attributes:
        document: a file, a folder, a row (``id:line``) or a member of an archive (``id/member``).
        reason: what is wrong and what to do, in one line.
        stage: where it was lost.
        source: id of the file it is or came from; empty where there is none.
    """

    document: str
    reason: str
    stage: Stage = "read"
    source: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """A member of an archive is about to be read: told before, so that a reader that dies of it can be told apart."""

    document: str


@dataclass(frozen=True, slots=True)
class SourceRead:
    """A file that was read to its end.

    Attributes:
        source: the file.
        size: bytes; 0 if it could not be opened.
        modified_ns: when it was changed last, in nanoseconds since 1970; 0 if it could not be opened.
        sha256: hex digest of its bytes; empty if it could not be opened.
        items: documents and failures that it gave, those left out by ``skip`` included.
    """

    source: Source
    size: int
    modified_ns: int
    sha256: str
    items: int


@dataclass(frozen=True, slots=True)
class EndOfPart:
    """Here a part of the output ends: what comes after is scored by itself, so that a run can begin again here."""


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a run, and what could not even be looked at.

    Attributes:
        sources: the files in reading order, made as they are asked for: a corpus can have a million of them.
        failures: what could not be looked at.
        passed_over: files of folders that are of no kind we read, counted by extension.
    """

    sources: Iterator[Source]
    failures: tuple[Failure, ...]
    passed_over: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Which columns of a table hold the text, the id, the title and the date of a document; the rest is metadata."""

    text: str = "text"
    id: str = "id"
    title: str = "title"
    date: str = "date"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document and one archive may cost before they are given up.

    Attributes:
        seconds: for one document, from its start to its text.
        document_bytes: of one document as it stands on the disk or comes out of an archive, and of one table row.
        members: of one archive, those of archives inside it included.
        expansion: how many times its own size an archive may grow to; the first GiB is always free.
        memory_bytes: of the process that reads.
    """

    seconds: float = 60.0
    document_bytes: int = 64 << 20
    members: int = 1_000_000
    expansion: int = 200
    memory_bytes: int = 3 << 30


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What readers are told.

    Attributes:
        columns: where tables hold what.
        limits: when to give up.
        avoid: ids of archive members that must not be touched, as the reader died of them before.
    """

    columns: TableColumns = TableColumns()
    limits: Limits = Limits()
    avoid: frozenset[str] = frozenset()
