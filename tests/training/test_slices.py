"""Slices: every sentence is in one group of each, and groups have the scores of their sentences alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from eventroles.labels import ConfigError, LabelSet
from eventroles.labels.records import Record
from eventroles.training.data import targets
from eventroles.training.slices import Slice, check_columns, default_columns, slice_scores
from sklearn.metrics import f1_score

ROLES = LabelSet.load("roles")


def records(count: int = 60, documents: int = 20, **extra: list[Any]) -> list[Record]:
    random = np.random.default_rng(0)
    return [
        Record(
            document=f"d{row % documents}",
            index=row // documents,
            text="word " * (1 + row),
            roles=tuple(name for name in ROLES.names if random.random() < 0.4),
            unsure=(),
            extra={name: values[row % len(values)] for name, values in extra.items()},
        )
        for row in range(count)
    ]


def decisions(found: list[Record], seed: int = 1) -> np.ndarray:
    wrong = np.random.default_rng(seed).random((len(found), 4)) < 0.2
    return (targets(found, ROLES) == 1) ^ wrong


def cut(found: list[Record], column: str, **options: Any) -> Slice:
    return slice_scores(found, decisions(found), column, labels=ROLES, resamples=50, **options)


def test_a_group_has_the_scores_of_its_sentences_alone() -> None:
    found = records(genre=["wire", "feature"])
    given, wanted = decisions(found), targets(found, ROLES) == 1
    wire, feature = cut(found, "genre").groups
    assert ("wire", "feature", 30, 30) == (wire.value, feature.value, wire.sentences, feature.sentences)
    assert f1_score(wanted[::2], given[::2], average="macro") == pytest.approx(wire.macro_f1.value)
    per_label = f1_score(wanted[::2], given[::2], average=None)
    assert per_label.tolist() == pytest.approx([label.f1 for label in wire.labels.values()])
    assert wanted[::2].sum(axis=0).tolist() == [label.support for label in wire.labels.values()]
    assert (wanted == given)[::2].all(axis=1).sum() == wire.passed
    assert wire.passed / 30 == wire.pass_rate


def test_an_interval_needs_ten_documents() -> None:
    many, few = (cut(records(40, documents), "genre").groups[0] for documents in (10, 9))
    assert (10, 9) == (many.documents, few.documents)
    assert many.macro_f1.low < many.macro_f1.value < many.macro_f1.high
    assert math.isnan(few.macro_f1.low)


def test_length_is_counted_in_words_from_short_to_long() -> None:
    found = cut(records()[::-1], "length")
    assert ["up to 10 words", "11-20 words", "21-30 words", "over 30 words"] == [one.value for one in found.groups]
    assert [10, 10, 10, 30] == [one.sentences for one in found.groups]


def test_a_column_called_length_comes_before_the_built_in_one() -> None:
    assert ["long", "short"] == [one.value for one in cut(records(length=["long", "short"]), "length").groups]


def test_masked_decisions_make_nothing_fail_and_a_group_without_roles_has_no_f1() -> None:
    found = [Record("d", 0, "x", (), unsure=ROLES.names, extra={"genre": "wire"})]
    (group,) = slice_scores(found, np.ones((1, 4), bool), "genre", labels=ROLES).groups
    assert 1 == group.passed
    assert math.isnan(group.macro_f1.value)
    assert math.isnan(group.labels["attack"].f1)
    assert None is Slice("genre", (group,)).to_dict()["groups"][0]["macro_f1"]["value"]


def test_a_sentence_without_a_value_is_in_a_group_of_its_own() -> None:
    found = [*records(4, genre=["wire"]), *records(2)]
    assert [("wire", 4), ("", 2)] == [(one.value, one.sentences) for one in cut(found, "genre").groups]


def test_documents_are_a_column() -> None:
    assert 20 == len(cut(records(), "document").groups)


def test_unasked_the_data_is_cut_by_length_source_and_columns_with_2_to_30_values() -> None:
    found = records(
        genre=["wire", "feature"],
        language=["en"],
        id=list(range(60)),
        region=[f"r{k}" for k in range(30)],
        crowded=[f"r{k}" for k in range(31)],
        source=[f"paper {k}" for k in range(40)],
        metadata=[{"a": 1}, {"b": 2}],
    )
    assert ["length", "genre", "region", "source"] == default_columns(found)


def test_the_rarest_of_too_many_values_are_put_together_unless_they_were_asked_for() -> None:
    names = ["big"] * 31 + [f"small {k}" for k in range(40)]
    found = records(71, source=names)
    assert 41 == len(cut(found, "source").groups)
    groups = cut(found, "source", whole=False).groups
    assert 30 == len(groups)
    assert {"big": 31, "all others": 12} == {one.value: one.sentences for one in groups if one.sentences > 1}


def test_columns_that_are_not_there_are_all_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"(?s)--by gender: .*'genre'.*\n--by lengt: .*'length'"):
        check_columns(records(genre=["wire"]), ["gender", "genre", "lengt"])
