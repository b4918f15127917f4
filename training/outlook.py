"""What more labels would bring, in numbers and in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .powerlaw import NONE, CurveFit, fit_curve

MACRO = "macro F1"
"""Name of the outlook for the mean over all roles."""
HELPS, LITTLE, UNCLEAR = "helps", "little", "unclear"
# Less than a point of F1 is not worth labelling everything once more.
_WORTH = 0.01


@dataclass(frozen=True)
class Outlook:
    """What twice the sentences would bring a label.

    Attributes:
        curve: the fitted curve.
        with_label: sentences with the label in the largest share; for macro F1 all sentences.
        verdict: ``helps``, ``little``, or ``unclear`` where the spread hides the trend.
        says: the same in one sentence.
    """

    curve: CurveFit
    with_label: int
    verdict: str
    says: str


def outlook(name: str, sizes: Sequence[float], scores: Sequence[float], *, with_label: int, seed: int) -> Outlook:
    """Fit a curve to F1 scores at several sizes and say what twice the largest size would bring.

    More labels help if the score grows with the size by more than the spread explains, and the curve gains a point
    (0.01) or more. They bring little if the interval of the gain ends below a point. Else it is unclear.

    Args:
        name: of the label.
        sizes: training sentences.
        scores: F1, NaN where it is not defined.
        with_label: sentences with the label at the largest size.
        seed: of the intervals.
    """
    curve = fit_curve(sizes, scores, at=2 * max(sizes), seed=seed)
    verdict = _judge(curve)
    has = f"{with_label} sentences" if name == MACRO else f"{with_label} sentences have it"
    return Outlook(curve, with_label, verdict, f"{name} ({has}): {_say(curve, verdict)}")


def needs_most(outlooks: Mapping[str, Outlook]) -> str | None:
    """Return the label that gains most by more labels, among those that they help; None if they help none."""
    helped = {name: found.curve.gain for name, found in outlooks.items() if found.verdict == HELPS}
    return max(helped, key=lambda name: helped[name]) if helped else None


def _judge(curve: CurveFit) -> str:
    if math.isnan(curve.high):
        return UNCLEAR
    if curve.high < _WORTH:
        return LITTLE
    return HELPS if curve.slope_low > 0 and curve.gain >= _WORTH else UNCLEAR


def _say(curve: CurveFit, verdict: str) -> str:
    if math.isnan(curve.now):
        return "nothing can be said: the test split has no sentence with it"
    if curve.form == NONE or math.isnan(curve.high):
        return f"F1 {curve.now:.3f}; too few trainings to say what more would bring: add shares or seeds"
    gain = f"F1 {curve.now:.3f}, with twice the labels about {curve.gain:+.3f} ({curve.low:+.3f} to {curve.high:+.3f})"
    if verdict == HELPS:
        return f"{gain}: more labels would help"
    if verdict == LITTLE:
        return f"{gain}: more labels would bring little"
    if curve.slope_low > 0:
        return f"{gain}: whether the rise goes on cannot be told; add seeds"
    return f"{gain}: the spread between trainings (±{curve.deviation:.3f}) hides whether labels help; add seeds"
