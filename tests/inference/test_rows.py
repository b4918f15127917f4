"""The rows of a run: their columns, and what they hold of a tagged sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from eventroles.inference.boilerplate import Boilerplate
from eventroles.inference.documents import Document
from eventroles.inference.results import TaggedDocument, TaggedSentence
from eventroles.inference.rows import TEXT_COLUMNS, Table, text_row
from eventroles.labels.errors import ConfigError, ModelError

TABLE = Table(("attack", "retaliation"), "roles-small", "abc123")


def tagged(**sentence: object) -> TaggedDocument:
    values = {"roles": ("attack",), "scores": {"retaliation": 0.5, "attack": 0.12345678}, **sentence}
    document = Document("a.zip/x.txt", "0f" * 32, "They fled.", "a.zip", "Flight", "2026-03-01", {"desk": "north"})
    return TaggedDocument(document, (TaggedSentence(0, 0, 10, "They fled.", **values),))


def test_a_row_has_all_columns_in_their_order_and_six_decimals():
    (row,) = TABLE.rows(tagged())
    assert list(TABLE.columns) == list(row)
    assert {
        "document": "a.zip/x.txt",
        "sha256": "0f" * 32,
        "index": 0,
        "start": 0,
        "end": 10,
        "text": "They fled.",
        "roles": ["attack"],
        "attack": 0.123457,
        "retaliation": 0.5,
        "review": False,
        "boilerplate": None,
        "boilerplate_end": None,
        "source": "a.zip",
        "title": "Flight",
        "date": "2026-03-01",
        "metadata": {"desk": "north"},
        "model": "roles-small",
        "revision": "abc123",
    } == row


def test_boilerplate_has_its_rule_and_its_end_as_an_offset_of_the_document():
    sentence = TaggedSentence(1, 50, 60, "They fled.", (), {"attack": 0, "retaliation": 0}, False, Boilerplate("x", 4))
    (row,) = TABLE.rows(TaggedDocument(Document("a", "", ""), (sentence,)))
    assert ("x", 54) == (row["boilerplate"], row["boilerplate_end"])


def test_a_sentence_that_was_not_scored_has_no_scores():
    (row,) = TABLE.rows(tagged(roles=(), scores={}))
    assert (None, None, []) == (row["attack"], row["retaliation"], row["roles"])


def test_a_sentence_for_review_says_so():
    (row,) = TABLE.rows(tagged(review=True))
    assert row["review"] is True


def test_clusters_have_columns_where_they_are_asked_for():
    table = Table(TABLE.label_names, "m", "r", clusters=True)
    (row,) = table.rows(tagged())
    assert list(table.columns) == list(row)
    assert (None, None) == (row["story"], row["sentence_cluster"])
    assert set(table.columns) - set(TABLE.columns) == {"story", "sentence_cluster"}


def test_scores_of_numpy_are_taken_and_broken_ones_refused():
    (row,) = TABLE.rows(tagged(scores={"attack": np.float32(0.25), "retaliation": 1}))
    assert 0.25 == row["attack"]
    with pytest.raises(ModelError, match=r"a\.zip/x\.txt: the score of 'attack' is nan in sentence 0"):
        list(TABLE.rows(tagged(scores={"attack": float("nan"), "retaliation": 1})))


def test_metadata_that_json_cannot_hold_is_made_so_that_it_can():
    document = Document("a", "", "x", metadata={"a": float("nan"), "b": {1, 2}, "c": 3, "d": None})
    sentence = TaggedSentence(0, 0, 1, "x", (), {"attack": 0, "retaliation": 0})
    (row,) = TABLE.rows(TaggedDocument(document, (sentence,)))
    assert {"a": None, "b": "{1, 2}", "c": 3, "d": None} == json.loads(json.dumps(row["metadata"], allow_nan=False))


@pytest.mark.parametrize(("name", "reason"), [("story", "story"), ("text", "text"), ("a|b", r"holds '\|'")])
def test_labels_that_cannot_be_columns_are_refused(name, reason):
    with pytest.raises(ConfigError, match=reason):
        _ = Table((name,), "m", "r", clusters=True).columns


def test_the_row_of_a_kept_text_has_its_columns():
    assert list(TEXT_COLUMNS) == list(text_row(tagged().document))
