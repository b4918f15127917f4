"""Tables of documents in Parquet files, read in batches that stay small whatever the file's row groups are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ...labels.errors import DataError, require
from ..documents import Document, Failure, ReadOptions, Source
from .rows import document_of_row, failure, missing_column, with_a_good_row

_MOST_ROWS = 1024  # of a batch
_BATCH = 32 << 20  # bytes of a batch; they are an average of the row group, so some batches are larger
_BUFFER = 1 << 20  # bytes; without a buffer pyarrow reads a column of a row group at once, however large


@with_a_good_row
def read_parquet(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a document from each row.

    Raises:
        DataError: the file is damaged or has not the columns, or not one row of it can be read.
        EventRolesError: pyarrow is not installed.
        OSError: the file cannot be opened.
    """
    arrow = require("pyarrow", extra="parquet")
    parquet = require("pyarrow.parquet", extra="parquet")
    try:
        with parquet.ParquetFile(source.path, buffer_size=_BUFFER, pre_buffer=False) as file:
            if problem := missing_column(options.columns, file.schema_arrow.names):
                raise DataError(problem)
            needed = {options.columns.text, options.columns.id}
            for number, row in enumerate(_rows(file, arrow, needed=needed), start=1):
                if isinstance(row, str):
                    yield failure(source, number, row)
                else:
                    yield document_of_row(source, options, line=number, number=number, row=row)
    except arrow.ArrowException as error:
        raise DataError(f"not a readable Parquet file ({' '.join(str(error).split())}); write it again") from error


def _rows(file: Any, arrow: Any, *, needed: Collection[str]) -> Iterator[Mapping[str, Any] | str]:
    """Yield the values of each row by column, or a sentence on why they cannot be read."""
    for group in range(file.num_row_groups):
        metadata = file.metadata.row_group(group)
        size = max(1, metadata.total_byte_size // max(1, metadata.num_rows))
        rows = max(1, min(_MOST_ROWS, _BATCH // size))
        for batch in file.iter_batches(batch_size=rows, row_groups=[group]):
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            for place in range(batch.num_rows):
                try:
                    yield {name: _value(col[place], arrow, strict=name in needed) for name, col in columns.items()}
                except UnicodeDecodeError:
                    yield "not UTF-8; write the row again"


def _value(cell: Any, arrow: Any, *, strict: bool) -> Any:
    try:
        if arrow.types.is_timestamp(cell.type) and cell.type.unit == "ns":
            # Python has no nanoseconds: with pandas installed they would come back in another way than without.
            cell = cell.cast(arrow.timestamp("us", cell.type.tz), safe=False)
        return cell.as_py()
    except (ArithmeticError, ValueError) as error:  # not UTF-8, a year that Python has not, nanoseconds in a list
        if strict and isinstance(error, UnicodeDecodeError):
            raise
        return None  # what only describes the text is not worth losing it for
