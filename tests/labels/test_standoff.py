"""Offsets joined with the reader's own documents: what is used, what is missing, what is refused."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from eventroles.labels import DataError, JoinResult, LabelSet, Record, join
from hypothesis import given, settings
from hypothesis import strategies as st

ROLES = LabelSet.load("roles")
STORY = "Drones hit the depot.\r\n\r\nThe ministry confirmed it: « trois blessés »."


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def annotation(document: str = "story.txt", start: Any = 0, end: Any = 21, **changes: Any) -> dict[str, Any]:
    row = {"document": document, "sha256": sha256(STORY.encode()), "start": start, "end": end}
    return row | {"roles": ["attack"], "unsure": []} | changes


@pytest.fixture
def documents(tmp_path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "story.txt").write_bytes(STORY.encode())
    return folder


def joined(documents: Path, *lines: dict[str, Any] | str) -> JoinResult:
    path = documents.parent / "labels.jsonl"
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return join(path, documents, labels=ROLES)


def problems(documents: Path, *lines: dict[str, Any] | str) -> list[str]:
    with pytest.raises(DataError) as error:
        joined(documents, *lines)
    return str(error.value).splitlines()


def test_sentences_are_cut_out_of_the_unchanged_document(documents):
    start = STORY.index("The ministry")
    second = annotation(start=start, end=len(STORY), roles=["official_statement"], unsure=["casualty_report"])
    assert joined(documents, annotation(), second) == JoinResult(
        records=(
            Record("story.txt", 0, STORY[:21], ("attack",), (), "labels.jsonl:1", {"start": 0, "end": 21}),
            Record(
                "story.txt",
                1,
                "The ministry confirmed it: « trois blessés ».",
                ("official_statement",),
                ("casualty_report",),
                "labels.jsonl:2",
                {"start": start, "end": len(STORY)},
            ),
        ),
        missing=(),
        differing=(),
    )


def test_labels_come_in_the_order_of_the_set(documents):
    result = joined(documents, annotation(roles=["official_statement", "attack"]))
    assert result.records[0].roles == ("attack", "official_statement")


def test_a_document_that_is_not_there_is_listed_once(documents):
    result = joined(documents, annotation("gone.txt"), annotation("gone.txt", start=3), annotation())
    assert (len(result.records), result.missing, result.differing) == (1, ("gone.txt",), ())


def test_a_document_with_other_bytes_is_listed_and_not_used(documents):
    (documents / "other.txt").write_bytes(STORY.replace("\r\n", "\n").encode())
    result = joined(documents, annotation("other.txt"), annotation("other.txt", start=3), annotation())
    assert (len(result.records), result.missing, result.differing) == (1, (), ("other.txt",))


def test_every_document_counts_its_own_sentences(documents):
    (documents / "copy.txt").write_bytes(STORY.encode())
    result = joined(documents, annotation(), annotation("copy.txt"), annotation(start=7))
    assert [(record.document, record.index) for record in result.records] == [
        ("story.txt", 0),
        ("copy.txt", 0),
        ("story.txt", 1),
    ]


def test_blank_lines_are_passed_over_but_counted(documents):
    assert joined(documents, "", annotation(), "  ").records[0].place == "labels.jsonl:2"


def test_a_line_separator_inside_a_string_does_not_end_the_line(documents):
    line = json.dumps(annotation(note="one\u2028two"), ensure_ascii=False)
    assert len(joined(documents, line).records) == 1


@pytest.mark.parametrize(
    "name", ["../labels.jsonl", "..", ".", "", "/etc/hostname", "sub/story.txt", "..\\story.txt", "a\0b", 3, None]
)
def test_a_document_that_is_no_plain_file_name_is_refused(documents, name):
    assert problems(documents, annotation() | {"document": name}) == [
        f"labels.jsonl:1: document {name!r} is not a plain file name"
    ]


@pytest.mark.parametrize(("start", "end"), [(0, 500), (60, len(STORY) + 1), (500, 600)])
def test_offsets_beyond_the_document_are_refused(documents, start, end):
    assert problems(documents, annotation(start=start, end=end)) == [
        f"labels.jsonl:1: offsets {start}-{end} go beyond the {len(STORY)} characters"
    ]


@pytest.mark.parametrize(
    ("start", "end"), [(-1, 5), (5, 5), (9, 5), ("0", 5), (0, 5.0), (None, 5), (True, 5), (0, [5])]
)
def test_offsets_that_span_nothing_are_refused(documents, start, end):
    assert problems(documents, annotation(start=start, end=end)) == [
        f"labels.jsonl:1: start {start!r} and end {end!r} are not whole numbers with 0 <= start < end"
    ]


@pytest.mark.parametrize("value", ["", "abc", "g" * 64, 3, None])
def test_a_hash_that_is_none_is_refused(documents, value):
    (problem,) = problems(documents, annotation(sha256=value))
    assert problem.startswith("labels.jsonl:1: sha256 ")
    assert problem.endswith(" is not 64 digits of 0-9 and a-f")


def test_two_hashes_for_one_document_are_refused(documents):
    assert problems(documents, annotation(), annotation(start=3, sha256="0" * 64)) == [
        "labels.jsonl:2: another sha256 for story.txt than in the lines before; a document has one"
    ]


@pytest.mark.parametrize("key", ["roles", "unsure"])
def test_an_unknown_label_is_refused_with_the_nearest_one(documents, key):
    assert problems(documents, annotation(**{"roles": [], key: ["atack"]})) == [
        "labels.jsonl:1: unknown label 'atack'. Did you mean 'attack'?"
    ]
    assert problems(documents, annotation(**{"roles": [], key: [3]})) == [
        "labels.jsonl:1: unknown label 3. The labels are attack, retaliation, casualty_report, official_statement."
    ]


@pytest.mark.parametrize("key", ["roles", "unsure"])
@pytest.mark.parametrize("value", ["attack", None, 3, {"attack": 1}])
def test_labels_that_are_no_list_are_refused(documents, key, value):
    assert problems(documents, annotation(**{key: value})) == [
        f"labels.jsonl:1: {key} {value!r} is not a list of labels"
    ]


def test_a_label_that_is_given_and_unsure_at_once_is_refused(documents):
    assert problems(documents, annotation(unsure=["attack"])) == [
        "labels.jsonl:1: label 'attack' is given and unsure at once; decide for one"
    ]


@pytest.mark.parametrize("key", ["document", "sha256", "start", "end", "roles", "unsure"])
def test_an_annotation_that_lacks_a_key_names_it(documents, key):
    row = annotation()
    del row[key]
    assert problems(documents, row) == [
        f"labels.jsonl:1: no {key}; an annotation has document, sha256, start, end, roles, unsure"
    ]


@pytest.mark.parametrize("line", ["{", "[" * 100_000, '{"start": ' + "1" * 5000 + "}", "[1]", "3", '"story.txt"'])
def test_a_line_that_is_no_annotation_is_refused(documents, line):
    (problem,) = problems(documents, line)
    assert problem.startswith(("labels.jsonl:1: not valid JSON: ", "labels.jsonl:1: expected an object {…}, found "))


def test_all_problems_are_named_at_once_and_twenty_shown(documents):
    found = problems(documents, *["{"] * 24, annotation(), annotation(roles="attack"))
    assert [line.split(":")[1] for line in found[:20]] == [str(number) for number in range(1, 21)]
    assert found[20:] == ["… and 5 more problems in labels.jsonl"]


def test_a_problem_is_named_even_where_the_document_is_missing(documents):
    assert len(problems(documents, annotation("gone.txt", roles=["atack"]))) == 1


def test_a_document_that_is_not_utf8_is_refused_by_name(documents):
    content = "Orléans".encode("latin-1")
    (documents / "old.txt").write_bytes(content)
    assert problems(documents, annotation("old.txt", end=3, sha256=sha256(content))) == [
        f"{documents / 'old.txt'}: not UTF-8 text (byte 3), so its offsets mean nothing"
    ]


def test_a_folder_in_the_place_of_a_document_is_refused(documents):
    (documents / "folder").mkdir()
    assert problems(documents, annotation("folder")) == [
        f"{documents / 'folder'}: cannot read the document: Is a directory"
    ]


def test_documents_that_are_no_folder_are_refused(documents):
    for path in (documents / "nowhere", documents / "story.txt"):
        with pytest.raises(DataError, match="no such folder; name the folder that holds your copies"):
            join(documents / "x.jsonl", path, labels=ROLES)


def test_annotations_that_cannot_be_read_are_refused(documents):
    with pytest.raises(DataError, match=r"x\.jsonl: cannot read the annotations: No such file"):
        join(documents / "x.jsonl", documents, labels=ROLES)
    (documents / "x.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"x\.jsonl: the annotations are not UTF-8 text"):
        join(documents / "x.jsonl", documents, labels=ROLES)


VALUES = (
    st.none() | st.booleans() | st.integers(-5, 100) | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2)
)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=100)
    | st.dictionaries(st.sampled_from(sorted(annotation())), VALUES).map(
        lambda changes: json.dumps(annotation() | changes).encode()
    )
)
def test_any_annotations_are_either_joined_or_a_data_error(content):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "story.txt").write_bytes(STORY.encode())
        path = Path(folder) / "labels.jsonl"
        path.write_bytes(content)
        try:
            result = join(path, Path(folder), labels=ROLES)
        except DataError:
            return
    assert all(record.text in STORY for record in result.records)
