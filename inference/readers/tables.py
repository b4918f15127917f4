"""Tables of documents: JSON Lines, CSV and Parquet files, read row by row."""

from __future__ import annotations

import codecs
import csv
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial, wraps
from typing import Any, BinaryIO, TextIO

from ...labels.errors import DataError, nearest, require
from ..documents import Document, Failure, ReadOptions, Source, TableColumns
from .text import find_encoding, undecodable

Reader = Callable[[Source, ReadOptions], Iterator[Document | Failure]]

_DELIMITERS = (",", ";", "\t")  # a comma, then what spreadsheets write where the comma is the decimal sign
_MOST_COLUMNS_SHOWN = 20
_LONGEST_FIELD = 2**31 - 1  # characters; more overflows the C long of Windows
_CHUNK = 1 << 20  # bytes
_BATCH = 1024  # rows: texts are long


def _with_a_good_row(reader: Reader) -> Reader:
    """Hold failures back until a row is good: where none is, the file is wrong, and one line says it."""

    @wraps(reader)
    def read(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
        held: list[Failure] | None = []
        for row in reader(source, options):
            if held is None:
                yield row
            elif isinstance(row, Failure):
                held.append(row)
            else:
                yield from held
                yield row
                held = None
        if held:
            tried = "its only row" if len(held) == 1 else f"none of its {len(held):,} rows"
            verb = "cannot" if len(held) == 1 else "can"
            raise DataError(f"{tried} {verb} be read; {held[0].document}: {held[0].reason}")

    return read


@_with_a_good_row
def read_jsonl(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a document from each line, an object; blank lines are passed over.

    Raises:
        DataError: the file is not UTF-8, or not one row of it can be read.
        OSError: the file cannot be opened.
    """
    columns = options.columns
    with source.path.open("rb") as file:
        for number, (line, row) in enumerate(_json_lines(file), start=1):
            if isinstance(row, str):
                yield _failure(source, line, row)
            elif problem := _missing_column(columns, row):
                yield _failure(source, line, problem)
            else:
                yield _document(
                    source, columns, line=line, number=number, text=row[columns.text], name=row.get(columns.id)
                )


@_with_a_good_row
def read_csv(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a document from each row below the header; the header tells commas, semicolons and tabs apart.

    Raises:
        DataError: the file is no text, has no header or not the columns, or not one row of it can be read.
        OSError: the file cannot be opened.
    """
    with source.path.open("rb") as raw:
        chunks = (b"".join(lines) for lines in iter(partial(raw.readlines, _CHUNK), []))
        encoding = find_encoding(chunks, name=source.id)
    # One limit for the whole process, looked at for every field; articles are longer than its 131,072 characters.
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        with source.path.open(encoding=encoding, newline="") as file:
            yield from _csv_rows(source, options.columns, file)
    except UnicodeDecodeError as error:
        raise DataError(undecodable(encoding, error)) from error


@_with_a_good_row
def read_parquet(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a document from each row.

    Raises:
        DataError: the file is damaged or has not the columns, or not one row of it can be read.
        EventRolesError: pyarrow is not installed.
        OSError: the file cannot be opened.
    """
    columns = options.columns
    arrow = require("pyarrow", extra="parquet")
    parquet = require("pyarrow.parquet", extra="parquet")
    number = 0
    try:
        with parquet.ParquetFile(source.path) as file:
            found = file.schema_arrow.names
            if problem := _missing_column(columns, found):
                raise DataError(problem)
            wanted = [name for name in dict.fromkeys((columns.text, columns.id)) if name in found]
            for batch in file.iter_batches(columns=wanted, batch_size=_BATCH):
                for place in range(batch.num_rows):
                    number += 1
                    row = {name: batch.column(name)[place] for name in wanted}
                    try:
                        values = {name: cell.as_py() for name, cell in row.items()}
                    except UnicodeDecodeError:
                        yield _failure(source, number, "not UTF-8; write the row again")
                        continue
                    name = values.get(columns.id)
                    yield _document(source, columns, line=number, number=number, text=values[columns.text], name=name)
    except arrow.ArrowException as error:
        raise DataError(f"not a readable Parquet file ({' '.join(str(error).split())}); write it again") from error


def _json_lines(file: BinaryIO) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Yield the line number and object of each line that is not blank, or a sentence on why it is none."""
    for line, data in enumerate(file, start=1):
        if line == 1:
            if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise DataError("begins with the mark of UTF-16 or UTF-32; JSON Lines are UTF-8: save it as UTF-8")
            data = data.removeprefix(codecs.BOM_UTF8)
        if not data.strip():
            continue
        try:
            row = json.loads(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            yield line, f"not UTF-8 (byte {error.start:,} of the line); save the file as UTF-8"
        except (ValueError, RecursionError) as error:  # ValueError: also a number too long for an int
            yield line, f"not valid JSON: {error}; mend or remove the line"
        else:
            yield line, row if isinstance(row, dict) else f"{_kind(row)}; expected one object {{…}} a line"


def _csv_rows(source: Source, columns: TableColumns, file: TextIO) -> Iterator[Document | Failure]:
    header, rows = _read_header(file, columns)
    text_at = header.index(columns.text)
    id_at = header.index(columns.id) if columns.id in header else len(header)
    number = 0
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            yield _failure(source, line, f"not valid CSV: {error}; close each quote, and double quotes inside quotes")
            continue
        if not row:
            continue
        number += 1
        if any(row[len(header) :]):
            # Taken as it is, the text would end at its first comma.
            reason = f"{len(row)} fields, but the header has {len(header)}; quote the fields that hold delimiters"
            yield _failure(source, line, reason)
        else:
            text = row[text_at] if text_at < len(row) else None
            name = row[id_at] if id_at < len(row) else None
            yield _document(source, columns, line=line, number=number, text=text, name=name)


def _read_header(file: TextIO, columns: TableColumns) -> tuple[list[str], Any]:
    """Return the header and the reader of the rows below it."""
    headers: list[list[str]] = []
    for delimiter in _DELIMITERS:
        file.seek(0)
        # Not strict, a quote left open would swallow the rest of the file without a word.
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = next((row for row in rows if row), [])
        except csv.Error:
            continue
        if _missing_column(columns, header) is None:
            return header, rows
        headers.append(header)
    if not any(headers):
        raise DataError(f"no header; expected a first row that names the columns, {columns.text!r} among them")
    raise DataError(_missing_column(columns, max(headers, key=len)) or "")


def _missing_column(columns: TableColumns, found: Collection[str]) -> str | None:
    needed = {"--text-column": columns.text}
    if columns.id != TableColumns().id:  # nobody asked for the usual one; a row number does as well
        needed["--id-column"] = columns.id
    for option, name in needed.items():
        if name not in found:
            shown = ", ".join(map(repr, list(found)[:_MOST_COLUMNS_SHOWN])) or "none"
            more = ", …" if len(found) > _MOST_COLUMNS_SHOWN else ""
            return f"no column {name!r}; found {shown}{more}.{nearest(name, found)} Name the column with {option}"
    return None


def _document(
    source: Source, columns: TableColumns, *, line: int, number: int, text: object, name: object
) -> Document | Failure:
    if not isinstance(text, str):
        return _failure(source, line, f"column {columns.text!r} is {_kind(text)}; expected text")
    if isinstance(name, (dict, list)):
        return _failure(source, line, f"column {columns.id!r} is {_kind(name)}; expected a name or number")
    # NaN is how pandas writes that there is none
    unnamed = name is None or name == "" or name != name
    document = f"{source.id}:{number}" if unnamed else str(name)
    # surrogatepass: JSON can hold half a surrogate pair, and such a row has a hash too
    return Document(document, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), text)


def _failure(source: Source, line: int, reason: str) -> Failure:
    return Failure(f"{source.id}:{line}", reason)


def _kind(value: object) -> str:
    if value is None:
        return "empty (null)"
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object", str: "text"}
    return kinds.get(type(value), f"of type {type(value).__name__}")
