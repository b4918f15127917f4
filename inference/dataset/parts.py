"""One part of a dataset folder: its files of rows and texts, and what went into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ..documents import Failure, SourceRead
from ..results import TaggedDocument
from ..rows import TEXT_COLUMNS, Row, Table, text_row
from ..sinks import open_sink, read_rows
from .ledger import Counts, Part, SourceEntry
from .storage import Storage

ROWS, TEXTS = "rows", "text"


@dataclass(frozen=True)
class Layout:
    """How the parts of a dataset are written.

    Attributes:
        storage: where.
        table: what their rows look like.
        format: ``parquet``, ``jsonl`` or ``csv``.
        keep_text: whether the extracted texts are written beside the rows.
    """

    storage: Storage
    table: Table
    format: str
    keep_text: bool

    def name(self, folder: str, number: int) -> str:
        """Return the name of a part's file, ``rows/part-00012.parquet``."""
        return f"{folder}/part-{number:05}.{self.format}"

    def names(self, number: int) -> list[str]:
        """Return the names of all files of a part."""
        return [self.name(folder, number) for folder in ((ROWS, TEXTS) if self.keep_text else (ROWS,))]

    def rows(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield the rows of a part that is in place."""
        return read_rows(self.storage.local(self.name(ROWS, number)), self.table.columns)


class PartWriter:
    """A part that is being written. Its files are in place after `publish`, and gone after `discard`.

    Args:
        layout: how parts are written.
        number: of the part.
        entry: gives what is known of an input at its start: of a partial one, how much is in earlier parts.

    Raises:
        DataError: the files cannot be made.
    """

    def __init__(self, layout: Layout, number: int, entry: Callable[[str], SourceEntry]) -> None:
        self.part = Part(number)
        self._layout = layout
        self._known = entry
        folder, names = layout.storage.folder, layout.names(number)
        self._rows = open_sink(folder / names[0], layout.table.columns).open()
        try:
            self._texts = open_sink(folder / names[1], TEXT_COLUMNS).open() if layout.keep_text else None
        except BaseException:
            self._rows.discard()
            raise

    @property
    def is_empty(self) -> bool:
        """Whether nothing went into it so far."""
        return not self.part.sources

    def write(self, tagged: TaggedDocument) -> None:
        """Write the rows of a document.

        Raises:
            DataError: the disk is full, or does not answer.
        """
        for row in self._layout.table.rows(tagged):
            self._rows.write(row)
            count_row(self.part.counts, row)
        if self._texts is not None:
            self._texts.write(text_row(tagged.document))
        entry = self._entry(tagged.document.source)
        entry.items += 1
        entry.documents += 1
        self.part.documents[entry.id] += 1

    def fail(self, failure: Failure) -> None:
        """Enter what gave no document."""
        self.part.failures.append(failure)
        entry = self._entry(failure.source)
        entry.items += 1
        entry.error = failure.reason

    def finish(self, read: SourceRead) -> None:
        """Note that an input was read to its end."""
        entry = self._entry(read.source.id)
        entry.sha256 = read.sha256
        if read.sha256 and not read.source.url:
            # As it was when it was read; it may have changed since the run began.
            entry.size, entry.modified_ns = read.size, read.modified_ns
        entry.state = "done" if entry.documents or not read.items else "failed"
        entry.error = entry.error if entry.state == "failed" else ""

    def publish(self) -> Part:
        """Put the files in place and return what went into them.

        Raises:
            DataError: they cannot be written.
        """
        self._rows.place()
        if self._texts is not None:
            self._texts.place()
        for name in self._layout.names(self.part.number):
            self._layout.storage.publish(name)
        return self.part

    def discard(self) -> None:
        """Remove what was not published."""
        self._rows.discard()
        if self._texts is not None:
            self._texts.discard()

    def _entry(self, source_id: str) -> SourceEntry:
        if source_id not in self.part.sources:
            self.part.sources[source_id] = self._known(source_id)
            self.part.sources[source_id].part = self.part.number
        return self.part.sources[source_id]


def rewrite(layout: Layout, number: int, change: Callable[[Row], Row | None], *, with_texts: bool = True) -> Counts:
    """Write a part anew, each row as ``change`` makes it, None leaving it out; return what it holds then.

    Texts of documents are left out with them: ``change`` is asked of their rows, too, unless ``with_texts`` is false.

    Raises:
        DataError: a file is damaged, or cannot be written.
    """
    counts = Counts()
    names = layout.names(number) if with_texts else layout.names(number)[:1]
    for name, columns in zip(names, (layout.table.columns, TEXT_COLUMNS), strict=False):
        rows = read_rows(layout.storage.local(name), columns)
        with open_sink(layout.storage.folder / name, columns) as sink:
            for row in filter(None, map(change, rows)):
                sink.write(row)
                if columns is not TEXT_COLUMNS:
                    count_row(counts, row)
        layout.storage.publish(name)
    return counts


def by_document(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of one document after the other."""
    number = 0

    def document(row: Row) -> int:
        nonlocal number
        if row["index"] == 0:
            number += 1
        return number

    for _, group in groupby(rows, key=document):
        yield list(group)


def count_row(counts: Counts, row: Row) -> None:
    """Count a row with its roles."""
    counts.rows += 1
    counts.roles.update(row["roles"])
    counts.without_role += not row["roles"]
