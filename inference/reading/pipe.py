"""Standard input as a stream of documents: a line each, tagged as soon as it is there."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ..documents import Document, Failure, ReadOptions, Source
from ..readers.rows import document_of_row, failure, kind, missing_column, too_large
from .door import checked

STANDARD = "-"
_SOURCE = Source(Path("stdin"), "stdin")
_WAITING = 4096  # lines read ahead, and lines of a batch


def read_pipe(file: BinaryIO, options: ReadOptions) -> Iterator[list[Document | Failure]]:
    """Yield what is there to read, in batches: one line while lines come slowly, thousands while they come fast.

    A line that is a JSON object is a document as in a JSON Lines file. If the first line is none, all lines are texts.

    Args:
        file: standard input.
        options: names of the columns, and the longest line to take.
    """
    lines: queue.Queue[tuple[int, bytes] | None] = queue.Queue(_WAITING)
    threading.Thread(target=_fill, args=(file, lines, options.limits.document_bytes), daemon=True).start()
    is_json: bool | None = None
    waiting = True
    while waiting:
        batch: list[Document | Failure] = []
        try:
            item = lines.get()
            while True:
                if item is None:
                    waiting = False
                    break
                number, line = item
                if line.strip():
                    is_json = line.lstrip().startswith(b"{") if is_json is None else is_json
                    batch.append(_parse(number, line, options, is_json=is_json))
                if len(batch) == _WAITING:
                    break
                item = lines.get_nowait()
        except queue.Empty:
            pass
        if batch:
            yield batch


def _fill(file: BinaryIO, lines: queue.Queue[tuple[int, bytes] | None], limit: int) -> None:
    """Put the lines into the queue with their numbers, of one beyond the limit its beginning; None at the end."""
    number = 0
    while line := file.readline(limit + 1):
        number += 1
        lines.put((number, line))
        while len(line) > limit and not line.endswith(b"\n"):
            line = file.readline(limit + 1)
            if not line:
                break
    lines.put(None)


def _parse(number: int, line: bytes, options: ReadOptions, *, is_json: bool) -> Document | Failure:
    if len(line) > options.limits.document_bytes:
        return failure(_SOURCE, number, too_large(options))
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        if not is_json:
            name, digest = f"{_SOURCE.id}:{number}", hashlib.sha256(line.strip()).hexdigest()
            return checked(Document(name, digest, text.strip(), source=_SOURCE.id), options.limits)
        row = json.loads(text)
    except UnicodeDecodeError as error:
        return failure(_SOURCE, number, f"not UTF-8 (byte {error.start:,} of the line); write it in UTF-8")
    except (ValueError, RecursionError) as error:
        return failure(_SOURCE, number, f"not valid JSON: {error}; write one object a line")
    if not isinstance(row, dict):
        return failure(_SOURCE, number, f"{kind(row)}; expected one object {{…}} a line")
    if problem := missing_column(options.columns, row):
        return failure(_SOURCE, number, problem)
    document = document_of_row(_SOURCE, options, line=number, number=number, row=row)
    if isinstance(document, Failure):
        return document
    return checked(replace(document, source=_SOURCE.id), options.limits)
