"""What table readers make of a row: title, date and metadata, and rows and files that are too large."""

from __future__ import annotations

import datetime
import decimal
import itertools
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from eventroles.inference.documents import Document, Failure, Limits, ReadOptions, Source, TableColumns
from eventroles.inference.readers.parquet import read_parquet
from eventroles.inference.readers.tables import read_csv, read_jsonl
from eventroles.labels.errors import DataError

RUSSIAN = "Неизвестные обстреляли колонну у переправы. Губернатор сообщил о трёх раненых."
READERS: dict[str, Callable[[Source, ReadOptions], Iterator[Document | Failure]]] = {
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
}


def read(path: Path, data: bytes | None = None, **columns: str) -> list[Document | Failure]:
    if data is not None:
        path.write_bytes(data)
    reader = READERS[path.suffix]
    return list(reader(Source(path, path.name), ReadOptions(TableColumns(**columns))))


def texts(items: list[Document | Failure]) -> list[str]:
    return [item.text for item in items if isinstance(item, Document)]


def reasons(items: list[Document | Failure]) -> list[tuple[str, str]]:
    return [(item.document, item.reason) for item in items if isinstance(item, Failure)]


def write_parquet(path: Path, **columns) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def within(
    reader: Callable[[Source, ReadOptions], Iterator[Document | Failure]], path: Path, data: bytes, *, most: int
) -> list[Document | Failure]:
    """Read a table with a limit of ``most`` bytes a row."""
    path.write_bytes(data)
    return list(reader(Source(path, path.name), ReadOptions(limits=Limits(document_bytes=most))))


def test_title_and_date_have_their_columns_and_the_others_are_metadata(tmp_path):
    row = {"id": "a", "title": "Bridge shelled", "date": "2026-01-02", "text": "It fell.", "url": "x", "hurt": 7}
    (document,) = read(tmp_path / "a.jsonl", json.dumps(row | {"none": None, "tags": ["a", {"b": None}]}).encode())
    assert ("Bridge shelled", "2026-01-02") == (document.title, document.date)
    assert {"url": "x", "hurt": 7, "tags": ["a", {}]} == document.metadata
    (document,) = read(tmp_path / "a.csv", b"id,head,when,text,url,empty,\na,Bridge,3 May,It fell.,x,,\n", title="head")
    assert ("Bridge", None, {"when": "3 May", "url": "x"}) == (document.title, document.date, document.metadata)


def test_numbers_are_titles_and_dates_as_they_stand_and_nan_is_none(tmp_path):
    rows = ['{"text": "x", "title": 7, "date": 1767312000, "more": NaN}', '{"text": "y", "title": "", "date": NaN}']
    first, second = read(tmp_path / "a.jsonl", "\n".join(rows).encode())
    assert ("7", "1767312000", {}) == (first.title, first.date, first.metadata)
    assert (None, None, {}) == (second.title, second.date, second.metadata)
    listed = b'{"text": "x", "title": ["a"], "far": 1e999, "cut": "\\ud83d"}'
    (document,) = read(tmp_path / "b.jsonl", listed)
    assert (None, {"far": "inf", "cut": "?"}) == (document.title, document.metadata)


def test_a_title_or_date_column_that_was_asked_for_must_be_there(tmp_path):
    for option, data in (("title", b'{"text": "x", "titel": "y"}'), ("date", b'{"text": "x", "day": 1}')):
        with pytest.raises(DataError, match=rf"no column 'published_{option}'; .* Name the column with --{option}-co"):
            read(tmp_path / "a.jsonl", data, **{option: f"published_{option}"})
    with pytest.raises(DataError, match=r"no column 'heading'; found 'text', 'head'\. .*--title-column"):
        read(tmp_path / "a.csv", b"text,head\nx,y\n", title="heading")
    with pytest.raises(DataError, match=r"no column 'day'; found 'text'\. .*--date-column"):
        read(write_parquet(tmp_path / "a.parquet", text=["x"]), date="day")


