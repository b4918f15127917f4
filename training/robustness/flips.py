"""How many decisions flip, with intervals by document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..bootstrap import Bootstrap, Estimate, estimate

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FlipShare:
    """The share of decisions that changed.

    Attributes:
        flips: decisions that changed.
        decisions: decisions compared: sentences times roles, without those that are unsure.
        share: one by the other, with its interval; NaN if nothing was compared.
    """

    flips: int
    decisions: int
    share: Estimate


@dataclass(frozen=True)
class Flips:
    """Decisions that changed.

    Attributes:
        sentences: sentences compared.
        overall: over all roles.
        roles: by role.
    """

    sentences: int
    overall: FlipShare
    roles: dict[str, FlipShare]


def count_flips(
    flipped: Bools, compared: Bools, *, documents: Sequence[str], roles: Sequence[str], resamples: int, seed: int
) -> Flips:
    """Count flips.

    Args:
        flipped: ``[n_sentences, n_roles]``, whether a decision changed; what is not compared may hold anything.
        compared: ``[n_sentences, n_roles]``, False where nobody knows the right decision.
        documents: the document of each sentence.
        roles: names of the columns.
        resamples: draws of documents for the intervals.
        seed: of the draws.
    """
    if not len(flipped):
        nothing = FlipShare(0, 0, Estimate(float("nan"), float("nan"), float("nan")))
        return Flips(0, nothing, dict.fromkeys(roles, nothing))
    draws = Bootstrap.draw(documents, resamples=resamples, seed=seed)
    changed, all_of_them = draws.sums(flipped & compared), draws.sums(compared)
    each = {name: _share(changed[:, k], all_of_them[:, k]) for k, name in enumerate(roles)}
    return Flips(len(flipped), _share(changed.sum(axis=1), all_of_them.sum(axis=1)), each)


def _share(flips: npt.NDArray[np.float64], decisions: npt.NDArray[np.float64]) -> FlipShare:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = flips / decisions
    return FlipShare(int(flips[0]), int(decisions[0]), estimate(shares))
