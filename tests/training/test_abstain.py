"""Review bands: they hold the error they promise, they are nested, and they say what is left to the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from eventroles.inference.decision import EVERYTHING, Band, DecisionRule, ReviewBands
from eventroles.labels import LabelSet
from eventroles.training.abstain import GRID, automatic_share, fit_bands, least_sentences, warn_of_bands
from eventroles.training.data import MASKED
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

LOGITS = hnp.arrays(np.float32, (60, 2), elements=st.floats(-30, 30, width=32))
TARGETS = hnp.arrays(np.float32, (60, 2), elements=st.sampled_from([0.0, 1.0, float(MASKED)]))
SOME = st.floats(0.01, 0.99)


def label_set(count: int, *, exclusive: bool = False) -> LabelSet:
    labels = [{"name": f"label{n}", "title": "t", "definition": "d"} for n in range(count)]
    return LabelSet.from_dict({"name": "x", "version": 1, "exclusive": exclusive, "labels": labels}, source="test")


def rule_with(*thresholds: float) -> DecisionRule:
    return DecisionRule((1.0,) * len(thresholds), thresholds, exclusive=False, objective="f1")


def sentences(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of a model that is too sure of itself, and what is true."""
    true = random.normal(-1.0, 2.0, (rows, 1))
    return (1.7 * true).astype(np.float32), (random.random((rows, 1)) < 1 / (1 + np.exp(-true))).astype(np.float32)


@pytest.mark.parametrize(("max_error", "threshold"), [(0.02, 0.5), (0.05, 0.2), (0.1, 0.8)])
def test_on_new_sentences_the_risk_is_held_on_average_and_hardly_more_is_reviewed_than_needed(
    max_error: float, threshold: float
) -> None:
    risks = []
    for seed in range(300):
        random = np.random.default_rng([seed, 5])
        rule = fit_bands(rule_with(threshold), *sentences(random, 200), max_error=max_error)
        logits, targets = sentences(random, 2000)
        found = automatic_share(rule, targets, rule.probabilities(logits), labels=label_set(1))
        assert found is not None
        risks.append(found.labels["label0"].risk)
    spread = np.std(risks) / np.sqrt(len(risks))
    assert np.mean(risks) <= max_error + 3 * spread
    # The bound is tight up to 2 / (n + 1).
    assert np.mean(risks) >= max_error - 2 / 201 - 3 * spread


