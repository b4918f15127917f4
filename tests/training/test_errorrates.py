"""Error rates measured on a test split: the counts, the moments, and what sentences of one document are worth."""

from __future__ import annotations

import numpy as np
import pytest
from eventroles.labels import LabelSet
from eventroles.training.data import MASKED
from eventroles.training.errorrates import error_rates


def label_set(count: int) -> LabelSet:
    labels = [{"name": f"label{n}", "title": "t", "definition": "d"} for n in range(count)]
    return LabelSet.from_dict({"name": "x", "version": 1, "labels": labels}, source="test")


def test_decisions_and_probabilities_are_summed_up_by_label_and_unsure_rows_left_out() -> None:
    targets = np.array([[1], [1], [1], [0], [0], [0], [MASKED]], dtype=np.float32)
    probabilities = np.array([[0.9], [0.7], [0.2], [0.6], [0.1], [0.2], [0.99]], dtype=np.float32)
    documents = ["a", "b", "c", "a", "b", "c", "d"]
    found = error_rates(targets, probabilities, probabilities >= 0.5, documents=documents, labels=label_set(1))
    errors = found["label0"]
    assert (2, 1, 1, 2) == (errors.tp, errors.fp, errors.fn, errors.tn)
    assert errors.positive is not None
    assert errors.negative is not None
    assert (0.6, 0.3) == (pytest.approx(errors.positive.mean), pytest.approx(errors.negative.mean))
    assert 0.13 == pytest.approx(errors.positive.variance)


def test_a_label_without_an_example_has_no_moments() -> None:
    targets, scores = np.zeros((4, 2), np.float32), np.full((4, 2), 0.3, np.float32)
    targets[:, 1] = 1
    found = error_rates(targets, scores, scores > 0.5, documents=list("aabb"), labels=label_set(2))
    assert (None, 0.0) == (found["label0"].positive, found["label0"].positive_effective)
    assert (None, 0.0) == (found["label1"].negative, found["label1"].negative_effective)


def test_without_labelled_sentences_everything_is_zero() -> None:
    nothing = np.zeros((0, 1), np.float32)
    found = error_rates(nothing, nothing, nothing > 0.5, documents=[], labels=label_set(1))["label0"]
    assert (0, 0, 0, 0) == (found.tp, found.fp, found.fn, found.tn)


def test_sentences_that_are_right_or_wrong_by_document_are_worth_a_document_each() -> None:
    random = np.random.default_rng(0)
    of_document = (random.random(200) < 0.7).repeat(10)[:, None]
    documents = [str(row // 10) for row in range(2000)]
    targets = np.ones((2000, 1), np.float32)
    alike = error_rates(targets, of_document.astype(np.float32), of_document, documents=documents, labels=label_set(1))
    apart = random.permuted(of_document)
    single = error_rates(targets, apart.astype(np.float32), apart, documents=documents, labels=label_set(1))
    assert 200 == pytest.approx(alike["label0"].positive_effective, rel=0.05)
    assert 2000 == pytest.approx(single["label0"].positive_effective, rel=0.2)
    assert single["label0"].positive_effective <= 2000