def test_values_of_parquet_are_metadata_as_json_has_them(tmp_path):
    day, at = datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    path = write_parquet(
        tmp_path / "a.parquet",
        text=["Shells fell."],
        title=pa.array([7]),
        date=pa.array([at], pa.timestamp("ns", "UTC")),
        day=pa.array([day]),
        nanoseconds=pa.array([1_767_323_045_123_456_789], pa.timestamp("ns")),
        farthest=pa.array([2**62], pa.timestamp("ms")),
        price=pa.array([decimal.Decimal("1.50")]),
        raw=pa.array([b"abc"]),
        binary=pa.array([b"\xff\x00"]),
        nested=pa.array([[{"at": day, "none": None, "nan": float("nan")}]]),
        span=pa.array([datetime.timedelta(minutes=1)]),
        nothing=pa.array([None], pa.string()),
        nan=pa.array([float("nan")]),
    )
    (document,) = read(path)
    assert ("7", "2026-01-02T03:04:05+00:00") == (document.title, document.date)
    metadata = dict(json.loads(json.dumps(document.metadata, allow_nan=False)))
    assert {
        "day": "2026-01-02",
        "nanoseconds": "2026-01-02T03:04:05.123456",
        "price": "1.50",
        "raw": "abc",
        "binary": "/wA=",
        "nested": [{"at": "2026-01-02"}],
        "span": "60.0",
    } == metadata


def test_a_column_that_only_describes_is_left_out_where_it_is_no_utf_8(tmp_path):
    broken = pa.array([b"caf\xe9"]).view(pa.string())
    (document,) = read(write_parquet(tmp_path / "a.parquet", text=["x"], place=broken, kind=["news"]))
    assert {"kind": "news"} == document.metadata
    items = read(write_parquet(tmp_path / "b.parquet", text=pa.array([b"x", b"\xe9"]).view(pa.string())))
    assert [("b.parquet:2", "not UTF-8; write the row again")] == reasons(items)


def test_metadata_nested_beyond_reason_is_a_failure_of_its_row(tmp_path):
    deep = "[" * 150 + "]" * 150
    items = read(tmp_path / "a.jsonl", f'{{"text": "ok"}}\n{{"text": "x", "more": {deep}}}\n'.encode())
    assert reasons(items) == [("a.jsonl:2", "lists and objects nested more than 100 deep; flatten or remove the row")]


def test_a_tsv_is_read_with_tabs_even_where_the_header_has_none(tmp_path):
    options = (read_csv, tmp_path / "a.tsv")
    assert ["He left, then returned; so they say."] == texts(
        within(*options, b"text\nHe left, then returned; so they say.\n", most=1000)
    )
    items = within(*options, b"id\ttitle\ttext\na\tBridge, mill\tIt fell.\n", most=1000)
    assert [("a", "Bridge, mill", "It fell.")] == [(item.id, item.title, item.text) for item in items]
    assert ["x"] == texts(within(*options, b"id,text\na,x\n", most=1000))


def test_a_json_array_is_refused_with_a_remedy(tmp_path):
    remedy = r"begins with \[ like one JSON array; write each of its objects on a line of its own$"
    for data in (b'[{"text": "x"}, {"text": "y"}]', b'\xef\xbb\xbf [\n{"text": "x"},\n{"text": "y"}\n]\n'):
        with pytest.raises(DataError, match=remedy):
            read(tmp_path / "a.jsonl", data)
    with pytest.raises(DataError, match=remedy):
        within(read_jsonl, tmp_path / "a.jsonl", b"[" + b'{"text": "x"},' * 100 + b"]", most=200)


