"""The output file: every format back as it went in, and whole or not there at all."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from eventroles.inference import sinks
from eventroles.inference.documents import Document
from eventroles.inference.results import TaggedDocument, TaggedSentence
from eventroles.inference.rows import Table
from eventroles.inference.sinks import open_sink, read_rows
from eventroles.labels.errors import ConfigError, DataError, EventRolesError
from hypothesis import given, settings
from hypothesis import strategies as st

LABELS = ("attack", "retaliation")
TABLE = Table(LABELS, "roles-small", "abc123")
COLUMNS = list(TABLE.columns)
FORMATS = (".jsonl", ".csv", ".parquet")
every_format = pytest.mark.parametrize("extension", FORMATS)


def tagged(
    *texts: str, document: str = "a.txt", roles=("attack", "retaliation"), score: float = 0.12345678
) -> TaggedDocument:
    sentences = [
        TaggedSentence(index, 10 * index, 10 * index + len(text), text, roles, {"retaliation": 0.5, "attack": score})
        for index, text in enumerate(texts)
    ]
    made = Document(document, "0f" * 32, "".join(texts), "a.zip", date="2026-03-01", metadata={"desk": ["north", "é"]})
    return TaggedDocument(made, tuple(sentences))


def write(path: Path, *documents: TaggedDocument) -> Path:
    with open_sink(path, TABLE.columns) as sink:
        for document in documents:
            for row in TABLE.rows(document):
                sink.write(row)
    return path


def read(path: Path) -> list[dict]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_bytes().decode("utf-8").split("\n")[:-1]]
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
        return [row | {"metadata": json.loads(row["metadata"])} for row in rows]
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))
    numbers = {"index": int, "start": int, "end": int, "attack": float, "retaliation": float}
    for row in rows:
        row.update({name: kind(row[name]) for name, kind in numbers.items()})
        row.update({name: row[name] or None for name in ("boilerplate", "boilerplate_end", "title")})
        row["roles"] = row["roles"].split("|") if row["roles"] else []
        row["review"] = json.loads(row["review"])
        row["metadata"] = json.loads(row["metadata"])
    return rows


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@every_format
def test_rows_come_back_with_their_columns_in_order(tmp_path, extension):
    text = '“Fire!”, he said;\r\n«Бой» at dawn\rand\n"dusk".'
    path = write(tmp_path / f"out{extension}", tagged(text, "Second."), tagged("Third.", document="b/ü.txt", roles=()))
    rows = read(path)
    assert [list(row) for row in rows] == [COLUMNS] * 3
    assert {
        "document": "a.txt",
        "sha256": "0f" * 32,
        "index": 0,
        "start": 0,
        "end": len(text),
        "text": text,
        "roles": ["attack", "retaliation"],
        "attack": 0.123457,
        "retaliation": 0.5,
        "review": False,
        "boilerplate": None,
        "boilerplate_end": None,
        "source": "a.zip",
        "title": None,
        "date": "2026-03-01",
        "metadata": {"desk": ["north", "é"]},
        "model": "roles-small",
        "revision": "abc123",
    } == rows[0]
    assert (rows[1]["index"], rows[1]["start"], rows[1]["text"]) == (1, 10, "Second.")
    assert (rows[2]["document"], rows[2]["roles"]) == ("b/ü.txt", [])


@every_format
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_text_comes_back(extension, text):
    if extension == ".csv" and "\0" in text:
        return  # the csv module of Python 3.10 does not read it
    with tempfile.TemporaryDirectory() as folder:
        assert [text, text] == [
            row["text"] for row in read(write(Path(folder) / f"out{extension}", tagged(text, text)))
        ]


@every_format
def test_half_a_surrogate_pair_stays_readable(tmp_path, extension):
    rows = read(write(tmp_path / f"out{extension}", tagged("cut \ud83d off é", "next é", document="file\udcff.txt")))
    expected = "cut \ud83d off é" if extension == ".jsonl" else "cut \\ud83d off é"
    assert [expected, "next é"] == [row["text"] for row in rows]
    assert {row["document"] for row in rows} == {"file\udcff.txt" if extension == ".jsonl" else "file\\udcff.txt"}


@every_format
def test_the_same_rows_give_the_same_bytes(tmp_path, extension):
    first = write(tmp_path / f"a{extension}", *[tagged(f"Convoy {n} was hit.") for n in range(300)])
    second = write(tmp_path / f"b{extension}", *[tagged(f"Convoy {n} was hit.") for n in range(300)])
    assert first.read_bytes() == second.read_bytes()


@every_format
def test_no_sentence_at_all_is_still_a_file_with_its_columns(tmp_path, extension):
    path = write(tmp_path / f"out{extension}", tagged())
    assert read(path) == []
    if extension == ".parquet":
        assert pq.read_schema(path).names == COLUMNS
    if extension == ".csv":
        assert path.read_text(encoding="utf-8") == ",".join(f'"{name}"' for name in COLUMNS) + "\n"


def test_json_lines_are_plain_utf8_one_object_a_line(tmp_path):
    data = write(tmp_path / "out.jsonl", tagged("Бой\nу моста.")).read_bytes()
    assert "Бой\\nу моста.".encode() in data
    assert (data.count(b"\n"), data[-1:]) == (1, b"\n")


def test_parquet_is_written_in_row_groups_with_lists_and_exact_types(tmp_path, monkeypatch):
    monkeypatch.setattr(sinks, "_ROW_GROUP", 4)
    monkeypatch.setattr(sinks, "_HELD", 2)
    path = write(tmp_path / "out.parquet", tagged(*"abcdef"), tagged(*"ghijk"))
    with pq.ParquetFile(path) as file:
        assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [4, 4, 3]
        types = dict(zip(file.schema_arrow.names, map(str, file.schema_arrow.types), strict=True))
    assert (types["start"], types["attack"], types["roles"]) == ("int64", "double", "list<element: string>")
    assert list("abcdefghijk") == [row["text"] for row in read(path)]


@every_format
def test_rows_read_back_and_written_again_give_the_same_bytes(tmp_path, extension):
    first = write(tmp_path / f"a{extension}", tagged("One.", 'Two "q",\n\r three.'), tagged("x", roles=(), score=1e-6))
    rows = list(read_rows(first, TABLE.columns))
    assert ["One.", 'Two "q",\n\r three.', "x"] == [row["text"] for row in rows]
    with open_sink(tmp_path / f"b{extension}", TABLE.columns) as sink:
        for row in rows:
            sink.write(row)
    assert first.read_bytes() == (tmp_path / f"b{extension}").read_bytes()


@every_format
def test_a_damaged_file_of_rows_is_told(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    path.write_bytes(b"{nonsense")
    with pytest.raises(DataError, match=r"cannot be read .*; tag into a new output"):
        list(read_rows(path, TABLE.columns))


@every_format
def test_an_error_leaves_an_older_output_untouched_and_no_partial_file(tmp_path, extension):
    path = write(tmp_path / f"out{extension}", tagged("Old."))
    old = path.read_bytes()

    def break_off(error: BaseException) -> None:
        with open_sink(path, TABLE.columns) as sink:
            sink.write(next(TABLE.rows(tagged("New."))))
            assert names(tmp_path) == [f".out{extension}.partial", f"out{extension}"]
            raise error

    for error in (KeyboardInterrupt(), ZeroDivisionError()):
        with pytest.raises(type(error)):
            break_off(error)
        assert (names(tmp_path), path.read_bytes()) == ([path.name], old)


@every_format
def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path, extension, monkeypatch):
    class FullDisk(io.FileIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda path, mode: FullDisk(path, mode))
    with pytest.raises(DataError, match=r"out\.\w+: cannot be written: No space left on device; free space"):
        write(tmp_path / f"out{extension}", tagged("Shells fell."))
    assert names(tmp_path) == []


def test_a_disk_that_fails_at_the_end_leaves_the_older_output(tmp_path, monkeypatch):
    path = write(tmp_path / "out.jsonl", tagged("Old."))
    old = path.read_bytes()

    def fail(number):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError, match="Input/output error"):
        write(path, tagged("New."))
    assert (names(tmp_path), path.read_bytes()) == ([path.name], old)


def test_a_folder_that_cannot_be_made_or_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be written: Not a directory|cannot be written: File exists"):
        write(tmp_path / "file" / "out.jsonl")

    def denied(path, mode):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(DataError, match="cannot be written: Permission denied"):
        write(tmp_path / "out.jsonl")


def test_an_error_of_the_caller_is_not_taken_for_one_of_the_disk(tmp_path):
    with pytest.raises(TimeoutError), open_sink(tmp_path / "o.csv", TABLE.columns):
        raise TimeoutError


def test_the_folder_of_the_output_is_made_and_a_link_written_through(tmp_path):
    path = write(tmp_path / "new" / "deep" / "out.jsonl", tagged("Old."))
    link = tmp_path / "latest.jsonl"
    link.symlink_to(path)
    write(link, tagged("New."))
    assert link.is_symlink()
    assert read(path)[0]["text"] == "New."


@pytest.mark.parametrize("name", ["out.json", "out", "out.jsonl.gz", "out.tsv"])
def test_another_extension_is_refused_naming_the_three(tmp_path, name):
    with pytest.raises(ConfigError, match=r"expected \.jsonl, \.csv or \.parquet"):
        open_sink(tmp_path / name, TABLE.columns)


def test_a_folder_as_output_is_refused(tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(ConfigError, match=r"is a folder; name a file in it, such as .*tagged\.csv"):
        open_sink(tmp_path / "out.csv", TABLE.columns)


def test_a_missing_pyarrow_is_told_before_anything_is_tagged(tmp_path, monkeypatch):
    def missing(module, *, extra):
        raise EventRolesError(f"pyarrow is not installed. Run: pip install 'eventroles[{extra}]'")

    monkeypatch.setattr(sinks, "require", missing)
    with pytest.raises(EventRolesError, match="pip install"):
        write(tmp_path / "out.parquet")
    assert names(tmp_path) == []


def test_a_sink_outside_its_block_refuses_rows(tmp_path):
    sink = open_sink(tmp_path / "out.jsonl", TABLE.columns)
    with pytest.raises(RuntimeError, match="with block"):
        sink.write(next(TABLE.rows(tagged("x"))))
