"""Files of rows: JSON Lines, CSV or Parquet, written whole or not at all, and read back row by row."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, TextIO

from ..labels.errors import ConfigError, DataError, nearest, require
from .rows import Kind, Row

Columns = Mapping[str, Kind]

_ROW_GROUP = 16_384  # rows of a Parquet file that are compressed together
_HELD = 1024  # rows held as Python objects, which take ten times the memory of the columns they become
_HELD_CHARACTERS = 4_000_000  # the same for texts, of which a single one can be long
_AS_JSON = json.JSONEncoder(ensure_ascii=False)  # one for all rows: json.dumps makes one for each


class _Writer(Protocol):
    """Puts rows into an open file; ``finish`` writes what is still held."""

    def write(self, row: Row) -> None: ...

    def finish(self) -> None: ...


class Sink:
    """A file of rows that is being written; a context manager, since only its end puts the file in place.

    The rows go to ``.<name>.partial`` beside the file. If the ``with`` block ends well, that takes the place of the
    file; if not, it is removed, and an older file stays as it was.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path = path
        # A link to the output is written through, as any program would that opens it.
        self._target = Path(os.path.realpath(path))
        self._partial = self._target.with_name(f".{self._target.name}.partial")
        self._columns = columns
        self._file: BinaryIO | None = None
        self._writer: _Writer | None = None

    def open(self) -> Sink:
        """Make the folder and open the partial file.

        Raises:
            DataError: one of them cannot be made.
            EventRolesError: pyarrow is needed and not installed.
        """
        try:
            with told(self._path):
                self._target.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._partial.open("wb")
                self._writer = _WRITERS[self._path.suffix.lower()](self._file, self._columns)
        except BaseException:
            self.discard()
            raise
        return self

    def write(self, row: Row) -> None:
        """Write one row, which has all columns in their order.

        Raises:
            DataError: the disk is full, or does not answer.
        """
        if self._writer is None:
            raise RuntimeError("a sink is open only inside its with block")
        with told(self._path):
            self._writer.write(row)

    def place(self) -> None:
        """Put the file in place, whole and on the disk.

        Raises:
            DataError: the rest cannot be written, or the file not be put in place.
        """
        try:
            if self._writer is not None and self._file is not None:
                with told(self._path):
                    self._writer.finish()
                    self._file.flush()
                    os.fsync(self._file.fileno())
                    self._file.close()
                    self._partial.replace(self._target)
                    sync_folder(self._target.parent)
        finally:
            self.discard()

    def discard(self) -> None:
        """Close what is open and remove the partial file, if there is one; after `place` there is none."""
        if self._writer is not None:
            # After an error nothing of this counts, but a Parquet writer left open writes once more when collected.
            with suppress(Exception):
                self._writer.finish()
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._partial.unlink(missing_ok=True)
        self._writer = self._file = None

    def __enter__(self) -> Sink:
        """Open it; see `open`."""
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put the file in place, or remove it after an error."""
        if kind is None:
            self.place()
        else:
            self.discard()


def open_sink(path: Path, columns: Columns) -> Sink:
    """Return a sink for a file, whose extension chooses the format; nothing is written before its ``with`` block.

    Args:
        path: the file to write, ``.jsonl``, ``.csv`` or ``.parquet``.
        columns: name and kind of its columns, in order.

    Raises:
        ConfigError: another extension, or a folder.
    """
    if path.suffix.lower() not in _WRITERS:
        hint = nearest(path.suffix, _WRITERS)
        raise ConfigError(
            f"the output {path} ends in {path.suffix!r}; expected .jsonl, .csv or .parquet for one file, or a name "
            f"without extension for a folder of parts.{hint}"
        )
    if os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises where a folder above may not be entered
        raise ConfigError(f"the output {path} is a folder; name a file in it, such as {path / f'tagged{path.suffix}'}")
    return Sink(path, columns)


def json_line(row: Row) -> bytes:
    """Return a row as a line of JSON in UTF-8."""
    try:
        line = _AS_JSON.encode(row).encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair is no UTF-8, but JSON has an escape for it
        line = json.dumps(row, ensure_ascii=True).encode("ascii")
    return line + b"\n"


def read_rows(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file that a sink has written; written again they give the same bytes.

    Of a Parquet file only the columns named are read; a CSV file must have these and no others.

    Raises:
        DataError: the file is not there, or not such a file.
    """
    try:
        yield from _READERS[path.suffix.lower()](path, columns)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({error}); tag into a new output") from error


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of a file of rows, in order; none of an empty file.

    Raises:
        ConfigError: the file has another extension.
        DataError: the file is not there, or not such a file.
    """
    if path.suffix.lower() not in _READERS:
        raise ConfigError(f"{path}: expected .jsonl, .csv or .parquet, or the folder that `eventroles tag` has written")
    try:
        if path.suffix.lower() == ".parquet":
            return list(require("pyarrow.parquet", extra="parquet").read_schema(path).names)
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix.lower() == ".csv":
                return next(csv.reader(file), [])
            return list(json.loads(file.readline() or "{}"))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a power cut, where the system can."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the system says while writing ``path`` into a sentence for the user, a `DataError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        message = f"{path}: cannot be written: {reason}; free space or ask for rights there, or name another output"
        raise DataError(message) from error


class _JsonLinesWriter:
    def __init__(self, file: BinaryIO, columns: Columns) -> None:  # noqa: ARG002  keys come with the rows
        self._file = file

    def write(self, row: Row) -> None:
        self._file.write(json_line(row))

    def finish(self) -> None:
        pass


class _CsvWriter:
    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        self._file = file
        self._columns = columns
        # All text in quotes: before Python 3.13 a lone carriage return in a text is not quoted otherwise.
        self._rows = csv.writer(self._Encoded(file), lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        self._rows.writerow(columns)

    class _Encoded:
        """Takes the lines of ``csv`` without a text layer, which would translate newlines and hold the file open."""

        def __init__(self, file: BinaryIO) -> None:
            self._file = file

        def write(self, line: str) -> int:
            return self._file.write(_storable(line))

    def write(self, row: Row) -> None:
        self._rows.writerow([_flat(value, self._columns[name]) for name, value in row.items()])

    def finish(self) -> None:
        pass


class _ParquetWriter:
    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        self._arrow = arrow = require("pyarrow", extra="parquet")
        parquet = require("pyarrow.parquet", extra="parquet")
        text = arrow.string()
        kinds = {
            "integer": arrow.int64(),
            "number": arrow.float64(),
            "boolean": arrow.bool_(),
            "list": arrow.list_(text),
        }
        self._schema = arrow.schema([(name, kinds.get(kind, text)) for name, kind in columns.items()])
        self._columns = columns
        self._held: list[dict[str, Any]] = []
        self._characters = 0
        self._batches: list[Any] = []
        self._table = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, row: Row) -> None:
        self._held.append({name: self._cell(value, self._columns[name]) for name, value in row.items()})
        self._characters += len(row.get("text") or "")
        if len(self._held) == _HELD or self._characters > _HELD_CHARACTERS:
            self._pack()
            if sum(map(len, self._batches)) >= _ROW_GROUP or self._characters > _HELD_CHARACTERS:
                self._flush()
            self._characters = 0

    def finish(self) -> None:
        if self._table.is_open:
            self._pack()
            if self._batches:
                self._flush()
            self._table.close()

    def _cell(self, value: Any, kind: Kind) -> Any:
        if kind == "object":
            value = _flat(value, kind)
        return _storable(value).decode("utf-8") if isinstance(value, str) else value

    def _pack(self) -> None:
        if self._held:
            self._batches.append(self._arrow.RecordBatch.from_pylist(self._held, schema=self._schema))
            self._held.clear()

    def _flush(self) -> None:
        self._table.write_table(self._arrow.Table.from_batches(self._batches))
        self._batches.clear()


def _flat(value: Any, kind: Kind) -> Any:
    """Return a value as a CSV field: roles with bars between them, objects and true or false as JSON."""
    if kind == "list":
        return "|".join(value)
    if kind == "boolean" and value is not None:
        return _AS_JSON.encode(value)
    if kind == "object" and value is not None:
        return _AS_JSON.encode(value)
    return value


def _storable(text: str) -> bytes:
    r"""Return UTF-8 with half surrogate pairs as ``\udXXX``: CSV and Parquet have no other way to write them."""
    return text.encode("utf-8", "backslashreplace")


def _read_json_lines(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:  # noqa: ARG001  keys come with the rows
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _read_csv(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    parse: dict[Kind, Callable[[str], Any]] = {
        "text": lambda field: field or None,
        "integer": lambda field: int(field) if field else None,
        "number": lambda field: float(field) if field else None,
        "list": lambda field: field.split("|") if field else [],
        "boolean": lambda field: json.loads(field) if field else None,
        "object": lambda field: json.loads(field) if field else None,
    }
    file: TextIO
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != list(columns):
            raise ValueError("its columns are not those of this dataset")
        for row in rows:
            yield {name: parse[kind](row[name]) for name, kind in columns.items()}


def _read_parquet(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    parquet = require("pyarrow.parquet", extra="parquet")
    objects = [name for name, kind in columns.items() if kind == "object"]
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROW_GROUP, columns=list(columns)):
            for row in batch.to_pylist():
                yield row | {name: json.loads(row[name]) if row[name] else None for name in objects}


_WRITERS: dict[str, Callable[[BinaryIO, Columns], _Writer]] = {
    ".jsonl": _JsonLinesWriter,
    ".csv": _CsvWriter,
    ".parquet": _ParquetWriter,
}
_READERS: dict[str, Callable[[Path, Columns], Iterator[dict[str, Any]]]] = {
    ".jsonl": _read_json_lines,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
