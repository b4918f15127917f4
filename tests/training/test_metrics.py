"""Scores equal scikit-learn's, leave masked decisions out, and have intervals that respect documents."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eventroles.labels import LabelSet
from eventroles.training.data import MASKED
from eventroles.training.metrics import macro_f1, score
from sklearn import metrics as sk

NAMES = ("alpha", "beta", "gamma")


def label_set(*, exclusive: bool = False, negative: str | None = None) -> LabelSet:
    labels = [{"name": name, "title": name, "definition": name} for name in NAMES]
    data = {"name": "test", "version": 1, "exclusive": exclusive, "labels": labels}
    return LabelSet.from_dict(data | ({"negative": negative} if negative else {}), source="test")


def sample(rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return targets, probabilities that tell something of them, with many ties, and documents."""
    random = np.random.default_rng(seed)
    targets = (random.random((rows, 3)) < [0.5, 0.2, 0.05]).astype(np.float32)
    probabilities = np.round(np.clip(0.5 * targets + random.random((rows, 3)) * 0.7, 0, 1), 2).astype(np.float32)
    return targets, probabilities, [f"d{row // 6}" for row in range(rows)]


def test_every_score_is_that_of_scikit_learn() -> None:
    targets, probabilities, documents = sample()
    given = probabilities >= 0.5
    found = score(targets, probabilities, given, documents=documents, labels=label_set(), resamples=10)
    precision, recall, f1, support = sk.precision_recall_fscore_support(targets, given, zero_division=0)
    average = sk.average_precision_score(targets, probabilities, average=None)
    for column, name in enumerate(NAMES):
        label = found.labels[name]
        assert precision[column] == pytest.approx(label.precision.value)
        assert recall[column] == pytest.approx(label.recall.value)
        assert f1[column] == pytest.approx(label.f1.value)
        assert average[column] == pytest.approx(label.average_precision.value)
        assert support[column] == label.support
    assert sk.f1_score(targets, given, average="macro") == pytest.approx(found.macro_f1.value)
    assert sk.f1_score(targets, given, average="micro") == pytest.approx(found.micro_f1.value)
    assert sk.accuracy_score(targets, given) == pytest.approx(found.exact_match.value)
    assert found.macro_f1.value == pytest.approx(macro_f1(targets, given, label_set()))
    assert (300, 50) == (found.sentences, found.documents)


def test_masked_decisions_count_neither_for_nor_against() -> None:
    targets, probabilities, documents = sample()
    masked = targets.copy()
    masked[:40, 0] = MASKED
    given = probabilities >= 0.5
    worse = given.copy()
    worse[:40, 0] = ~worse[:40, 0]
    ours = score(masked, probabilities, given, documents=documents, labels=label_set(), resamples=10)
    theirs = score(masked, probabilities, worse, documents=documents, labels=label_set(), resamples=10)
    assert ours == theirs
    assert sk.f1_score(targets[40:, 0], given[40:, 0]) == pytest.approx(ours.labels["alpha"].f1.value)


def test_intervals_hold_the_score_and_are_wider_when_sentences_of_a_document_agree() -> None:
    targets, probabilities, _ = sample(120)
    targets, probabilities = np.repeat(targets, 5, axis=0), np.repeat(probabilities, 5, axis=0)
    given = probabilities >= 0.5
    clustered = score(
        targets, probabilities, given, documents=[f"d{row // 5}" for row in range(600)], labels=label_set()
    )
    separate = score(targets, probabilities, given, documents=[f"d{row}" for row in range(600)], labels=label_set())
    wide, narrow = clustered.macro_f1, separate.macro_f1
    assert wide.low < wide.value < wide.high
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_interval_covers_the_true_f1_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        targets = (random.random((200, 3)) < 0.5).astype(np.float32)
        given = np.where(random.random((200, 3)) < 0.8, targets == 1, targets == 0)  # right with 0.8: true F1 is 0.8
        documents = [f"d{row // 2}" for row in range(200)]
        found = score(targets, given.astype(np.float32), given, documents=documents, labels=label_set(), resamples=300)
        covered += found.macro_f1.low <= 0.8 <= found.macro_f1.high
    assert covered >= 52


