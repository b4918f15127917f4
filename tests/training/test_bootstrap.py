"""Documents are drawn whole, the same for the same seed, and the first row is the sample itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eventroles.training.bootstrap import Bootstrap, estimate, nan_mean


def test_the_first_row_is_the_sample_and_every_draw_has_as_many_documents() -> None:
    drawn = Bootstrap.draw(list("aabbbc"), resamples=40, seed=1)
    assert 3 == drawn.documents
    assert [1.0, 1.0, 1.0] == drawn.weights[0].tolist()
    assert [3.0] * 41 == drawn.weights.sum(axis=1).tolist()
    assert (drawn.weights[1:] != 1).any()


def test_sentences_of_a_document_come_and_go_together() -> None:
    drawn = Bootstrap.draw(list("abab"), resamples=20, seed=1)
    values = np.array([[1.0, 0.0], [0.0, 10.0], [2.0, 0.0], [0.0, 20.0]])
    assert [[3.0, 0.0], [0.0, 30.0]] == drawn.per_document(values).tolist()
    sums = drawn.sums(values)
    assert [3.0, 30.0] == sums[0].tolist()
    assert (sums[:, 1] == 10 * (6 - sums[:, 0])).all(), "a document more of one is one fewer of the other"


def test_the_same_seed_draws_the_same() -> None:
    one, two, other = (Bootstrap.draw(list("abcdefgh"), resamples=9, seed=seed).weights for seed in (3, 3, 4))
    assert (one == two).all()
    assert (one != other).any()


def test_an_interval_leaves_out_draws_without_a_value_and_none_is_made_of_nothing() -> None:
    values = np.array([0.5, *np.linspace(0, 1, 101), math.nan])
    found = estimate(values)
    assert (0.5, 0.025, 0.975) == pytest.approx((found.value, found.low, found.high))
    assert math.isnan(estimate(np.array([0.5])).low)
    assert math.isnan(estimate(np.array([math.nan, 0.5])).high)


def test_a_mean_is_over_what_is_defined() -> None:
    found = nan_mean(np.array([[1.0, math.nan], [math.nan, math.nan], [1.0, 3.0]]))
    assert [1.0, 2.0] == [found[0], found[2]]
    assert math.isnan(found[1])