def test_an_exclusive_set_has_one_band_on_its_best_probability_that_holds_the_risk() -> None:
    labels = label_set(3, exclusive=True)
    plain = DecisionRule((1.0,), (), exclusive=True, objective="f1")
    risks = []
    for seed in range(200):
        random = np.random.default_rng([seed, 6])
        true = random.normal(0, 2, (1200, 3))
        shares = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
        drawn = (random.random((1200, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(max=2)
        logits, targets = true.astype(np.float32), np.eye(3, dtype=np.float32)[drawn]
        rule = fit_bands(plain, logits[:200], targets[:200], max_error=0.1)
        assert len(rule.bands) == 1
        found = automatic_share(rule, targets[200:], rule.probabilities(logits[200:]), labels=labels)
        assert found is not None
        risks.append(found.labels["x"].risk)
    assert 0.1 - 2 / 201 - 0.01 <= np.mean(risks) <= 0.1 + 0.005


@given(LOGITS, TARGETS, SOME, SOME)
def test_a_smaller_error_gives_a_band_that_holds_the_other_and_never_decides_more(
    logits: np.ndarray, targets: np.ndarray, first: float, second: float
) -> None:
    rule = fit_bands(rule_with(first, second), logits, targets, max_error=0.05)
    assert sorted({*GRID, 0.05}) == [found.max_error for found in rule.review]
    probabilities = rule.probabilities(logits)
    wider = np.ones((60, 2), dtype=bool)
    for found in rule.review:
        review = replace(rule, max_error=found.max_error).in_band(probabilities)
        assert (review <= wider).all()
        wider = review


@given(LOGITS, TARGETS, SOME)
def test_on_the_sentences_it_was_fitted_on_a_band_leaves_no_more_errors_than_the_bound_allows(
    logits: np.ndarray, targets: np.ndarray, threshold: float
) -> None:
    rule = fit_bands(rule_with(threshold, 0.5), logits, targets, max_error=0.1)
    probabilities = rule.probabilities(logits)
    for k in range(2):
        rows = targets[:, k] != MASKED
        wrong = (rule.decide(probabilities)[:, k] != (targets[:, k] == 1)) & ~rule.in_band(probabilities)[:, k]
        n = int(rows.sum())
        assert rule.bands[k] == EVERYTHING or wrong[rows].sum() + 1 <= 0.1 * (n + 1) + 1e-9


def test_a_band_ends_at_a_threshold_that_is_far_from_a_half() -> None:
    # Just above 0.2 a decision is wrong 8 times in 10; just below it, 2 times in 10.
    random = np.random.default_rng(0)
    logits, targets = sentences(random, 4000)
    rule = DecisionRule((1.7,), (0.2,), exclusive=False, objective="f1")
    (band,) = fit_bands(rule, logits, targets, max_error=0.1).bands
    assert band is not None
    assert (0.2, True) == (pytest.approx(band.low, abs=1e-6), 0.4 < band.high < 0.8)


def test_a_model_that_is_good_enough_has_no_band() -> None:
    logits = np.array([[5.0], [-5.0]] * 60, dtype=np.float32)
    rule = fit_bands(rule_with(0.5), logits, (logits > 0).astype(np.float32), max_error=0.05)
    assert (None,) == rule.bands
    assert not rule.needs_review(rule.probabilities(logits)).any()


def test_with_too_few_sentences_everything_goes_to_review_and_the_warning_says_how_many_are_needed() -> None:
    logits = np.array([[5.0], [-50.0]] * 9, dtype=np.float32)
    targets = (logits > 0).astype(np.float32)
    rule = fit_bands(rule_with(0.5), logits, targets, max_error=0.05)
    assert 19 == least_sentences(0.05)
    assert (EVERYTHING,) == rule.bands
    assert rule.needs_review(rule.probabilities(logits)).all()
    (warning,) = warn_of_bands(rule, targets, label_set(1))
    assert "0.05 needs 19 labelled validation sentences" in warning
    assert "label0 (18)" in warning
    logits, targets = np.append(logits, logits[:1], axis=0), np.append(targets, targets[:1], axis=0)
    rule = fit_bands(rule_with(0.5), logits, targets, max_error=0.05)
    assert ((None,), []) == (rule.bands, warn_of_bands(rule, targets, label_set(1)))


def test_unsure_rows_have_no_say() -> None:
    logits, targets = sentences(np.random.default_rng(3), 300)
    masked = np.full_like(targets, MASKED)
    rule = fit_bands(rule_with(0.5), logits, targets, max_error=0.05)
    again = fit_bands(rule_with(0.5), np.append(logits, -logits, 0), np.append(targets, masked, 0), max_error=0.05)
    assert rule == again
    probabilities = rule.probabilities(np.append(logits, -logits, 0))
    found = automatic_share(rule, np.append(targets, masked, 0), probabilities, labels=label_set(1))
    assert found is not None
    assert 300 == found.labels["label0"].sentences


def test_without_a_target_error_there_are_no_bands() -> None:
    logits, targets = sentences(np.random.default_rng(3), 300)
    rule = fit_bands(rule_with(0.5), logits, targets, max_error=None)
    assert (None, (), ()) == (rule.max_error, rule.review, rule.bands)
    assert automatic_share(rule, targets, rule.probabilities(logits), labels=label_set(1)) is None
    assert [] == warn_of_bands(rule, targets, label_set(1))


def test_what_is_left_to_the_model_is_counted_on_the_sentences_outside_the_band() -> None:
    rule = replace(rule_with(0.5), max_error=0.05, review=(ReviewBands(0.05, (Band(0.3, 0.7),)),))
    probabilities = np.array([[0.9], [0.8], [0.6], [0.4], [0.1]], dtype=np.float32)
    targets = np.array([[1], [0], [0], [0], [0]], dtype=np.float32)
    found = automatic_share(rule, targets, probabilities, labels=label_set(1))
    assert found is not None
    expected = {
        "band": [0.3, 0.7],
        "automatic": 0.6,
        "error_all": 0.4,
        "error_automatic": 0.333333,
        "risk": 0.2,
        "sentences": 5,
    }
    assert {"max_error": 0.05, "automatic": 0.6, "labels": {"label0": expected}} == found.to_dict()
