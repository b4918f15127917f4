"""Counting flips: overall, by role, without what is unsure, with intervals over documents."""

from __future__ import annotations

import numpy as np
from eventroles.training.robustness.flips import count_flips

ROLES = ("a", "b")


def test_flips_are_counted_overall_and_by_role_without_what_is_not_compared() -> None:
    flipped = np.array([[True, False], [True, True], [False, True]])
    compared = np.array([[True, True], [True, False], [True, True]])
    found = count_flips(flipped, compared, documents=["x", "x", "y"], roles=ROLES, resamples=50, seed=0)
    assert (3, 3, 5) == (found.sentences, found.overall.flips, found.overall.decisions)
    assert 3 / 5 == found.overall.share.value
    assert {"a": (2, 3), "b": (1, 2)} == {name: (one.flips, one.decisions) for name, one in found.roles.items()}
    assert found.overall.share.low <= 3 / 5 <= found.overall.share.high


def test_intervals_draw_documents_and_not_sentences() -> None:
    flipped = np.array([[True, True]] * 40 + [[False, False]] * 40)
    compared = np.ones_like(flipped)
    two = count_flips(flipped, compared, documents=["x"] * 40 + ["y"] * 40, roles=ROLES, resamples=200, seed=0)
    many = count_flips(flipped, compared, documents=[str(k) for k in range(80)], roles=ROLES, resamples=200, seed=0)
    assert (0.0, 1.0) == (two.overall.share.low, two.overall.share.high)
    assert 0.3 < many.overall.share.low < many.overall.share.high < 0.7


def test_nothing_compared_gives_a_share_that_is_not_defined() -> None:
    nothing = np.zeros((0, 2), dtype=bool)
    found = count_flips(nothing, nothing, documents=[], roles=ROLES, resamples=10, seed=0)
    assert (0, 0) == (found.overall.flips, found.sentences)
    assert np.isnan(found.overall.share.value)
