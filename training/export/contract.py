"""The quality contract of an export: what it changes on the validation split, and whether that is little enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...configs.schema import ExportConfig
from ...inference.decision import DecisionRule
from ...inference.manifest import Comparison
from ...labels.labelset import LabelSet
from ..metrics import macro_f1

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Judged:
    """Logits ``[n_sentences, n_labels] float32`` and the decision rule that belongs to them."""

    logits: Floats
    rule: DecisionRule


def compare(original: Judged, export: Judged, targets: Floats, labels: LabelSet) -> Comparison:
    """Measure what an export changes.

    Args:
        original: the fp32 logits and rule.
        export: those of the export, for the same sentences.
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`.
        labels: the label set.
    """
    before, after = (judged.rule.probabilities(judged.logits) for judged in (original, export))
    was, now = original.rule.decide(before), export.rule.decide(after)
    change = np.abs(before.astype(np.float64) - after)
    f1 = macro_f1(targets, now, labels)
    return Comparison(
        sentences=len(targets),
        decisions=was.size,
        largest_change=round(float(change.max()), 6),
        mean_change=round(float(change.mean()), 6),
        flips=dict(zip(labels.names, (was != now).sum(axis=0).tolist(), strict=True)),
        macro_f1=round(f1, 6),
        macro_f1_change=round(f1 - macro_f1(targets, was, labels), 6),
    )


def broken(comparison: Comparison, limits: ExportConfig) -> str:
    """Return which limits of the contract a comparison breaks; empty if it holds."""
    problems = []
    if comparison.flip_share > limits.max_flips:
        problems.append(f"{comparison.flip_share:.2%} of decisions differ (limit {limits.max_flips:.2%})")
    loss = -comparison.macro_f1_change
    if loss > limits.max_f1_loss:
        problems.append(f"macro F1 falls by {100 * loss:.2f} points (limit {100 * limits.max_f1_loss:.2f})")
    return " and ".join(problems)


def shares_to_keep(count: int) -> Sequence[int]:
    """Return how many of ``count`` products to keep in fp32, try after try: none, then 1, 2, 4 … up to half."""
    tries = [0]
    while (following := max(1, 2 * tries[-1])) <= count // 2:
        tries.append(following)
    return tries
