"""Calibration: the numbers are scikit-learn's and the definition's, masked decisions are left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eventroles.labels import LabelSet
from eventroles.training.calibration import BINS, calibrate, wilson
from eventroles.training.data import MASKED
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

ROLES = LabelSet.load("roles")


def sample(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and the probabilities that they were drawn from."""
    random = np.random.default_rng(seed)
    probabilities = random.random((rows, 4)).astype(np.float32)
    return (random.random((rows, 4)) < probabilities).astype(np.float32), probabilities


def documents(rows: int = 400) -> list[str]:
    return [f"d{row // 5}" for row in range(rows)]


def test_brier_score_and_reliability_diagram_are_those_of_scikit_learn() -> None:
    targets, probabilities = sample()
    found = calibrate(targets, probabilities**3, probabilities, documents=documents(), labels=ROLES, resamples=20)
    for column, name in enumerate(ROLES.names):
        for reliability, scores in ((found[name].before, probabilities**3), (found[name].after, probabilities)):
            wanted, score = targets[:, column], scores[:, column].astype(np.float64)
            assert sk.brier_score_loss(wanted, score) == pytest.approx(reliability.brier.value)
            shares, means = calibration_curve(wanted, score, n_bins=10, strategy="uniform")
            filled = [one for one in reliability.bins if one.sentences]
            assert shares.tolist() == pytest.approx([one.share.value for one in filled])
            assert means.tolist() == pytest.approx([one.probability for one in filled])


def test_the_expected_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    targets, probabilities = sample()
    found = calibrate(targets, probabilities**3, probabilities, documents=documents(), labels=ROLES, resamples=20)
    for name in ROLES.names:
        bins = [one for one in found[name].before.bins if one.sentences]
        expected = sum(one.sentences * abs(one.probability - one.share.value) for one in bins) / 400
        assert expected == pytest.approx(found[name].before.error.value)
        assert found[name].after.error.value < 0.1 < found[name].before.error.value


def test_an_error_that_is_known_is_found() -> None:
    targets = np.zeros((10, 4), np.float32)
    targets[:6] = 1
    scores = np.full((10, 4), 0.9, np.float32)
    found = calibrate(targets, scores, scores, documents=documents(10), labels=ROLES, resamples=20)["attack"]
    assert pytest.approx(0.3) == found.after.error.value
    assert [0] * 9 + [10] == [one.sentences for one in found.after.bins]
    assert BINS == len(found.after.bins)
    assert math.isnan(found.after.bins[0].probability)
    assert math.isnan(found.after.bins[0].share.value)


def test_the_error_by_chance_is_what_outcomes_drawn_from_the_probabilities_give() -> None:
    _, probabilities = sample(rows=120)
    random, errors = np.random.default_rng(1), []
    for _ in range(100):
        drawn = (random.random((120, 4)) < probabilities).astype(np.float32)
        found = calibrate(drawn, probabilities, probabilities, documents=documents(120), labels=ROLES, resamples=1)
        errors.append(found["attack"].after.error.value)
    assert found["attack"].after.by_chance == pytest.approx(np.mean(errors), rel=0.1)
    assert found["attack"].after.by_chance > 0.05, "120 sentences are few"
    targets, probabilities = sample(rows=40_000)
    found = calibrate(targets, probabilities, probabilities, documents=documents(40_000), labels=ROLES, resamples=1)
    assert found["attack"].after.by_chance < 0.01


def test_the_error_by_chance_of_sure_and_right_probabilities_is_0() -> None:
    targets = np.zeros((20, 4), np.float32)
    found = calibrate(targets, targets, targets, documents=documents(20), labels=ROLES, resamples=1)["attack"]
    assert found.after.by_chance == 0


def test_bins_touch_and_a_probability_of_1_is_in_the_last() -> None:
    scores = np.repeat(np.array([[0.0], [0.5], [1.0]], np.float32), 4, axis=1)
    found = calibrate(np.zeros_like(scores), scores, scores, documents=list("abc"), labels=ROLES, resamples=5)
    bins = found["attack"].after.bins
    assert [0, 5, 9] == [number for number, one in enumerate(bins) if one.sentences]
    assert [one.high for one in bins[:-1]] == [one.low for one in bins[1:]]
    assert (0.0, 1.0) == (bins[0].low, bins[-1].high)


def test_masked_decisions_are_left_out() -> None:
    targets, probabilities = sample()
    masked = targets.copy()
    masked[100:, 0] = MASKED
    few = calibrate(
        targets[:100], probabilities[:100], probabilities[:100], documents=documents(100), labels=ROLES, resamples=5
    )
    found = calibrate(masked, probabilities, probabilities, documents=documents(), labels=ROLES, resamples=5)
    assert few["attack"].after.bins == found["attack"].after.bins
    assert few["attack"].after.error.value == pytest.approx(found["attack"].after.error.value)
    assert (100, int(targets[:100, 0].sum())) == (found["attack"].sentences, found["attack"].support)
    assert (400, 400) == (few["retaliation"].sentences * 4, found["retaliation"].sentences)


def test_a_label_that_is_masked_everywhere_has_no_error_and_no_interval() -> None:
    targets, probabilities = sample(20)
    targets[:, 2] = MASKED
    found = calibrate(targets, probabilities, probabilities, documents=documents(20), labels=ROLES, resamples=5)
    assert math.isnan(found["casualty_report"].after.error.value)
    assert found["casualty_report"].to_dict()["after"]["brier"] == {"value": None, "low": None, "high": None}


def test_intervals_hold_the_value_cover_the_truth_and_respect_documents() -> None:
    covered = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        truth = random.choice([0.1, 0.5], size=(300, 4))
        targets = (random.random((300, 4)) < truth).astype(np.float32)
        said = (truth + 0.25).astype(np.float32)  # an error of 0.25 in every bin
        found = calibrate(targets, said, said, documents=documents(300), labels=ROLES, resamples=200, seed=seed)
        error = found["attack"].after.error
        assert error.low <= error.value <= error.high
        covered += error.low <= 0.25 <= error.high
    assert covered >= 34
    targets, probabilities = np.repeat(sample(60)[0], 5, axis=0), np.repeat(sample(60)[1], 5, axis=0)
    alike, apart = (
        calibrate(targets, probabilities, probabilities, documents=names, labels=ROLES)["attack"].after.brier
        for names in (documents(300), [str(row) for row in range(300)])
    )
    assert alike.high - alike.low > 1.5 * (apart.high - apart.low)


def test_the_interval_of_a_perfect_calibration_begins_at_its_error_though_resamples_only_add_to_it() -> None:
    scores = np.repeat(np.array([0.15, 0.25, 0.35, 0.45, 0.55], np.float32), 20)
    targets = np.concatenate([np.arange(20) < hits for hits in (3, 5, 7, 9, 11)]).astype(np.float32)
    both = [np.repeat(part[:, None], 4, axis=1) for part in (targets, scores)]
    found = calibrate(*both, both[1], documents=[str(row) for row in range(100)], labels=ROLES)["attack"].after.error
    assert (0.0, 0.0) == pytest.approx((found.value, found.low), abs=1e-7)
    assert found.high > 0.05


def test_a_share_has_the_interval_of_wilson() -> None:
    found = wilson(8, 10)
    assert (0.8, 0.4902, 0.9433) == pytest.approx((found.value, found.low, found.high), abs=1e-4)


@given(st.integers(1, 10_000), st.data())
def test_an_interval_of_a_share_holds_it_and_stays_between_0_and_1(trials: int, data: st.DataObject) -> None:
    found = wilson(data.draw(st.integers(0, trials)), trials)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
