"""What a run is told: what to read, what to leave out, and how to write it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .documents import Limits, TableColumns

Format = Literal["parquet", "jsonl", "csv"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a folder run.

    Attributes:
        glob: take only files of folders whose name matches, such as ``*.txt``; with a slash the path below the folder.
        columns: names of the text, id, title and date columns of tables.
        limits: what one document and one archive may cost.
        cache: score a sentence that was met before no second time; the scores are the same.
        skip_boilerplate: leave datelines, by-lines and the like out of scoring; their rows have no scores.
        keep_text: write the extracted texts, which the offsets point into, beside the rows of a dataset folder.
        deduplicate: give near-duplicate documents and sentences of a dataset folder the ids of their clusters.
        format: of the parts of a dataset folder.
        part_size: characters of text after which a part of a dataset folder ends: what a power cut can cost.
        retry_failed: read inputs of a dataset folder again of which something failed.
    """

    glob: str | None = None
    columns: TableColumns = field(default_factory=TableColumns)
    limits: Limits = field(default_factory=Limits)
    cache: bool = True
    skip_boilerplate: bool = False
    keep_text: bool = False
    deduplicate: bool = False
    format: Format = "parquet"
    part_size: int = 4_000_000
    retry_failed: bool = False
