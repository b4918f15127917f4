"""Labelled sentences: every way to write them, what is wrong in a file and where, and the way back."""

from __future__ import annotations

import csv
import datetime
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from eventroles.labels import Columns, DataError, LabelSet, Record, read_records, write_records
from hypothesis import example, given, settings
from hypothesis import strategies as st

ROLES = LabelSet.load("roles")
TEXT = "Gunmen shot at the ferry."


def exclusive(negative: str | None = None) -> LabelSet:
    data = {
        "name": "one",
        "version": "1",
        "exclusive": True,
        "labels": [{"name": name, "title": name, "definition": name} for name in ("causal", "other", "none_of_them")],
    }
    return LabelSet.from_dict(data | ({"negative": negative} if negative else {}), source="one")


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
    return path


WRITERS = {".jsonl": write_jsonl, ".csv": write_csv, ".parquet": write_parquet}
SUFFIXES = pytest.mark.parametrize("suffix", list(WRITERS))


def problems(path: Path, labels: LabelSet = ROLES, **columns: str) -> list[str]:
    with pytest.raises(DataError) as error:
        read_records(path, labels, columns=Columns(**columns))
    return str(error.value).replace(str(path), path.name).splitlines()


def one(tmp_path: Path, labels: LabelSet = ROLES, **row: Any) -> Record:
    (record,) = read_records(write_jsonl(tmp_path / "one.jsonl", [{"text": TEXT} | row]), labels)
    return record


def one_problem(tmp_path: Path, labels: LabelSet = ROLES, **row: Any) -> str:
    (problem,) = problems(write_jsonl(tmp_path / "one.jsonl", [{"text": TEXT} | row]), labels)
    assert problem.startswith("one.jsonl:1: ")
    return problem.removeprefix("one.jsonl:1: ")


@SUFFIXES
def test_a_row_is_read_with_its_place_and_its_other_columns(tmp_path, suffix):
    row = {"document": "a-1", "index": 4, "text": TEXT, "roles": "attack", "unsure": "retaliation", "genre": "wire"}
    path = WRITERS[suffix](tmp_path / f"a{suffix}", [row])
    place = {".jsonl": f"{path}:1", ".csv": f"{path}:2", ".parquet": f"{path}:row 1"}[suffix]
    expected = Record("a-1", 4, TEXT, ("attack",), ("retaliation",), place, {"genre": "wire"})
    assert read_records(path, ROLES) == [expected]


@SUFFIXES
def test_the_ending_may_be_in_capitals(tmp_path, suffix):
    path = WRITERS[suffix](tmp_path / f"A{suffix.upper()}", [{"text": TEXT, "roles": "attack"}])
    assert len(read_records(path, ROLES)) == 1


@pytest.mark.parametrize(
    "cell",
    [
        ["attack", "casualty_report"],
        ["casualty_report", "attack", "attack"],
        '["attack", "casualty_report"]',
        ' ["attack", "casualty_report"]',
        "attack|casualty_report",
        "attack;casualty_report",
        "attack, casualty_report",
        " casualty_report | attack |",
    ],
)
def test_labels_may_be_written_in_any_of_these_ways(tmp_path, cell):
    assert one(tmp_path, roles=cell).roles == ("attack", "casualty_report")
    if isinstance(cell, str):
        path = write_csv(tmp_path / "a.csv", [{"text": TEXT, "roles": cell}])
        assert read_records(path, ROLES)[0].roles == ("attack", "casualty_report")


@pytest.mark.parametrize("cell", [None, "", [], "[]", " | ", float("nan")])
def test_a_cell_without_labels_is_a_sentence_without_roles(tmp_path, cell):
    assert one(tmp_path, roles=cell).roles == ()


def test_labels_may_be_a_list_in_parquet(tmp_path):
    rows = [{"text": TEXT, "roles": ["attack", "?retaliation"]}, {"text": "Rain fell.", "roles": []}]
    records = read_records(write_parquet(tmp_path / "a.parquet", rows), ROLES)
    assert [(record.roles, record.unsure) for record in records] == [(("attack",), ("retaliation",)), ((), ())]


