"""Confusion: every label a sentence has or was given counts once; an exclusive set has the usual matrix."""

from __future__ import annotations

import numpy as np
import pytest
from eventroles.labels import LabelSet
from eventroles.training.confusion import Confusion, confuse
from eventroles.training.data import MASKED
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import confusion_matrix


def label_set(*names: str, exclusive: bool = False) -> LabelSet:
    labels = [{"name": name, "title": name, "definition": name} for name in names]
    return LabelSet.from_dict({"name": "x", "version": 1, "exclusive": exclusive, "labels": labels}, source="test")


def of(wanted: list[list[int]], said: list[list[int]]) -> Confusion:
    labels = label_set("alpha", "beta", "gamma")
    return confuse(np.array(wanted, np.float32), np.array(said, bool), labels=labels)


def test_a_missed_label_is_paired_with_the_false_alarm_of_its_sentence() -> None:
    found = of([[1, 1, 0]], [[1, 0, 1]])
    assert ("alpha", "beta", "gamma", "none") == found.names
    assert ((1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0)) == found.matrix
    assert (1, {"gamma": 1}, 0) == (
        found.missed["beta"].sentences,
        found.missed["beta"].instead,
        found.missed["beta"].nothing,
    )
    assert {"alpha": 1, "beta": 1} == found.false_alarms["gamma"].instead, "what the sentence really has"


def test_what_has_no_counterpart_is_paired_with_none() -> None:
    found = of([[1, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert ((0, 0, 0, 1), (0, 0, 0, 0), (0, 0, 0, 0), (0, 1, 0, 1)) == found.matrix
    assert (1, {}, 1) == (
        found.missed["alpha"].sentences,
        found.missed["alpha"].instead,
        found.missed["alpha"].nothing,
    )
    assert 1 == found.false_alarms["beta"].nothing


def test_several_mistakes_of_a_sentence_are_shared_out() -> None:
    assert ((0, 0.5, 0.5, 0), (0,) * 4, (0,) * 4, (0, 0.5, 0.5, 0)) == of([[1, 0, 0]], [[0, 1, 1]]).matrix


cells = st.integers(0, 1)


@settings(deadline=None)
@given(arrays.arrays(np.int8, (12, 4), elements=cells), arrays.arrays(np.int8, (12, 4), elements=cells))
def test_rows_add_up_to_what_sentences_have_and_columns_to_what_they_were_given(
    wanted: np.ndarray, said: np.ndarray
) -> None:
    found = confuse(wanted.astype(np.float32), said.astype(bool), labels=label_set("a", "b", "c", "d"))
    matrix = np.array(found.matrix)
    assert wanted.sum(axis=0).tolist() == pytest.approx(matrix.sum(axis=1)[:4].tolist())
    assert said.sum(axis=0).tolist() == pytest.approx(matrix.sum(axis=0)[:4].tolist())
    assert (wanted & said).sum(axis=0).tolist() == pytest.approx(np.diag(matrix)[:4].tolist())
    assert (matrix >= 0).all()
    assert ((wanted | said) == 0).all(axis=1).sum() == matrix[4, 4]


def test_an_exclusive_set_has_the_usual_matrix() -> None:
    random = np.random.default_rng(0)
    wanted, said = random.integers(0, 3, 100), random.integers(0, 3, 100)
    targets, given_ = np.eye(3, dtype=np.float32)[wanted], np.eye(3, dtype=bool)[said]
    found = confuse(targets, given_, labels=label_set("a", "b", "c", exclusive=True))
    matrix = np.array(found.matrix)
    assert confusion_matrix(wanted, said).tolist() == matrix[:3, :3].tolist()
    assert 0 == matrix[3].sum() + matrix[:, 3].sum()
    expected = confusion_matrix(wanted, said)
    assert {"b": expected[0, 1], "c": expected[0, 2]} == found.missed["a"].instead
    assert {"b": expected[1, 0], "c": expected[2, 0]} == found.false_alarms["a"].instead


def test_masked_decisions_are_neither_had_nor_given() -> None:
    found = of([[1, MASKED, 0], [MASKED, MASKED, MASKED]], [[0, 1, 0], [1, 0, 0]])
    assert ((0, 0, 0, 1), (0,) * 4, (0,) * 4, (0,) * 4) == found.matrix
    assert 0 == found.false_alarms["beta"].sentences


def test_what_stands_in_place_comes_most_frequent_first() -> None:
    found = of([[1, 0, 0]] * 3, [[0, 0, 1], [0, 1, 1], [0, 0, 0]])
    assert [("gamma", 2), ("beta", 1)] == list(found.missed["alpha"].instead.items())
    assert (3, 1) == (found.missed["alpha"].sentences, found.missed["alpha"].nothing)
