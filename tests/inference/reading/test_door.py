"""The one door: what may come through it, and what becomes of everything else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, Failure, Limits, ReadOptions, Source
from eventroles.inference.readers import text
from eventroles.inference.reading import door as reading
from eventroles.inference.reading.door import checked, fingerprint, read_source, whole_file_failure
from eventroles.labels.errors import DataError

NEWS = "Gunmen fired on a bus near the dam. Two passengers were hurt."


def read(path: Path, data: bytes, **limits) -> list:
    path.write_bytes(data)
    return list(read_source(Source(path, path.name), options=ReadOptions(limits=Limits(**limits))))


def test_every_item_says_which_file_it_is_from(tmp_path):
    items = read(tmp_path / "n.jsonl", b'{"id": "x", "text": "Talks."}\n{"text": 7}\n')
    assert ["n.jsonl", "n.jsonl"] == [item.source for item in items]
    assert [Document, Failure] == [type(item) for item in items]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": ""}, "holds no text"),
        ({"text": " \n\u2003"}, "holds no text"),
        ({"text": "Shells\0fell."}, "a NUL character at 6"),
        ({"text": "Räumung \ud83d"}, "the text holds half a character (a lone surrogate) at 8"),
        ({"text": "Talks.", "id": "a\udc80"}, "the id holds half a character"),
    ],
)
def test_a_document_that_cannot_be_tagged_or_written_is_a_failure(tmp_path, row, reason):
    rows = [row, {"text": "Good."}]
    failure, good = read(tmp_path / "n.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    assert "Good." == good.text
    assert reason in failure.reason
    assert ("read", "n.jsonl") == (failure.stage, failure.source)
    failure.document.encode("utf-8")


def test_title_and_date_are_written_too_and_so_checked():
    for fields in ({"title": "\ud83d"}, {"date": "2024\udc80"}):
        failure = checked(Document("a", "", NEWS, source="f", **fields), Limits())
        assert isinstance(failure, Failure)
        assert (f"the {next(iter(fields))} holds half", "f") == (failure.reason.partition(" a char")[0], failure.source)
    long = checked(Document("a", "", "x" * 11), Limits(document_bytes=10))
    assert isinstance(long, Failure)
    assert "11 characters of text" in long.reason


def test_the_size_of_a_document_is_limited_and_that_of_a_table_is_not(tmp_path):
    with pytest.raises(DataError, match=r"a\.txt: larger than 1 MiB, too much for one document; split it"):
        read(tmp_path / "a.txt", b"x" * (1 << 20) + b"x", document_bytes=1 << 20)
    assert 1 == len(read(tmp_path / "a.txt", b"x" * (1 << 20), document_bytes=1 << 20))
    rows = b'{"text": "Talks go on."}\n' * 50_000
    assert 50_000 == len(read(tmp_path / "a.jsonl", rows, document_bytes=1 << 20))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders")
def test_pipes_and_devices_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    for path in (tmp_path / "pipe.txt", Path("/dev/zero"), tmp_path):
        with pytest.raises(DataError, match="not a regular file"):
            list(read_source(Source(path, path.name), options=ReadOptions()))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RecursionError("maximum recursion depth exceeded"), "damaged or hostile; .* (RecursionError: maximum"),
        (ValueError("two\nlines"), "damaged or hostile; .* (ValueError: two lines)"),
        (AssertionError(), "damaged or hostile; .* (AssertionError:)"),
        (MemoryError(), "needed more than 3.0 GB of memory"),
        (OSError(5, "Input/output error"), "cannot be read: Input/output error; check that it is whole"),
        (PermissionError(13, "Permission denied"), "cannot be read: Permission denied; ask for the right"),
    ],
)
def test_whatever_a_reader_raises_is_one_line_about_the_file(tmp_path, monkeypatch, error, reason):
    def broken(source: Source, options: ReadOptions):
        yield Document("first", "", "Kept.")
        raise error

    monkeypatch.setattr(text, "read_text", broken)
    (tmp_path / "a.txt").write_text(NEWS, encoding="utf-8")
    items = read_source(Source(tmp_path / "a.txt", "a.txt"), options=ReadOptions())
    assert "Kept." == next(items).text
    pattern = reason.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(DataError, match=rf"a\.txt: .*{pattern}") as caught:
        next(items)
    assert "\n" not in str(caught.value)
    failure = whole_file_failure(Source(tmp_path / "a.txt", "a.txt"), caught.value)
    assert ("a.txt", "a.txt", False) == (failure.document, failure.source, str(tmp_path) in failure.reason)


def test_a_fingerprint_is_empty_for_what_cannot_be_opened(tmp_path):
    assert reading.Fingerprint(0, 0, "") == fingerprint(tmp_path / "gone.txt") == fingerprint(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"abc")
    found = fingerprint(tmp_path / "a.txt")
    assert (3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") == (found.size, found.sha256)
    assert (tmp_path / "a.txt").stat().st_mtime_ns == found.modified_ns