@pytest.mark.parametrize("cell", [3, True, {"attack": 1}, ["attack", 3], [["attack"]]])
def test_a_cell_that_holds_no_label_names_is_refused(tmp_path, cell):
    assert one_problem(tmp_path, roles=cell) == f"expected label names, found {cell!r}"


@pytest.mark.parametrize("cell", ['["attack"', "[attack]", "[" * 5000])
def test_a_cell_that_only_starts_like_a_json_list_is_refused(tmp_path, cell):
    assert one_problem(tmp_path, roles=cell).endswith("look like a JSON list but are not one")


def test_a_question_mark_makes_a_label_unsure(tmp_path):
    record = one(tmp_path, roles="attack|?retaliation")
    assert (record.roles, record.unsure) == (("attack",), ("retaliation",))


def test_unsure_labels_of_both_columns_add_up(tmp_path):
    record = one(tmp_path, roles=["?official_statement"], unsure="attack")
    assert (record.roles, record.unsure) == ((), ("attack", "official_statement"))


def test_a_label_that_is_given_and_unsure_at_once_is_refused(tmp_path):
    for row in ({"roles": "attack|?attack"}, {"roles": "attack", "unsure": "attack"}):
        assert one_problem(tmp_path, **row) == "label 'attack' is given and unsure at once; decide for one"


@SUFFIXES
def test_one_column_for_each_label_is_read_as_zeros_and_ones(tmp_path, suffix):
    values = {"attack": 1, "retaliation": 0, "casualty_report": 1, "official_statement": 0}
    path = WRITERS[suffix](tmp_path / f"a{suffix}", [{"text": TEXT, "genre": "wire"} | values])
    (record,) = read_records(path, ROLES)
    assert record.roles == ("attack", "casualty_report")
    assert record.extra == {"genre": "wire"}


@pytest.mark.parametrize("value", [1, True, 1.0, "1", "1.0", "true", "TRUE", "yes"])
def test_a_label_column_may_say_one_in_these_ways(tmp_path, value):
    assert one(tmp_path, **(dict.fromkeys(ROLES.names, 0) | {"attack": value})).roles == ("attack",)


@pytest.mark.parametrize("value", [0, False, None, 0.0, "", "0", "0.0", "false", "no"])
def test_a_label_column_may_say_zero_in_these_ways(tmp_path, value):
    assert one(tmp_path, **(dict.fromkeys(ROLES.names, 1) | {"attack": value})).roles == ROLES.names[1:]


@pytest.mark.parametrize("value", [2, -1, 0.4, "maybe", "x", [1], {}])
def test_a_label_column_that_says_neither_is_refused(tmp_path, value):
    row = dict.fromkeys(ROLES.names, 0) | {"attack": value}
    assert one_problem(tmp_path, **row) == f"column 'attack' holds {value!r}; expected 1 or 0"


def test_the_column_of_the_negative_label_may_be_there_or_not(tmp_path):
    labels = exclusive("none_of_them")
    assert one(tmp_path, labels, causal=1, other=0).roles == ("causal",)
    assert one(tmp_path, labels, causal=0, other=0, none_of_them=1) == one(tmp_path, labels, causal=0, other=0)
    assert one_problem(tmp_path, labels, causal=1, other=0, none_of_them=1) == (
        "labels causal, none_of_them at once, but 'one' is exclusive: keep one"
    )


def test_an_unknown_label_is_named_with_the_nearest_one(tmp_path):
    rows = [{"text": TEXT, "roles": "attack"}, {"text": "Rain fell.", "roles": "casualty_reprot"}]
    hint = "unknown label 'casualty_reprot'. Did you mean 'casualty_report'?"
    assert problems(write_jsonl(tmp_path / "a.jsonl", rows)) == [f"a.jsonl:2: {hint}"]
    assert problems(write_csv(tmp_path / "a.csv", rows)) == [f"a.csv:3: {hint}"]
    assert problems(write_parquet(tmp_path / "a.parquet", rows)) == [f"a.parquet:row 2: {hint}"]