def test_rows_beyond_the_limit_are_failures_and_the_next_ones_are_read(tmp_path):
    large = "Shelling went on. " * 20
    too_large = "a row of more than 200 bytes; split its text"
    rows = [{"text": "Before."}, {"text": large}, {"text": "After."}]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    for reader, name, data in (
        (read_jsonl, "a.jsonl", lines),
        (read_csv, "a.csv", f"text\nBefore.\n{large}\nAfter.\n".encode()),
        (read_csv, "b.csv", f'text\r\nBefore.\r\n"{large}"\r\n"After."\r\n'.encode()),
    ):
        items = within(reader, tmp_path / name, data, most=200)
        assert ["Before.", "After."] == texts(items)
        line = 2 if reader is read_jsonl else 3
        ((place, reason),) = reasons(items)
        assert (f"{name}:{line}", True) == (place, reason.startswith(too_large))
    path = write_parquet(tmp_path / "a.parquet", text=["Before.", large, "After."])
    items = within(read_parquet, path, path.read_bytes(), most=200)
    assert (["Before.", "After."], [("a.parquet:2", too_large)]) == (texts(items), reasons(items))


def test_a_row_may_be_as_large_as_the_limit(tmp_path):
    row = b'{"text": "' + b"x" * 187 + b'"}\n'
    assert ["x" * 187] == texts(within(read_jsonl, tmp_path / "a.jsonl", row, most=len(row)))
    assert ["é" * 96] == texts(within(read_csv, tmp_path / "a.csv", b"text\n" + "é".encode() * 96, most=200))


def test_a_quote_that_is_never_closed_costs_no_more_than_the_limit(tmp_path):
    data = b'text\nBefore.\n"Never closed\n' + b"Shells fell near the mill.\n" * 100
    items = within(read_csv, tmp_path / "a.csv", data, most=500)
    assert ("a.csv:3", True) == (reasons(items)[0][0], reasons(items)[0][1].endswith("a quote that is never closed"))
    assert ["Before.", "Shells fell near the mill."] == sorted(set(texts(items)))


def test_the_encoding_of_a_csv_is_seen_behind_a_line_that_is_too_long(tmp_path):
    data = b"text\n" + RUSSIAN.encode() * 40_000 + f"\n{RUSSIAN}\n".encode()
    assert [RUSSIAN] == texts(within(read_csv, tmp_path / "a.csv", data, most=500))


@pytest.mark.parametrize("reader", [read_jsonl, read_csv])
def test_a_line_without_end_takes_no_memory(tmp_path, reader):
    start = b'{"text": "ok"}\n{"text": "' if reader is read_jsonl else b"text\nok\n"
    path = tmp_path / "a"
    data = start + b"Shelling went on. " * 4_000_000
    path.write_bytes(data)
    del data
    tracemalloc.start()
    try:
        items = list(reader(Source(path, "a"), ReadOptions(limits=Limits(document_bytes=100_000))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (["ok"], 1) == (texts(items), len(reasons(items)))
    assert peak < 16 << 20


def test_one_giant_row_group_of_parquet_is_read_in_small_batches(tmp_path):
    source = random.Random(0)
    rows = [source.randbytes(50_000).hex() for _ in range(1000)]  # 100 MB that cannot be compressed
    path = tmp_path / "a.parquet"
    # Pages are read whole, so that they must be small too.
    pq.write_table(pa.table({"text": rows}), path, write_batch_size=8, use_dictionary=False)
    assert 1 == pq.ParquetFile(path).metadata.num_row_groups
    del rows
    before = pa.total_allocated_bytes()
    most = count = 0
    for item in read_parquet(Source(path, "a.parquet"), ReadOptions()):
        count += isinstance(item, Document)
        most = max(most, pa.total_allocated_bytes() - before)
    assert 1000 == count
    assert most < 64 << 20


def test_of_endless_bad_rows_no_more_than_a_thousand_are_held_back(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n" * 5000)
    items = read_jsonl(Source(path, "a.jsonl"), ReadOptions())
    first = list(itertools.islice(items, 1001))
    assert ("a.jsonl:1", "a.jsonl:1001") == (first[0].document, first[-1].document)
    assert 3999 == len(list(items))
    with pytest.raises(DataError, match="none of its 1,000 rows can be read"):
        read(path, b"{}\n" * 1000)
