"""What the readers make of real and broken files: encodings, newlines, bad rows, missing columns."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import tempfile
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from eventroles.inference.documents import Document, Failure, ReadOptions, Source, TableColumns
from eventroles.inference.reading.door import read_source
from eventroles.labels.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

FRENCH = "Le préfet a condamné l’attaque à Orléans. Trois blessés ont été évacués, où qu’ils fussent."
RUSSIAN = "Неизвестные обстреляли колонну у переправы. Губернатор сообщил о трёх раненых."
GERMAN = "Schüsse fielen nahe der Brücke. Die Behörden bestätigten fünf Verletzte."


def read(path: Path, data: bytes | None = None, **columns: str) -> list[Document | Failure]:
    if data is not None:
        path.write_bytes(data)
    return list(read_source(Source(path, path.name), options=ReadOptions(TableColumns(**columns))))


def texts(items: list[Document | Failure]) -> list[str]:
    return [item.text for item in items if isinstance(item, Document)]


def reasons(items: list[Document | Failure]) -> list[tuple[str, str]]:
    return [(item.document, item.reason) for item in items if isinstance(item, Failure)]


@pytest.mark.parametrize("extension", [".txt", ".md"])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [(FRENCH + RUSSIAN, encoding) for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32")]
    + [(FRENCH, "cp1252"), (GERMAN, "cp1252"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r")],
)
def test_a_text_is_read_in_its_encoding_without_its_mark(tmp_path, text, encoding, extension):
    data = text.encode(encoding)
    (document,) = read(tmp_path / f"news{extension}", data)
    name = f"news{extension}"
    assert document == Document(name, hashlib.sha256(data).hexdigest(), text, source=name)


def test_big_endian_marks_are_known_too(tmp_path):
    assert texts(read(tmp_path / "a.txt", ("\ufeff" + GERMAN).encode("utf-16-be"))) == [GERMAN]
    assert texts(read(tmp_path / "b.txt", ("\ufeff" + GERMAN).encode("utf-32-be"))) == [GERMAN]


def test_a_guessed_encoding_is_told(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        read(tmp_path / "old.txt", FRENCH.encode("cp1252"))
    assert caplog.messages == ["old.txt: not UTF-8; read as cp1252, a guess. Save it as UTF-8 to be sure"]


def test_newlines_stay_as_they_are(tmp_path):
    text = "Shells fell.\r\nNobody was hurt.\n\rTalks go on.\r\x85\u2028End"
    assert texts(read(tmp_path / "a.txt", text.encode())) == [text]


def test_a_file_without_text_is_a_failure(tmp_path):
    for data in (b"", b"\xef\xbb\xbf", b" \n\t\r\n", "\u2003\u2028".encode()):
        ((name, reason),) = reasons(read(tmp_path / "a.txt", data))
        assert (name, "holds no text") == ("a.txt", reason[:13])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "NUL bytes"),
        (GERMAN.encode("utf-16-le"), "UTF-16 without its mark"),
        (bytes(range(1, 32)) * 40, "control characters"),
        (b"\xff\xfe" + b"a\0b", "looked like utf-16, but byte 4 is not"),
        (b"\xff\xfe\0\0" + b"\xff" * 8, "looked like utf-32"),
    ],
)
def test_a_binary_or_broken_file_is_refused_with_a_remedy(tmp_path, data, reason):
    with pytest.raises(DataError, match=r"a\.txt: .*" + reason + r".*; save it as") as caught:
        read(tmp_path / "a.txt", data)
    assert "\n" not in str(caught.value)


@given(data=st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_give_one_document_or_one_clear_refusal(data):
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        (document,) = read(Path(folder) / "a.txt", data)
        assert isinstance(document, Failure) or document.sha256 == hashlib.sha256(data).hexdigest()


def test_every_object_is_a_document_and_bad_lines_do_not_lose_the_others(tmp_path):
    lines = [
        '{"text": null}',
        '{"id": "a", "text": "Mortars hit the market."}',
        "",
        '{"id": 7, "text": "The ministry denied it.\\r\\n"}',
        '{"text": "Aid arrived."}',
        '{"id": "b", "body": "Wrong key."}',
        '{"text": "open',
        "[1, 2]",
        '{"id": ["x"], "text": "A list as a name."}',
        '{"id": "", "text": "Last."}',
    ]
    items = read(tmp_path / "n.jsonl", "\r\n".join(lines).encode())
    assert [(item.id, item.text) for item in items if isinstance(item, Document)] == [
        ("a", "Mortars hit the market."),
        ("7", "The ministry denied it.\r\n"),
        ("n.jsonl:4", "Aid arrived."),
        ("n.jsonl:9", "Last."),
    ]
    found = dict(reasons(items))
    assert list(found) == ["n.jsonl:1", "n.jsonl:6", "n.jsonl:7", "n.jsonl:8", "n.jsonl:9"]
    assert found["n.jsonl:1"] == "column 'text' is empty (null); expected text"
    assert found["n.jsonl:6"] == "no column 'text'; found 'id', 'body'. Name the column with --text-column"
    assert found["n.jsonl:7"].startswith("not valid JSON")
    assert found["n.jsonl:8"] == "a list; expected one object {…} a line"
    assert "column 'id' is a list" in found["n.jsonl:9"]


def test_a_byte_order_mark_is_taken_off_json_lines_and_other_encodings_are_refused(tmp_path):
    row = json.dumps({"text": RUSSIAN}, ensure_ascii=False)
    assert texts(read(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + row.encode())) == [RUSSIAN]
    with pytest.raises(DataError, match="mark of UTF-16"):
        read(tmp_path / "b.jsonl", row.encode("utf-16"))
    items = read(tmp_path / "c.jsonl", b'{"text": "ok"}\n{"text": "caf\xe9"}\n')
    assert reasons(items) == [("c.jsonl:2", "not UTF-8 (byte 13 of the line); save the file as UTF-8")]


def test_a_wrong_column_is_told_once_with_the_nearest_and_the_option(tmp_path):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.jsonl", b'{"txt": "x"}\n{"txt": "y"}\n')
    message = f"{tmp_path / 'a.jsonl'}: none of its 2 rows can be read; a.jsonl:1: no column 'text'; found 'txt'."
    assert str(caught.value) == f"{message} Did you mean 'txt'? Name the column with --text-column"
    assert texts(read(tmp_path / "a.jsonl", text="txt")) == ["x", "y"]
    with pytest.raises(DataError, match=r"no column 'url'; found 'id', 'text'\. Name the column with --id-column"):
        read(tmp_path / "a.jsonl", b'{"id": 1, "text": "x"}\n', id="url")


def test_deep_nesting_and_endless_numbers_are_failures_of_their_row(tmp_path):
    deep = b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n"
    items = read(tmp_path / "a.jsonl", b'{"text": "ok"}\n' + deep + b'{"n": ' + b"9" * 5000 + b"}\n")
    assert [place for place, _ in reasons(items)] == ["a.jsonl:2", "a.jsonl:3"]


def test_half_a_surrogate_pair_is_a_failure_that_says_where(tmp_path):
    items = read(tmp_path / "a.jsonl", b'{"text": "cut \\ud83d"}')
    assert reasons(items) == [
        ("a.jsonl:1", "the text holds half a character (a lone surrogate) at 4; write the file again")
    ]


@pytest.mark.parametrize(("name", "data"), [("a.jsonl", b""), ("a.jsonl", b"\n \n"), ("a.csv", b"id,text\n")])
def test_a_table_without_rows_is_refused(tmp_path, name, data):
    with pytest.raises(DataError, match="holds no document; leave it out"):
        read(tmp_path / name, data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_read_in_its_encoding_and_with_its_delimiter(tmp_path, encoding, delimiter):
    text = RUSSIAN + f'\r\n«Две{delimiter} строки» и "кавычки"'
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows([["id", "text"], ["a", text], [], ["", "Бой."]])
    items = read(tmp_path / "n.csv", stream.getvalue().encode(encoding))
    assert [(item.id, item.text) for item in items] == [("a", text), ("n.csv:2", "Бой.")]


def test_the_encoding_of_a_csv_is_seen_far_behind_its_start(tmp_path):
    rows = "id,text\n" + "1,Shells fell near the old mill.\n" * 60_000 + f'2,"{FRENCH}"\n'
    assert texts(read(tmp_path / "n.csv", rows.encode("cp1252")))[-1] == FRENCH


def test_bad_csv_rows_are_failures_with_their_first_line(tmp_path):
    rows = 'id,text\n1,"Two\nlines"\n2,He left, then returned\n3\n4,"Quoted" badly\n5,"Fine"\n6,ok,,\n7,"never closed\n'
    items = read(tmp_path / "n.csv", rows.encode())
    assert texts(items) == ["Two\nlines", "Fine", "ok"]
    found = dict(reasons(items))
    assert list(found) == ["n.csv:4", "n.csv:5", "n.csv:6", "n.csv:9"]
    assert found["n.csv:4"] == "3 fields, but the header has 2; quote the fields that hold delimiters"
    assert found["n.csv:5"] == "column 'text' is empty (null); expected text"
    assert found["n.csv:9"].startswith("not valid CSV: unexpected end of data")


def test_a_field_longer_than_the_limit_of_the_csv_module_is_read(tmp_path):
    csv.field_size_limit(131_072)
    text = "Shelling went on. " * 20_000
    assert texts(read(tmp_path / "n.csv", f"text\n{text}\n".encode())) == [text]


def test_a_csv_without_header_or_text_column_is_refused(tmp_path):
    with pytest.raises(DataError, match="no header; expected a first row that names the columns, 'text' among them"):
        read(tmp_path / "a.csv", b"")
    with pytest.raises(DataError, match=r"no column 'text'; found 'id', 'Text'\. Did you mean 'Text'\? .*--text"):
        read(tmp_path / "b.csv", b"id;Text\n1;x\n")
    with pytest.raises(DataError, match="NUL bytes"):
        read(tmp_path / "c.csv", b"id,text\0\n")


def write_parquet(path: Path, **columns) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_rows_are_documents_across_batches(tmp_path):
    rows = [f"Patrol {number} came under fire." for number in range(2500)]
    items = read(write_parquet(tmp_path / "n.parquet", text=rows, place=["x"] * 2500))
    assert texts(items) == rows
    assert items[-1].id == "n.parquet:2500"


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_all_text_types_of_parquet_are_read_and_null_rows_fail(tmp_path, kind):
    text = pa.array(["a", "b", None], pa.string()).cast(kind)
    items = read(write_parquet(tmp_path / "n.parquet", id=[5, None, 7], text=text))
    assert [(item.id, item.text) for item in items[:2]] == [("5", "a"), ("n.parquet:2", "b")]
    assert reasons(items) == [("n.parquet:3", "column 'text' is empty (null); expected text")]


def test_a_parquet_file_with_numbers_for_text_or_without_it_is_refused(tmp_path):
    path = write_parquet(tmp_path / "n.parquet", text=[1, 2], body=["x", "y"])
    with pytest.raises(DataError, match=r"none of its 2 rows can be read; .*:1: column 'text' is a number; expected"):
        read(path)
    with pytest.raises(DataError, match=r"no column 'bodi'; found 'text', 'body'\. Did you mean 'body'\?"):
        read(path, text="bodi")
    assert texts(read(path, text="body")) == ["x", "y"]


@pytest.mark.parametrize("cut", [0, 3, 40, -30])
def test_a_damaged_parquet_file_is_refused_in_one_line(tmp_path, cut):
    path = write_parquet(tmp_path / "n.parquet", text=["Shells fell."] * 100)
    with pytest.raises(DataError, match=r"n\.parquet: ") as caught:
        read(path, path.read_bytes()[:cut])
    assert "\n" not in str(caught.value)


@given(rows=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\r\n\t,;"'))))
@settings(max_examples=40, deadline=None)
def test_any_text_comes_back_from_every_table(rows):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [row for row in rows if row.strip()] or ["Rain."]  # without text a row is a failure
        lines = "".join(json.dumps({"text": row}) + "\n" for row in rows)
        assert texts(read(folder / "a.jsonl", lines.encode())) == rows
        assert texts(read(write_parquet(folder / "a.parquet", text=pa.array(rows, pa.string())))) == rows
        stream = io.StringIO(newline="")
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["text"], *([row] for row in rows)])
        assert texts(read(folder / "a.csv", stream.getvalue().encode())) == rows