def test_an_unknown_label_that_is_near_none_gets_the_list(tmp_path):
    assert one_problem(tmp_path, roles="weather") == (
        "unknown label 'weather'. The labels of 'roles' are attack, retaliation, casualty_report, official_statement."
    )
    assert one_problem(tmp_path, roles="?weather").startswith("unknown label 'weather'.")
    assert one_problem(tmp_path, roles="", unsure="weather").startswith("unknown label 'weather'.")


def test_an_exclusive_set_takes_one_label(tmp_path):
    assert one(tmp_path, exclusive(), roles="causal").roles == ("causal",)
    assert one_problem(tmp_path, exclusive(), roles="causal|other") == (
        "labels causal, other at once, but 'one' is exclusive: keep one"
    )


def test_an_exclusive_set_without_a_negative_label_needs_one_in_every_row(tmp_path):
    assert one_problem(tmp_path, exclusive(), roles="") == (
        "no label, but 'one' is exclusive: give one, or name the label that stands for none of them as 'negative' in "
        "the label set"
    )


def test_the_negative_label_of_an_exclusive_set_is_no_role(tmp_path):
    labels = exclusive("none_of_them")
    assert one(tmp_path, labels, roles="none_of_them").roles == ()
    assert one(tmp_path, labels, roles="").roles == ()


def test_a_row_of_an_exclusive_set_may_be_unsure(tmp_path):
    record = one(tmp_path, exclusive(), roles="?causal|?none_of_them")
    assert (record.roles, record.unsure) == ((), ("causal", "none_of_them"))


@pytest.mark.parametrize("text", [None, "", "  \n", 3, ["x"]])
def test_a_row_without_text_is_refused(tmp_path, text):
    assert one_problem(tmp_path, text=text, roles="") == (
        "column 'text' is empty or not text; remove the row or fill it"
    )


@SUFFIXES
def test_a_wrong_text_column_is_said_once_with_the_columns_found(tmp_path, suffix):
    path = WRITERS[suffix](tmp_path / f"a{suffix}", [{"txt": TEXT, "roles": "attack"}] * 3)
    (problem,) = problems(path)
    assert problem.endswith(
        "no column 'text'; found 'txt', 'roles'. Did you mean 'txt'? "
        "Name the column with the text: data.columns.text in a config, --text-column on the command line"
    )


def test_a_wrong_roles_column_is_said_once_with_the_columns_found(tmp_path):
    path = write_csv(tmp_path / "a.csv", [{"text": TEXT, "labels": "attack"}] * 3)
    assert problems(path) == [
        "a.csv:2: no column 'roles'; found 'text', 'labels'. "
        "Name the column with the labels: data.columns.roles in a config, --roles-column on the command line"
    ]


def test_a_wrong_column_is_said_once_even_after_a_broken_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("{\n" + '{"sentence": "x"}\n' * 3)
    assert [problem[:10] for problem in problems(path)] == ["a.jsonl:1:", "a.jsonl:2:"]


def test_columns_may_have_other_names(tmp_path):
    row = {"s": TEXT, "l": "attack", "d": "a", "i": 7, "u": "retaliation", "text": "kept"}
    path = write_jsonl(tmp_path / "a.jsonl", [row])
    (record,) = read_records(path, ROLES, columns=Columns(text="s", roles="l", document="d", index="i", unsure="u"))
    assert record == Record("a", 7, TEXT, ("attack",), ("retaliation",), f"{path}:1", {"text": "kept"})


