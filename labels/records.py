"""Labelled sentences: rows made into records with `file:line` errors, and records written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import DataError, first_problems, nearest, shown
from .labelset import LabelSet
from .rows import Row, read_rows
from .wholefile import whole_file


@dataclass(frozen=True)
class Columns:
    """Which column of a file holds what.

    Attributes:
        text: the sentence; required.
        roles: its labels: a list, a JSON list, or text with ``|``, ``;`` or ``,`` between names. Where a file lacks
            the column but has one column per label, those are read as 0 or 1. A ``?`` before a name marks it unsure.
        document: the document the sentence stands in; without it every row is a document of its own.
        index: place of the sentence in its document; without it, the order of the rows.
        unsure: labels left out of training and scoring for this row, written like `roles`.
        date: an ISO date. It stays among the other columns, and is read where time matters: for a split by date.
    """

    text: str = "text"
    roles: str = "roles"
    document: str = "document"
    index: str = "index"
    unsure: str = "unsure"
    date: str = "date"


@dataclass(frozen=True)
class Record:
    """One labelled sentence.

    Attributes:
        document: name of its document.
        index: place in the document, from 0.
        text: the sentence.
        roles: names of its labels, in label-set order; never the negative label of an exclusive set.
        unsure: names of labels that nobody could decide; left out of training and scoring.
        place: where it was read, such as ``corpus.jsonl:17``.
        extra: the other columns of its row.
    """

    document: str
    index: int
    text: str
    roles: tuple[str, ...]
    unsure: tuple[str, ...] = ()
    place: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_records(path: Path, labels: LabelSet, *, columns: Columns | None = None) -> list[Record]:
    """Read the labelled sentences of one ``.jsonl``, ``.csv`` or ``.parquet`` file.

    Raises:
        DataError: the file cannot be read, or rows have problems: all of them (20 shown), each with ``file:line``.
    """
    return parse_rows(read_rows(path), labels, columns=columns or Columns(), source=str(path))


def parse_rows(rows: Iterable[Row], labels: LabelSet, *, columns: Columns, source: str) -> list[Record]:
    """Turn rows into records.

    Args:
        rows: ``(place, row)`` pairs; a row that could not be parsed is the text of its problem.
        labels: the labels that a row may have.
        columns: which column holds what.
        source: name of the file or data set, for messages and for documents without a name.

    Raises:
        DataError: rows have problems: all of them (20 shown), each with its place; or there is no row.
    """
    records: list[Record] = []
    problems: list[str] = []
    next_index: dict[str, int] = {}
    first = True
    for number, (place, row) in enumerate(rows):
        if isinstance(row, str):
            problems.append(f"{place}: {row}")
            continue
        missing = _missing_columns(row, labels, columns)
        if missing:
            problems.append(f"{place}: {missing}")
            if first:  # a wrong column name is wrong in every row: say it once
                break
            continue
        first = False
        try:
            record = _parse_row(row, labels, columns=columns, place=place, source=source, number=number)
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        if _is_empty(row.get(columns.index)):
            index = next_index.get(record.document, 0)
            next_index[record.document] = index + 1
            record = replace(record, index=index)
        records.append(record)
    if problems:
        raise DataError(first_problems(problems, source=source))
    if not records:
        raise DataError(f"{source}: no rows")
    return records


def write_records(records: Iterable[Record], path: Path) -> int:
    """Write records as JSON Lines, atomically, and return how many there were.

    Raises:
        DataError: the file cannot be written, or a record holds what JSON cannot say.
    """
    count = 0
    with whole_file(path) as file:
        for record in records:
            file.write(f"{_to_json(record)}\n".encode())
            count += 1
    return count


def _to_json(record: Record) -> str:
    row = {"document": record.document, "index": record.index, "text": record.text}
    row |= {"roles": list(record.roles), "unsure": list(record.unsure)}
    row |= {name: value for name, value in record.extra.items() if name not in row}
    try:
        line = json.dumps(row, ensure_ascii=False)
        line.encode()
    except (TypeError, ValueError, RecursionError) as error:  # a date of a Parquet file, half of a surrogate pair
        raise DataError(f"{record.place or record.document}: cannot be written as JSON: {error}") from error
    return line


def _missing_columns(row: Mapping[str, Any], labels: LabelSet, columns: Columns) -> str | None:
    if columns.text not in row:
        return (
            f"no column {columns.text!r}; found {', '.join(map(repr, row))}.{nearest(columns.text, map(str, row))} "
            "Name the column with the text: data.columns.text in a config, --text-column on the command line"
        )
    if columns.roles not in row and not set(labels.roles) <= set(row):
        return (
            f"no column {columns.roles!r}; found {', '.join(map(repr, row))}.{nearest(columns.roles, map(str, row))} "
            "Name the column with the labels: data.columns.roles in a config, --roles-column on the command line"
        )
    return None


def _parse_row(
    row: Mapping[str, Any], labels: LabelSet, *, columns: Columns, place: str, source: str, number: int
) -> Record:
    own = {columns.text, columns.roles, columns.document, columns.index, columns.unsure}
    text = row[columns.text]
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"column {columns.text!r} is empty or not text; remove the row or fill it")
    if columns.roles in row:
        marked = _parse_names(row[columns.roles])
    else:
        own |= set(labels.names)
        marked = [name for name in labels.names if name in row and _is_set(row[name], name)]
    unsure = _parse_names(row.get(columns.unsure)) + [name[1:] for name in marked if name.startswith("?")]
    given = [name for name in marked if not name.startswith("?")]
    for name in given + unsure:
        if name not in labels.names:
            hint = nearest(name, labels.names) or f" The labels of {labels.name!r} are {', '.join(labels.names)}."
            raise ValueError(f"unknown label {shown(name)}.{hint}")
    if both := sorted(set(given) & set(unsure)):
        raise ValueError(f"label {both[0]!r} is given and unsure at once; decide for one")
    if labels.exclusive and not unsure:
        if len(set(given)) > 1:
            raise ValueError(f"labels {', '.join(given)} at once, but {labels.name!r} is exclusive: keep one")
        if not given and labels.negative is None:
            raise ValueError(
                f"no label, but {labels.name!r} is exclusive: give one, or name the label that stands for none of them "
                "as 'negative' in the label set"
            )
    document = row.get(columns.document)
    return Record(
        document=f"{source}#{number}" if _is_empty(document) else str(document),
        index=_parse_index(row.get(columns.index), columns.index),
        text=text,
        roles=tuple(name for name in labels.roles if name in given),
        unsure=tuple(name for name in labels.names if name in unsure),
        place=place,
        extra={key: value for key, value in row.items() if key not in own},
    )


def _parse_names(value: object) -> list[str]:
    if _is_empty(value):
        return []
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"labels {shown(value)} look like a JSON list but are not one") from error
        else:
            value = re.split(r"[|;,]", value)
    if not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"expected label names, found {shown(value)}")
    return [name.strip() for name in value if name.strip()]


def _is_empty(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _is_set(value: object, name: str) -> bool:
    if value in (1, True, "1", "1.0", "true", "True", "TRUE", "yes"):
        return True
    if value in (0, False, None, "", "0", "0.0", "false", "False", "FALSE", "no"):
        return False
    raise ValueError(f"column {name!r} holds {shown(value)}; expected 1 or 0")


def _parse_index(value: object, column: str) -> int:
    if _is_empty(value):
        return 0
    try:
        index = int(str(value))
    except ValueError:
        index = -1
    if index < 0:
        raise ValueError(f"column {column!r} holds {shown(value)}; expected a whole number from 0")
    return index
