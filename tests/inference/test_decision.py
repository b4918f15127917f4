"""The decision rule: logits to probabilities to roles."""

from __future__ import annotations

import numpy as np
import pytest
from eventroles.inference.decision import Band, DecisionRule, ReviewBands
from eventroles.labels import ConfigError, ModelError
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


def test_a_bias_moves_the_log_odds_after_the_temperature() -> None:
    logits = np.array([[2.0, -2.0]], dtype=np.float32)
    rule = DecisionRule((4.0, 1.0), (0.5, 0.5), exclusive=False, objective="f1", biases=(0.0, 1.5))
    assert np.allclose([[0.5, -0.5]], rule.log_odds(logits))
    assert np.allclose(1 / (1 + np.exp(-np.array([[0.5, -0.5]]))), rule.probabilities(logits), atol=1e-6)


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


REVIEW = (ReviewBands(0.01, (Band(0.1, 0.9), None)), ReviewBands(0.05, (Band(0.25, 0.75), None)))


def test_a_sentence_is_for_review_where_a_probability_lies_in_the_band_of_its_label_ends_included() -> None:
    rule = DecisionRule((1.0, 1.0), (0.5, 0.5), False, "f1", max_error=0.05, review=REVIEW)
    probabilities = np.array([[0.24, 0.5], [0.25, 0.5], [0.75, 0.5], [0.76, 0.5]], dtype=np.float32)
    assert [[False, False], [True, False], [True, False], [False, False]] == rule.in_band(probabilities).tolist()
    assert [False, True, True, False] == rule.needs_review(probabilities).tolist()


def test_the_band_of_an_exclusive_set_is_on_the_best_probability() -> None:
    rule = DecisionRule((1.0,), (), True, "f1", max_error=0.05, review=(ReviewBands(0.05, (Band(0.0, 0.6),)),))
    probabilities = np.array([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]], dtype=np.float32)
    assert [False, True] == rule.needs_review(probabilities).tolist()


def test_a_rule_without_bands_sends_nothing_to_review_and_cannot_be_asked_for_another_error() -> None:
    rule = DecisionRule.uncalibrated(2, exclusive=False)
    assert not rule.needs_review(np.full((3, 2), 0.5, dtype=np.float32)).any()
    with pytest.raises(ConfigError, match=r"no review bands; train it with decision\.max_error"):
        rule.with_max_error(0.1)


@pytest.mark.parametrize(("asked", "taken"), [(0.01, 0.01), (0.049, 0.01), (0.05, 0.05), (0.9, 0.05)])
def test_another_error_is_taken_down_to_the_next_one_that_has_bands(asked: float, taken: float) -> None:
    rule = DecisionRule((1.0, 1.0), (0.5, 0.5), False, "f1", max_error=0.05, review=REVIEW)
    assert taken == rule.with_max_error(asked).max_error


def test_an_error_smaller_than_all_that_have_bands_is_refused_with_them() -> None:
    rule = DecisionRule((1.0, 1.0), (0.5, 0.5), False, "f1", max_error=0.05, review=REVIEW)
    with pytest.raises(ConfigError, match=r"max_error 0\.001 is smaller than .*: 0\.01, 0\.05"):
        rule.with_max_error(0.001)