def test_rows_without_a_document_are_documents_of_their_own(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": TEXT, "roles": ""}] * 2)
    assert [(record.document, record.index) for record in read_records(path, ROLES)] == [
        (f"{path}#0", 0),
        (f"{path}#1", 0),
    ]


@pytest.mark.parametrize("index", [{}, {"index": None}, {"index": ""}])
def test_rows_without_an_index_are_counted_in_their_document(tmp_path, index):
    rows = [{"text": TEXT, "roles": "", "document": document} | index for document in "aabab"]
    records = read_records(write_jsonl(tmp_path / "a.jsonl", rows), ROLES)
    assert [record.index for record in records] == [0, 1, 0, 2, 1]


@pytest.mark.parametrize("index", [-1, 1.5, "x", True, [1]])
def test_an_index_that_is_no_whole_number_is_refused(tmp_path, index):
    assert one_problem(tmp_path, roles="", index=index) == (
        f"column 'index' holds {index!r}; expected a whole number from 0"
    )


@SUFFIXES
def test_a_file_that_is_not_there_is_named_with_the_folder(tmp_path, suffix, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert problems(Path(f"a{suffix}")) == [f"a{suffix}: no such file (looked in {tmp_path})"]


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "a.xlsx"
    path.touch()
    assert problems(path) == ["a.xlsx: expected a file that ends in .jsonl, .csv, .parquet"]


def test_a_file_name_longer_than_names_can_be_is_refused():
    with pytest.raises(DataError, match="File name too long"):
        read_records(Path("x" * 5000 + ".jsonl"), ROLES)


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl", ""), ("a.jsonl", "\n \n"), ("a.csv", ""), ("a.csv", "text\n")]
)
def test_a_file_without_rows_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    assert problems(path) == [f"{name}: no rows"]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_file_that_is_not_utf8_is_refused_with_the_line(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    good = WRITERS[suffix](path, [{"text": TEXT, "roles": "attack"}] * 2000).read_bytes()
    path.write_bytes(good + "Orléans".encode("latin-1"))
    line = good.count(b"\n") + 1
    assert problems(path) == [f"a{suffix}:{line}: not UTF-8 text; save the file as UTF-8"]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path, suffix):
    path = WRITERS[suffix](tmp_path / f"a{suffix}", [{"text": TEXT, "roles": "attack"}])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_records(path, ROLES)[0].text == TEXT


def test_broken_json_lines_are_all_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x", "roles": []}\n{"text":\n\n[1]\n{"text": "y", "roles": [}\n')
    found = problems(path)
    assert [problem.split(":")[1] for problem in found] == ["2", "4", "5"]
    assert found[1] == "a.jsonl:4: expected an object {…}, found [1]"


def test_of_many_problems_twenty_are_shown_and_the_rest_counted(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("{\n" * 25)
    found = problems(path)
    assert [problem.split(":")[1] for problem in found[:20]] == [str(number) for number in range(1, 21)]
    assert found[20:] == ["… and 5 more problems in a.jsonl"]


@pytest.mark.parametrize("line", ['{"text": "x", "n": ' + "1" * 5000 + "}", "[" * 100_000, "nan", '"text"', "\0"])
def test_a_json_line_that_is_no_row_is_refused(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text(line + "\n")
    (problem,) = problems(path)
    assert problem.startswith(("a.jsonl:1: not valid JSON: ", "a.jsonl:1: expected an object {…}, found "))


def test_half_of_a_character_is_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "smile \\ud83d\\ude00", "roles": []}\n{"text": "half \\ud83d", "roles": []}\n')
    assert problems(path) == [
        "a.jsonl:2: holds half of a character (a lone surrogate such as \\ud83d); write it in full"
    ]


def test_a_csv_cell_may_hold_commas_quotes_and_line_breaks(tmp_path):
    text = 'He said: "Stop, now."\nThey did not.'
    rows = [{"text": text, "roles": "official_statement"}, {"text": TEXT, "roles": "x"}]
    path = write_csv(tmp_path / "a.csv", rows[:1])
    assert read_records(path, ROLES)[0].text == text
    assert problems(write_csv(path, rows))[0].startswith("a.csv:4: unknown label")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            "text,roles\nx,attack\ny,z,attack\n",
            "a.csv:3: 1 more fields than the header has; quote fields that hold commas",
        ),
        ("text,roles\nx,attack\ny\n", "a.csv:3: 1 fewer fields than the header has; write every comma"),
        ("text,text,roles\nx,y,attack\n", "a.csv:1: column 'text' is there twice; rename or remove one"),
        ('text,roles\n"x,attack\ny,attack\n', "a.csv:3: not valid CSV: unexpected end of data"),
    ],
    ids=["more fields", "fewer fields", "column twice", "open quote"],
)
def test_a_csv_that_would_be_misread_is_refused(tmp_path, lines, problem):
    path = tmp_path / "a.csv"
    path.write_text(lines)
    assert problems(path) == [problem]


