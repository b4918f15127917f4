"""Where the rows of a run go: one JSON Lines, CSV or Parquet file, which appears whole or not at all."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

from ..labels.errors import ConfigError, DataError, ModelError, nearest, require
from .results import TaggedDocument, TaggedSentence

_BEFORE_SCORES = ("document", "sha256", "index", "start", "end", "text", "roles")
_AFTER_SCORES = ("model", "revision")
_DECIMALS = 6  # of a score
_ROW_GROUP = 16_384  # rows of a Parquet file held in memory
_AS_JSON = json.JSONEncoder(ensure_ascii=False)  # one for all rows: json.dumps makes one for each


class _Writer(Protocol):
    """Puts rows into an open file; ``finish`` writes what is still held."""

    def write(self, row: Mapping[str, Any]) -> None: ...

    def finish(self) -> None: ...


class Sink:
    """An output that is being written; a context manager, since only its end puts the file in place.

    The rows go to ``.<name>.partial`` beside the output. If the ``with`` block ends well, that takes the place of the
    output; if not, it is removed, and an older output stays as it was.
    """

    def __init__(self, path: Path, *, label_names: Sequence[str], model: str, revision: str) -> None:
        self._path = path
        # A link to the output is written through, as any program would that opens it.
        self._target = Path(os.path.realpath(path))
        self._partial = self._target.with_name(f".{self._target.name}.partial")
        self._label_names = tuple(label_names)
        self._origin = {"model": model, "revision": revision}
        self._file: BinaryIO | None = None
        self._writer: _Writer | None = None

    def __enter__(self) -> Sink:
        """Make the folder and open the partial file.

        Raises:
            DataError: one of them cannot be made.
            EventRolesError: pyarrow is needed and not installed.
        """
        try:
            with _told(self._path):
                self._target.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._partial.open("wb")
                self._writer = _WRITERS[self._path.suffix.lower()](self._file, self._label_names)
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, document: TaggedDocument) -> None:
        """Write one row for each sentence.

        Raises:
            DataError: the disk is full, or does not answer.
            ModelError: a score is not a number.
        """
        if self._writer is None:
            raise RuntimeError("a sink is open only inside its with block")
        with _told(self._path):
            for sentence in document.sentences:
                self._writer.write(self._row(document, sentence))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put the file in place, or remove it after an error.

        Raises:
            DataError: the rest cannot be written, or the file not be put in place.
        """
        try:
            if kind is None and self._writer is not None and self._file is not None:
                with _told(self._path):
                    self._writer.finish()
                    self._file.flush()
                    os.fsync(self._file.fileno())
                    self._file.close()
                    self._partial.replace(self._target)
        finally:
            self._discard()

    def _row(self, document: TaggedDocument, sentence: TaggedSentence) -> dict[str, Any]:
        scores = {name: round(float(sentence.scores[name]), _DECIMALS) for name in self._label_names}
        for name, score in scores.items():
            if not math.isfinite(score):
                raise ModelError(
                    f"{document.document.id}: the score of {name!r} is {score} in sentence {sentence.index}; the model "
                    "is damaged or was trained with errors: get it again or train it anew"
                )
        return {
            "document": document.document.id,
            "sha256": document.document.sha256,
            "index": sentence.index,
            "start": sentence.start,
            "end": sentence.end,
            "text": sentence.text,
            "roles": list(sentence.roles),
            **scores,
            **self._origin,
        }

    def _discard(self) -> None:
        """Close what is open and remove the partial file, if it is still there."""
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


