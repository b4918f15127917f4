"""Curve fits: known curves come back, bounds hold, intervals tell what the spread hides."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eventroles.training.outlook import HELPS, LITTLE, UNCLEAR, needs_most, outlook
from eventroles.training.powerlaw import LOG_LINEAR, NONE, POWER_LAW, fit_curve
from hypothesis import given, settings
from hypothesis import strategies as st

SIZES = [100.0, 200.0, 400.0, 700.0, 1000.0] * 3


def law(a: float, b: float, c: float, *, spread: float = 0.0, seed: int = 0) -> list[float]:
    noise = np.random.default_rng(seed).normal(0, spread, len(SIZES)) if spread else np.zeros(len(SIZES))
    return [a - b * size**-c + float(wobble) for size, wobble in zip(SIZES, noise, strict=True)]


@given(st.floats(0.6, 0.95), st.floats(0.2, 0.9), st.floats(0.2, 1.0))
@settings(max_examples=40, deadline=None)
def test_a_known_curve_is_recovered(a: float, to_come: float, c: float) -> None:
    b = a * to_come * 100**c  # at 100 sentences this share of the highest score is still to come
    found = fit_curve(SIZES, law(a, b, c), at=2000, seed=1)
    assert found.form == POWER_LAW
    assert c == pytest.approx(found.c, rel=0.1)
    assert a - b * 1000**-c == pytest.approx(found.now, abs=0.005)
    assert b * (1000**-c - 2000**-c) == pytest.approx(found.gain, abs=0.005)


def test_a_curve_is_recovered_through_noise_and_its_interval_holds_the_truth() -> None:
    truth = 2.0 * (1000**-0.5 - 2000**-0.5)
    inside = 0
    for seed in range(40):
        found = fit_curve(SIZES, law(0.85, 2.0, 0.5, spread=0.01, seed=seed), at=2000, seed=seed)
        inside += found.low <= truth <= found.high
    assert inside >= 34


def test_a_line_in_log_takes_over_where_the_curve_does_not_bend() -> None:
    scores = [0.1 + 0.08 * math.log(size) for size in SIZES]
    found = fit_curve(SIZES, scores, at=2000, seed=1)
    assert (LOG_LINEAR, 0.08 * math.log(2)) == (found.form, pytest.approx(found.gain, abs=1e-6))
    few = fit_curve([100, 100, 400, 400, 800, 800], [0.3, 0.32, 0.5, 0.48, 0.58, 0.6], at=1600, seed=1)
    assert few.form == LOG_LINEAR
    assert few.low < few.gain < few.high


def test_too_little_to_fit_says_so() -> None:
    assert NONE == fit_curve([100, 100], [0.5, 0.6], at=200, seed=1).form
    assert NONE == fit_curve([100, 200], [0.5, math.nan], at=400, seed=1).form
    two = fit_curve([100, 200], [0.5, 0.6], at=400, seed=1)
    assert two.gain == pytest.approx(0.1, abs=1e-9)
    assert math.isnan(two.low)


@given(st.lists(st.floats(0, 1), min_size=15, max_size=15))
@settings(max_examples=30, deadline=None)
def test_any_scores_give_a_curve_within_bounds(scores: list[float]) -> None:
    found = fit_curve(SIZES, scores, at=2000, seed=1)
    assert 0 <= found.now <= 1
    assert 0 <= found.now + found.gain <= 1
    if found.form == POWER_LAW:
        assert 0 <= found.a <= 1
        assert found.b >= 0
        assert found.gain >= 0


def test_more_labels_help_where_the_score_rises_beyond_the_spread() -> None:
    rising = outlook("raid", SIZES, law(0.95, 3.0, 0.4, spread=0.01), with_label=80, seed=1)
    assert HELPS == rising.verdict
    assert rising.says.startswith("raid (80 sentences have it): F1 0.7")
    assert rising.says.endswith("more labels would help")


def test_a_flat_curve_needs_no_more_labels() -> None:
    flat = outlook("raid", SIZES, law(0.9, 5.0, 1.2, spread=0.002), with_label=80, seed=1)
    assert LITTLE == flat.verdict
    assert flat.says.endswith("more labels would bring little")


def test_a_spread_that_hides_the_trend_is_called_that() -> None:
    noisy = outlook("raid", SIZES, law(0.7, 0.3, 0.3, spread=0.1, seed=4), with_label=80, seed=1)
    assert UNCLEAR == noisy.verdict
    assert "hides whether labels help" in noisy.says
    one = outlook("raid", [100, 200], [0.4, 0.5], with_label=80, seed=1)
    assert UNCLEAR == one.verdict
    assert "add shares or seeds" in one.says
    assert "no sentence with it" in outlook("raid", SIZES, [math.nan] * 15, with_label=0, seed=1).says


def test_the_label_that_gains_most_of_those_that_labels_help_needs_them_most() -> None:
    found = {
        "steep": outlook("steep", SIZES, law(0.95, 4.0, 0.4, spread=0.01), with_label=1, seed=1),
        "gentle": outlook("gentle", SIZES, law(0.95, 3.0, 0.4, spread=0.01), with_label=1, seed=1),
        "noisy": outlook("noisy", SIZES, law(0.7, 0.3, 0.3, spread=0.1, seed=4), with_label=1, seed=1),
    }
    assert "steep" == needs_most(found)
    assert None is needs_most({"noisy": found["noisy"]})


def test_no_curve_comes_to_more_than_a_perfect_score() -> None:
    scores = [1.1 - 8.0 * size**-0.6 for size in SIZES]
    found = fit_curve(SIZES, scores, at=2000, seed=1)
    assert (POWER_LAW, 1.0) == (found.form, found.a)
    assert found.now + found.gain <= 1
