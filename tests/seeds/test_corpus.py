"""The seed data: every file parses, labels are valid, and nothing is there twice or that must not be."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from eventroles.configs import data_files
from eventroles.labels import LabelSet, Record, check_both_classes, conflicts, read_records

ROLES = LabelSet.load("roles")
PARTS = data_files(["package:corpus"], key="data.train")
ANNOTATIONS = Path(str(resources.files("eventroles.seeds"))) / "annotations.jsonl"
CODEBOOK = Path(str(resources.files("eventroles.labels"))) / "codebook.jsonl"


@pytest.fixture(scope="module")
def corpus() -> list[Record]:
    return [record for path in PARTS for record in read_records(path, ROLES)]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def folded(text: str) -> str:
    """Return a text without case, spacing and the marks around it: what a reader would call the same sentence."""
    return " ".join(re.sub(r"[^\w\s]", " ", text.casefold()).split())


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_every_row_of_a_part_has_the_same_columns(path):
    assert {tuple(row) for row in rows(path)} == {("document", "index", "text", "roles", "unsure", "genre", "region")}


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_the_documents_of_a_part_carry_its_name(path):
    assert {row["document"].rpartition("-")[0] for row in rows(path)} == {path.stem}


def test_the_corpus_has_35838_sentences_in_2356_documents(corpus):
    assert len(corpus) == 35838
    assert len({record.document for record in corpus}) == 2356


def test_no_place_in_a_document_is_taken_twice(corpus):
    places = Counter((record.document, record.index) for record in corpus)
    assert [place for place, times in places.items() if times > 1] == []


def test_the_sentences_of_a_document_are_numbered_without_gaps(corpus):
    found: dict[str, list[int]] = {}
    for record in corpus:
        found.setdefault(record.document, []).append(record.index)
    assert [name for name, indexes in found.items() if indexes != list(range(len(indexes)))] == []


def test_every_text_has_words_and_no_space_around_it(corpus):
    assert [record.place for record in corpus if not folded(record.text) or record.text != record.text.strip()] == []


def test_every_text_is_one_line(corpus):
    assert [record.place for record in corpus if len(record.text.splitlines()) != 1] == []


def test_no_text_is_there_twice_with_conflicting_roles(corpus):
    assert [(earlier.place, later.place) for earlier, later in conflicts(corpus)] == []


def test_every_role_can_be_learned(corpus):
    check_both_classes(corpus, ROLES, split="train")


def test_every_sentence_has_a_genre_and_a_region(corpus):
    assert [r.place for r in corpus if not (r.extra["genre"].strip() and r.extra["region"].strip())] == []


def test_the_annotations_carry_offsets_and_labels_and_no_text():
    annotations = rows(ANNOTATIONS)
    assert len(annotations) == 128
    assert {tuple(row) for row in annotations} == {("document", "sha256", "start", "end", "roles", "unsure")}


def test_the_annotations_name_five_documents_by_one_hash_each():
    pairs = {(row["document"], row["sha256"]) for row in rows(ANNOTATIONS)}
    assert len(pairs) == len({document for document, _ in pairs}) == 5
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for _, digest in pairs)


def test_the_annotations_are_in_order_and_do_not_overlap():
    ends: dict[str, int] = {}
    for row in rows(ANNOTATIONS):
        assert ends.get(row["document"], 0) <= row["start"] < row["end"]
        ends[row["document"]] = row["end"]


def test_the_annotations_have_valid_labels():
    for row in rows(ANNOTATIONS):
        assert set(row["roles"]) | set(row["unsure"]) <= set(ROLES.names)
        assert not set(row["roles"]) & set(row["unsure"])


def test_every_codebook_row_has_a_rule_a_group_and_valid_roles():
    records = read_records(CODEBOOK, ROLES)
    assert len(records) == 229
    for record in records:
        assert set(record.extra) == {"rule", "group"}
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", record.extra["rule"])
        assert type(record.extra["group"]) is int
        assert record.extra["group"] > 0


def test_the_groups_of_a_codebook_rule_hold_sentences_that_differ_in_their_roles():
    groups: dict[tuple[str, int], set[tuple[str, ...]]] = {}
    for record in read_records(CODEBOOK, ROLES):
        groups.setdefault((record.extra["rule"], record.extra["group"]), set()).add(record.roles)
    assert [group for group, roles in groups.items() if len(roles) < 2] == []


def test_no_codebook_sentence_is_in_the_corpus(corpus):
    known = {folded(record.text) for record in corpus}
    codebook = [folded(record.text) for record in read_records(CODEBOOK, ROLES)]
    assert [text for text in codebook if text in known] == []
    assert len(set(codebook)) == len(codebook)