def open_sink(path: Path, *, label_names: Sequence[str], model: str, revision: str) -> Sink:
    """Return a sink for an output, whose extension chooses the format; nothing is written before its ``with`` block.

    Args:
        path: the file to write, ``.jsonl``, ``.csv`` or ``.parquet``.
        label_names: the labels, in the order of their score columns.
        model: name of the model, for the ``model`` column.
        revision: revision of the model, for the ``revision`` column.

    Raises:
        ConfigError: another extension, a folder, or label names that cannot be columns.
    """
    if path.suffix.lower() not in _WRITERS:
        found = f"ends in {path.suffix!r}" if path.suffix else "has no extension"
        hint = nearest(path.suffix, _WRITERS)
        raise ConfigError(f"the output {path} {found}; expected .jsonl, .csv or .parquet.{hint}")
    if os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises where a folder above may not be entered
        raise ConfigError(f"the output {path} is a folder; name a file in it, such as {path / f'tagged{path.suffix}'}")
    columns = [*_BEFORE_SCORES, *label_names, *_AFTER_SCORES]
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise ConfigError(f"two columns of the output would be called {', '.join(twice)}; rename the label")
    if barred := [name for name in label_names if "|" in name]:
        raise ConfigError(f"label {barred[0]!r} holds '|', which stands between the roles of a CSV row; rename it")
    return Sink(path, label_names=label_names, model=model, revision=revision)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the system says while writing into a sentence for the user."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        message = f"{path}: cannot be written: {reason}; free space or ask for rights there, or name another output"
        raise DataError(message) from error


class _JsonLinesWriter:
    def __init__(self, file: BinaryIO, label_names: Sequence[str]) -> None:  # noqa: ARG002  keys come with the rows
        self._file = file

    def write(self, row: Mapping[str, Any]) -> None:
        try:
            line = _AS_JSON.encode(row).encode("utf-8")
        except UnicodeEncodeError:  # half a surrogate pair is no UTF-8, but JSON has an escape for it
            line = json.dumps(row, ensure_ascii=True).encode("ascii")
        self._file.write(line + b"\n")

    def finish(self) -> None:
        pass


class _CsvWriter:
    def __init__(self, file: BinaryIO, label_names: Sequence[str]) -> None:
        self._file = file
        # All text in quotes: before Python 3.13 a lone carriage return in a text is not quoted otherwise.
        self._rows = csv.writer(self._Encoded(file), lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        self._rows.writerow([*_BEFORE_SCORES, *label_names, *_AFTER_SCORES])

    class _Encoded:
        """Takes the lines of ``csv`` without a text layer, which would translate newlines and hold the file open."""

        def __init__(self, file: BinaryIO) -> None:
            self._file = file

        def write(self, line: str) -> int:
            return self._file.write(_storable(line))

    def write(self, row: Mapping[str, Any]) -> None:
        self._rows.writerow(["|".join(value) if name == "roles" else value for name, value in row.items()])

    def finish(self) -> None:
        pass


class _ParquetWriter:
    def __init__(self, file: BinaryIO, label_names: Sequence[str]) -> None:
        self._arrow = require("pyarrow", extra="parquet")
        parquet = require("pyarrow.parquet", extra="parquet")
        arrow = self._arrow
        kinds = {"index": arrow.int64(), "start": arrow.int64(), "end": arrow.int64()}
        kinds |= {"roles": arrow.list_(arrow.string())} | dict.fromkeys(label_names, arrow.float64())
        names = [*_BEFORE_SCORES, *label_names, *_AFTER_SCORES]
        self._schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in names])
        self._held: list[dict[str, Any]] = []
        self._table = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, row: Mapping[str, Any]) -> None:
        self._held.append(
            {name: _storable(value).decode("utf-8") if isinstance(value, str) else value for name, value in row.items()}
        )
        if len(self._held) == _ROW_GROUP:
            self._flush()

    def finish(self) -> None:
        if self._table.is_open:
            if self._held:
                self._flush()
            self._table.close()

    def _flush(self) -> None:
        self._table.write_table(self._arrow.Table.from_pylist(self._held, schema=self._schema))
        self._held.clear()


def _storable(text: str) -> bytes:
    r"""Return UTF-8 with half surrogate pairs as ``\udXXX``: CSV and Parquet have no other way to write them."""
    return text.encode("utf-8", "backslashreplace")


_WRITERS: dict[str, Callable[[BinaryIO, Sequence[str]], _Writer]] = {
    ".jsonl": _JsonLinesWriter,
    ".csv": _CsvWriter,
    ".parquet": _ParquetWriter,
}
