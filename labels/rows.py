"""Rows of JSON Lines, CSV and Parquet files, each with its place; a row that cannot be read is its problem instead."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import DataError, require, shown

Row = tuple[str, Mapping[str, Any] | str]
"""Place of a row, such as ``corpus.jsonl:17``, and its values by column; or a text that says why it has none."""

RECORD_SUFFIXES = (".jsonl", ".csv", ".parquet")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a ``.jsonl``, ``.csv`` or ``.parquet`` file.

    Raises:
        DataError: there is no such file, or it cannot be read at all.
    """
    rows = _ROWS.get(path.suffix.lower())
    if rows is None:
        raise DataError(f"{path}: expected a file that ends in {', '.join(RECORD_SUFFIXES)}")
    try:
        if not path.is_file():
            raise DataError(f"{path}: no such file (looked in {Path.cwd()})")
        yield from rows(path)
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{_undecodable_line(path)}: not UTF-8 text; save the file as UTF-8") from error


def _jsonl_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path}:{number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield place, f"not valid JSON: {error}"
                continue
            if not isinstance(row, dict):
                yield place, f"expected an object {{…}}, found {shown(row)}"
            elif _SURROGATE.search(line) and _has_lone_surrogate(row):
                yield place, "holds half of a character (a lone surrogate such as \\ud83d); write it in full"
            else:
                yield place, row


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)  # or a quote left open swallows the rest
        try:
            if twice := _given_twice(reader.fieldnames or ()):
                yield f"{path}:1", twice
                return
            for row in reader:
                place = f"{path}:{reader.line_num}"
                if None in row:
                    yield place, f"{len(row[None])} more fields than the header has; quote fields that hold commas"
                elif None in row.values():
                    lacking = sum(value is None for value in row.values())
                    yield place, f"{lacking} fewer fields than the header has; write every comma"
                else:
                    yield place, row
        except csv.Error as error:
            yield f"{path}:{reader.reader.line_num}", f"not valid CSV: {error}"


def _parquet_rows(path: Path) -> Iterator[Row]:
    parquet = require("pyarrow.parquet", extra="parquet")
    arrow = require("pyarrow", extra="parquet")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            if twice := _given_twice(file.schema_arrow.names):
                yield str(path), twice
                return
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}:row {number}", row
    except (arrow.ArrowException, ArithmeticError, LookupError, OSError, ValueError) as error:
        # Beside Arrow's own: a time outside the years Python knows, text that is not UTF-8, a file cut short.
        yield str(path), f"not a readable Parquet file: {' '.join(str(error).split())}"


def _given_twice(columns: Sequence[str]) -> str | None:
    twice = [name for name, times in Counter(columns).items() if name and times > 1]
    return f"column {shown(twice[0])} is there twice; rename or remove one" if twice else None


def _has_lone_surrogate(row: Mapping[str, Any]) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return True
    return False


def _undecodable_line(path: Path) -> int:
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return 1


_ROWS = {".jsonl": _jsonl_rows, ".csv": _csv_rows, ".parquet": _parquet_rows}