def test_a_label_that_never_occurs_has_no_recall_and_no_part_in_macro_f1() -> None:
    targets, probabilities, documents = sample()
    targets[:, 2] = 0
    given = probabilities >= 0.5
    found = score(targets, probabilities, given, documents=documents, labels=label_set(), resamples=10)
    assert math.isnan(found.labels["gamma"].recall.value)
    assert math.isnan(found.labels["gamma"].average_precision.value)
    assert sk.f1_score(targets[:, :2], given[:, :2], average="macro") == pytest.approx(found.macro_f1.value)
    assert found.to_dict()["labels"]["gamma"]["recall"]["value"] is None


def test_a_label_that_is_never_given_has_an_f1_of_zero() -> None:
    targets, probabilities, documents = sample()
    found = score(targets, probabilities, np.zeros_like(targets, bool), documents=documents, labels=label_set())
    assert [0.0, 0.0, 0.0] == [label.f1.value for label in found.labels.values()]
    assert 0.0 == found.macro_f1.value


def test_the_negative_label_is_shown_but_is_no_part_of_macro_and_micro_f1() -> None:
    random = np.random.default_rng(0)
    wanted, said = random.integers(0, 3, 200), random.integers(0, 3, 200)
    targets, given = np.eye(3, dtype=np.float32)[wanted], np.eye(3, dtype=bool)[said]
    labels = label_set(exclusive=True, negative="gamma")
    found = score(targets, given.astype(np.float32), given, documents=[str(n) for n in range(200)], labels=labels)
    assert sk.f1_score(wanted, said, labels=[0, 1], average="macro") == pytest.approx(found.macro_f1.value)
    assert sk.f1_score(wanted, said, labels=[0, 1], average="micro") == pytest.approx(found.micro_f1.value)
    assert sk.accuracy_score(wanted, said) == pytest.approx(found.exact_match.value)
    assert 0 < found.labels["gamma"].support


def test_the_same_seed_gives_the_same_intervals() -> None:
    targets, probabilities, documents = sample()
    arguments = {"documents": documents, "labels": label_set(), "resamples": 50}
    one, two = (score(targets, probabilities, probabilities >= 0.5, seed=4, **arguments) for _ in range(2))
    assert one == two


def test_example_based_f1_drops_empty_rows_and_gives_a_false_alarm_on_an_empty_row_nothing() -> None:
    targets = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]], np.float32)
    given = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0], [0, 1, 0]], bool)
    found = score(targets, given.astype(np.float32), given, documents=list("abcd"), labels=label_set(), resamples=10)
    assert (2 / 3 + 2 / 3 + 0) / 3 == pytest.approx(found.example_f1.value)
    assert found.example_f1_at_half is None


def test_example_based_f1_is_that_of_scikit_learn_on_the_rows_that_count() -> None:
    targets, probabilities, documents = sample()
    given = probabilities >= 0.6
    counted = (targets == 1).any(axis=1) | given.any(axis=1)
    found = score(
        targets, probabilities, given, documents=documents, labels=label_set(), given_at_half=probabilities >= 0.5
    )
    expected = sk.f1_score(targets[counted], given[counted], average="samples", zero_division=0)
    assert 0 < (~counted).sum()
    assert expected == pytest.approx(found.example_f1.value)
    assert found.example_f1.low < expected < found.example_f1.high
    assert found.example_f1_at_half is not None
    assert found.example_f1.value != found.example_f1_at_half.value


def test_example_based_f1_leaves_out_masked_decisions_and_the_negative_label() -> None:
    targets = np.array([[1, MASKED, 0], [0, MASKED, 0]], np.float32)
    given = np.array([[1, 1, 0], [0, 1, 0]], bool)
    found = score(targets, given.astype(np.float32), given, documents=list("ab"), labels=label_set(), resamples=10)
    assert 1.0 == found.example_f1.value, "the second row is empty on both sides"
    wanted, said = np.array([0, 1, 2, 2]), np.array([0, 2, 2, 1])
    exclusive = label_set(exclusive=True, negative="gamma")
    targets, given = np.eye(3, dtype=np.float32)[wanted], np.eye(3, dtype=bool)[said]
    found = score(targets, given.astype(np.float32), given, documents=list("abcd"), labels=exclusive, resamples=10)
    assert 1 / 3 == pytest.approx(found.example_f1.value), "the third row has no role and gets none"
