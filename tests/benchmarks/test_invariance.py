"""Tests of comparing scores of a sentence alone and among others."""

from __future__ import annotations

import numpy as np
from eventroles.inference.decision import DecisionRule
from invariance import compare

RULE = DecisionRule(temperatures=(1.0, 1.0), thresholds=(0.5, 0.5), exclusive=False, objective="f1")


def test_a_sentence_counts_once_however_many_of_its_logits_change() -> None:
    together = np.array([[0.0, 1.0], [2.0, 3.0]], dtype=np.float32)
    alone = together.copy()
    alone[1] += np.float32(1e-6)
    found = compare("engine", together, alone, rule=RULE)
    assert (2, 0.5) == (found.sentences, found.changed)
    assert 0 < found.largest < 1e-5


def test_the_same_bits_are_no_change() -> None:
    logits = np.array([[0.1, -7.0]], dtype=np.float32)
    found = compare("engine", logits, logits.copy(), rule=RULE)
    assert (0.0, 0.0) == (found.changed, found.largest)
