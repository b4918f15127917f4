"""Tables of documents in text files: JSON Lines, CSV and TSV, read row by row."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, TextIO

from ...labels.errors import DataError
from ..documents import Document, Failure, ReadOptions, Source, TableColumns
from .rows import document_of_row, failure, kind, missing_column, too_large, with_a_good_row
from .text import find_encoding, undecodable

_DELIMITERS = (",", ";", "\t")  # a comma, then what spreadsheets write where the comma is the decimal sign
_LONGEST_FIELD = 2**31 - 1  # characters; more overflows the C long of Windows
_CHUNK = 1 << 20  # bytes
_BEYOND_ASCII = bytes(range(128, 256))


@with_a_good_row
def read_jsonl(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a document from each line, an object; blank lines are passed over.

    Raises:
        DataError: the file is not UTF-8, or not one row of it can be read.
        OSError: the file cannot be opened.
    """
    with source.path.open("rb") as file:
        for number, (line, row) in enumerate(_json_lines(file, options), start=1):
            if isinstance(row, str):
                yield failure(source, line, row)
            elif problem := missing_column(options.columns, row):
                yield failure(source, line, problem)
            else:
                yield document_of_row(source, options, line=line, number=number, row=row)


@with_a_good_row
def read_csv(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a document from each row below the header, which tells commas, semicolons and tabs apart.

    Of a file called ``.tsv`` tabs are tried first.

    Raises:
        DataError: the file is no text, has no header or not the columns, or not one row of it can be read.
        OSError: the file cannot be opened.
    """
    limit = options.limits.document_bytes
    with source.path.open("rb") as raw:
        encoding = find_encoding(_chunks(raw, limit), name=source.id)
    # One limit for the whole process, looked at for every field; articles are longer than its 131,072 characters.
    csv.field_size_limit(_LONGEST_FIELD)
    tabs = ".tsv" in (suffix.lower() for suffix in source.path.suffixes)
    delimiters = ("\t", *_DELIMITERS[:-1]) if tabs else _DELIMITERS
    try:
        with source.path.open(encoding=encoding, newline="") as file:
            yield from _csv_rows(source, options, file=file, delimiters=delimiters)
    except UnicodeDecodeError as error:
        raise DataError(undecodable(encoding, error)) from error


def _json_lines(file: BinaryIO, options: ReadOptions) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Yield the line number and object of each line that is not blank, or a sentence on why it is none."""
    limit = options.limits.document_bytes
    line = 0
    while data := file.readline(limit + 1):
        line += 1
        if line == 1:
            if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise DataError("begins with the mark of UTF-16 or UTF-32; JSON Lines are UTF-8: save it as UTF-8")
            data = data.removeprefix(codecs.BOM_UTF8)
            if data.lstrip().startswith(b"["):
                raise DataError("begins with [ like one JSON array; write each of its objects on a line of its own")
        if len(data) > limit:
            while not data.endswith(b"\n") and (data := file.readline(_CHUNK)):
                pass
            yield line, too_large(options)
            continue
        if not data.strip():
            continue
        try:
            row = json.loads(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            yield line, f"not UTF-8 (byte {error.start:,} of the line); save the file as UTF-8"
        except (ValueError, RecursionError) as error:  # ValueError: also a number too long for an int
            yield line, f"not valid JSON: {error}; mend or remove the line"
        else:
            yield line, row if isinstance(row, dict) else f"{kind(row)}; expected one object {{…}} a line"


class _TooLarge(csv.Error):
    """A row grows beyond the limit."""


class _Lines:
    """The lines of a file, for the csv module: a row that grows beyond the limit ends in an error.

    Attributes:
        number: of the line read last, from 1.
    """

    def __init__(self, file: TextIO, limit: int) -> None:
        self._file = file
        self._limit = limit
        self.begin()

    def begin(self) -> None:
        """Go to the start of the file."""
        self._file.seek(0)
        self.number = 0
        self.begin_row()

    def begin_row(self) -> None:
        """Count from here on."""
        self._left = self._limit

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._left -= len(line)
        if self._left < 0:
            while not line.endswith(("\n", "\r")) and (line := self._file.readline(_CHUNK)):
                pass
            raise _TooLarge
        return line


def _csv_rows(
    source: Source, options: ReadOptions, *, file: TextIO, delimiters: tuple[str, ...]
) -> Iterator[Document | Failure]:
    lines = _Lines(file, options.limits.document_bytes)
    header, rows = _read_header(lines, options.columns, delimiters=delimiters)
    number = 0
    while True:
        lines.begin_row()
        line = lines.number + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except _TooLarge:
            number += 1
            yield failure(source, line, f"{too_large(options)}, and look for a quote that is never closed")
            continue
        except csv.Error as error:
            number += 1
            yield failure(source, line, f"not valid CSV: {error}; close each quote, and double quotes inside quotes")
            continue
        if not row:
            continue
        number += 1
        if any(row[len(header) :]):
            # Taken as it is, the text would end at its first comma.
            reason = f"{len(row)} fields, but the header has {len(header)}; quote the fields that hold delimiters"
            yield failure(source, line, reason)
        else:
            values = _by_column(header, row, text=options.columns.text)
            yield document_of_row(source, options, line=line, number=number, row=values)


def _read_header(lines: _Lines, columns: TableColumns, *, delimiters: tuple[str, ...]) -> tuple[list[str], Any]:
    """Return the header and the reader of the rows below it."""
    headers: list[list[str]] = []
    for delimiter in delimiters:
        lines.begin()
        # Not strict, a quote left open would swallow the rest of the file without a word.
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            header = next((row for row in rows if row), [])
        except csv.Error:
            continue
        if missing_column(columns, header) is None:
            return header, rows
        headers.append(header)
    if not any(headers):
        raise DataError(f"no header; expected a first row that names the columns, {columns.text!r} among them")
    raise DataError(missing_column(columns, max(headers, key=len)) or "")


def _by_column(header: list[str], row: list[str], *, text: str) -> dict[str, str]:
    """Return the fields by column, the empty ones left out but for the text; of two columns by one name the first."""
    values: dict[str, str] = {}
    for name, value in zip(header, row, strict=False):
        if name and name not in values and (value or name == text):
            values[name] = value
    return values


def _chunks(file: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield a file cut behind line ends, but for lines beyond the limit, which lose their end."""
    while data := file.read(_CHUNK):
        if not data.endswith(b"\n"):
            rest = file.readline(limit)
            data += rest
            if len(rest) == limit and not rest.endswith(b"\n"):
                while (more := file.readline(_CHUNK)) and not more.endswith(b"\n"):
                    pass
                data = data.rstrip(_BEYOND_ASCII)  # a letter may be cut in two
        yield data