def test_a_broken_parquet_file_is_refused(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", [{"text": TEXT, "roles": "attack"}])
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[:-20], whole[20:]):
        path.write_bytes(content)
        (problem,) = problems(path)
        assert problem.startswith("a.parquet: not a readable Parquet file: ")


def test_a_parquet_text_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    text = pa.array([b"Orl\xe9ans"]).view(pa.string())
    pq.write_table(pa.table({"text": text, "roles": ["attack"]}), path)
    (problem,) = problems(path)
    assert problem.startswith("a.parquet: not a readable Parquet file: ")


def test_a_parquet_column_given_twice_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"]), pa.array([""])], names=["text", "text", "roles"])
    pq.write_table(table, path)
    assert problems(path) == ["a.parquet: column 'text' is there twice; rename or remove one"]


def test_a_written_file_is_read_back(tmp_path):
    path = tmp_path / "new folder" / "a.jsonl"
    records = [
        Record("a", 0, "Première salve.\u2028Suite", ("attack",), ("retaliation",), f"{path}:1", {"genre": "fil"}),
        Record("a", 1, "«Rien»", (), (), f"{path}:2", {"genre": None, "tags": ["x"]}),
    ]
    assert write_records(records, path) == 2
    assert read_records(path, ROLES) == records
    assert list(path.parent.iterdir()) == [path]


def test_a_free_column_does_not_overwrite_the_sentence(tmp_path):
    write_records([Record("a", 0, TEXT, (), (), "", {"text": "another", "note": "x"})], tmp_path / "a.jsonl")
    (record,) = read_records(tmp_path / "a.jsonl", ROLES)
    assert record.text == TEXT
    assert record.extra == {"note": "x"}


@pytest.mark.parametrize("extra", [{"day": datetime.date(2020, 1, 1)}, {"note": "\ud83d"}])
def test_a_record_that_json_cannot_say_is_refused_and_leaves_the_old_file(tmp_path, extra):
    path = tmp_path / "a.jsonl"
    path.write_text("old")
    with pytest.raises(DataError, match=r"b\.parquet:row 2: cannot be written as JSON"):
        write_records([Record("a", 0, TEXT, (), (), "b.parquet:row 2", extra)], path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.jsonl", tmp_path):
        with pytest.raises(DataError, match="cannot write the file"):
            write_records([], path)


CELLS = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
PLAIN = st.text(st.characters(codec="utf-8"), min_size=1)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(
            Record,
            document=PLAIN,
            index=st.integers(0, 10**6),
            text=PLAIN.filter(str.strip),
            roles=st.sets(st.sampled_from(ROLES.names[:2])).map(
                lambda names: tuple(n for n in ROLES.names if n in names)
            ),
            unsure=st.sets(st.sampled_from(ROLES.names[2:])).map(
                lambda names: tuple(n for n in ROLES.names if n in names)
            ),
            extra=st.dictionaries(PLAIN.map(lambda name: f"x{name}"), st.none() | st.integers() | PLAIN, max_size=2),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_records_come_back_from_a_file(records):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        write_records(records, path)
        back = read_records(path, ROLES)
    assert [(r.document, r.index, r.text, r.roles, r.unsure, r.extra) for r in back] == [
        (r.document, r.index, r.text, r.roles, r.unsure, r.extra) for r in records
    ]


def is_read_or_refused(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        path.write_bytes(content)
        try:
            records = read_records(path, ROLES)
        except DataError as error:
            message = str(error)
        else:
            assert records
            assert all(record.text.strip() for record in records)
            return
    assert message.startswith(str(path))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text('{}[]":,\\ud8text roles|?\n').map(str.encode), st.sampled_from(list(WRITERS)))
@example(b"text,roles\n\x00,attack\n", ".csv")
@example(b'text,roles\n"a"b,attack\n', ".csv")
def test_any_bytes_are_either_read_or_a_data_error(content, suffix):
    is_read_or_refused(content, suffix)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.fixed_dictionaries({"text": CELLS, "roles": CELLS}, optional={"index": CELLS, "unsure": CELLS})))
def test_any_json_rows_are_either_read_or_a_data_error(rows):
    is_read_or_refused("".join(json.dumps(row) + "\n" for row in rows).encode(), ".jsonl")
