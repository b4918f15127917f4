"""One row of a table as a document: which column is what, and values as JSON has them."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any

from ...labels.errors import DataError, nearest
from ..documents import Document, Failure, ReadOptions, Source, TableColumns

Reader = Callable[[Source, ReadOptions], Iterator[Document | Failure]]

_MOST_COLUMNS_SHOWN = 20
_MOST_HELD = 1000  # failures
_DEEPEST = 100  # lists and objects in one another; what writes the metadata out must stand it too


def with_a_good_row(reader: Reader) -> Reader:
    """Hold failures back until a row is good: where none is, the file is wrong, and one line says it.

    After a thousand they are let through: a file can have a billion bad rows.
    """

    @wraps(reader)
    def read(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
        held: list[Failure] | None = []
        for row in reader(source, options):
            if held is None:
                yield row
            elif isinstance(row, Failure) and len(held) < _MOST_HELD:
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


def missing_column(columns: TableColumns, found: Collection[str]) -> str | None:
    """Return the message for a table that lacks a column it must have, or None if it has them all."""
    needed = {"--text-column": columns.text}
    usual = TableColumns()
    # Nobody asked for the usual ones: a row number does for a name, and not every text has a title or a date.
    asked = {"--id-column": (columns.id, usual.id), "--title-column": (columns.title, usual.title)}
    asked["--date-column"] = (columns.date, usual.date)
    needed |= {option: name for option, (name, default) in asked.items() if name != default}
    for option, name in needed.items():
        if name not in found:
            shown = ", ".join(map(repr, list(found)[:_MOST_COLUMNS_SHOWN])) or "none"
            more = ", …" if len(found) > _MOST_COLUMNS_SHOWN else ""
            return f"no column {name!r}; found {shown}{more}.{nearest(name, found)} Name the column with {option}"
    return None


def document_of_row(
    source: Source, options: ReadOptions, *, line: int, number: int, row: Mapping[str, Any]
) -> Document | Failure:
    """Return the document that a row is, or why it is none.

    Args:
        source: the file.
        options: which column is what, and how large a row may be.
        line: where the row stands in the file, for messages.
        number: of the row, from 1, which names a document without an id.
        row: values by column; every one but those of text, id, title and date becomes metadata.
    """
    columns = options.columns
    text, name = row.get(columns.text), row.get(columns.id)
    if not isinstance(text, str):
        return failure(source, line, f"column {columns.text!r} is {kind(text)}; expected text")
    if isinstance(name, (dict, list)):
        return failure(source, line, f"column {columns.id!r} is {kind(name)}; expected a name or number")
    # surrogatepass: JSON can hold half a surrogate pair, and such a row has a hash too
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > options.limits.document_bytes:
        return failure(source, line, too_large(options))
    # A column may be two things: whoever names one for both wants it so.
    taken = {columns.text, columns.id, columns.title, columns.date}
    try:
        metadata = {_string(column): value for column, value in _plain_items(row, _DEEPEST) if column not in taken}
    except RecursionError as error:
        return failure(source, line, f"{error}; flatten or remove the row")
    # As it stands, even with half a surrogate pair: mended, two names could become one.
    document = name if isinstance(name, str) and name else _label(name)
    return Document(
        f"{source.id}:{number}" if document is None else document,
        hashlib.sha256(data).hexdigest(),
        text,
        title=_label(row.get(columns.title)),
        date=_label(row.get(columns.date)),
        metadata=metadata,
    )


def failure(source: Source, line: int, reason: str) -> Failure:
    """Return the failure of the row at ``line``."""
    return Failure(f"{source.id}:{line}", reason)


def too_large(options: ReadOptions) -> str:
    """Return the message for a row beyond the limit."""
    return f"a row of more than {options.limits.document_bytes:,} bytes; split its text"


def kind(value: object) -> str:
    """Return what a value is, in the words of a message."""
    if value is None:
        return "empty (null)"
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object", str: "text"}
    return kinds.get(type(value), f"of type {type(value).__name__}")


def _label(value: object) -> str | None:
    """Return a name, title or date as text; None where there is none."""
    plain = _plain(value, 1) if not isinstance(value, (dict, list, tuple)) else None
    return None if plain is None or plain == "" else str(plain)


def _plain(value: Any, depth: int) -> Any:
    """Return a value as JSON has it: dates and the like as text, None for what is not a number."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float):
        # NaN is how pandas writes that there is none.
        return None if math.isnan(value) else value if math.isfinite(value) else str(value)
    if isinstance(value, (dict, list, tuple)):
        if depth == 0:
            raise RecursionError(f"lists and objects nested more than {_DEEPEST} deep")
        if isinstance(value, dict):
            return {_string(str(name)): item for name, item in _plain_items(value, depth - 1)}
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, (datetime, date, time)):
        written = value.isoformat()
        return None if written == "NaT" else written
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii")
    if isinstance(value, Decimal) and value.is_nan():
        return None
    return str(value.total_seconds()) if isinstance(value, timedelta) else _string(str(value))


def _plain_items(values: Mapping[Any, Any], depth: int) -> Iterator[tuple[Any, Any]]:
    for name, value in values.items():
        plain = _plain(value, depth)
        if plain is not None:
            yield name, plain


def _string(value: str) -> str:
    """Return a text that can be written in UTF-8: half a surrogate pair, which JSON can hold, cannot."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
