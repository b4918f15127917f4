"""The decision rule: logits to probabilities to roles."""

from __future__ import annotations

import numpy as np
import pytest
from eventroles.inference.decision import DecisionRule
from eventroles.labels import ModelError
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

LOGITS = hnp.arrays(np.float32, (7, 3), elements=st.floats(width=32, allow_nan=False, allow_infinity=False))


def test_without_a_fit_probabilities_are_plain_sigmoids_and_thresholds_a_half() -> None:
    rule = DecisionRule.uncalibrated(2, exclusive=False)
    logits = np.array([[0.0, -2.0], [3.0, 0.5]], dtype=np.float32)
    assert np.allclose(1 / (1 + np.exp(-logits)), rule.probabilities(logits), atol=1e-6)
    assert [[True, False], [True, True]] == rule.decide(rule.probabilities(logits)).tolist()


def test_a_temperature_above_one_draws_probabilities_towards_a_half() -> None:
    logits = np.array([[2.0, -2.0]], dtype=np.float32)
    plain = DecisionRule.uncalibrated(2, exclusive=False).probabilities(logits)
    cooled = DecisionRule((4.0, 4.0), (0.5, 0.5), exclusive=False, objective="f1").probabilities(logits)
    assert 0.5 < cooled[0, 0] < plain[0, 0]
    assert plain[0, 1] < cooled[0, 1] < 0.5


def test_each_label_has_its_own_threshold_and_reaching_it_is_enough() -> None:
    rule = DecisionRule((1.0, 1.0), (0.25, 0.75), exclusive=False, objective="f1")
    probabilities = np.array([[0.25, 0.74], [0.24, 0.75]], dtype=np.float32)
    assert [[True, False], [False, True]] == rule.decide(probabilities).tolist()


@given(LOGITS)
def test_an_exclusive_set_gives_exactly_one_label_and_probabilities_that_sum_to_one(logits: np.ndarray) -> None:
    rule = DecisionRule((0.7,), (), exclusive=True, objective="f1")
    probabilities = rule.probabilities(logits)
    assert np.allclose(1, probabilities.sum(axis=1), atol=1e-5)
    assert (rule.decide(probabilities).sum(axis=1) == 1).all()


@given(LOGITS)
def test_probabilities_are_numbers_between_0_and_1_for_any_finite_logits(logits: np.ndarray) -> None:
    probabilities = DecisionRule.uncalibrated(3, exclusive=False).probabilities(logits)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_numbers_are_refused(broken: float) -> None:
    with pytest.raises(ModelError, match="damaged"):
        DecisionRule.uncalibrated(1, exclusive=False).probabilities(np.array([[broken]], dtype=np.float32))
