"""Behavioural tests: pass rates by rule, and contrasts that pass only as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from eventroles.labels.records import Record
from eventroles.training.robustness.rules import RuleResult, check_rules


def record(**extra: Any) -> Record:
    return Record("d", 0, "Text.", (), extra=extra)


def test_rules_come_worst_first_and_a_contrast_needs_every_row() -> None:
    rows = [record(rule="easy", group=1), record(rule="easy", group=1)]
    rows += [record(rule="hard", group=1), record(rule="hard", group=1), record(rule="hard", group=2), record()]
    found = check_rules(rows, np.array([True, True, True, False, True, False]))
    assert (RuleResult("hard", 3, 2, 2, 1), RuleResult("easy", 2, 2, 1, 1)) == found
    assert 2 / 3 == found[0].pass_rate


def test_rules_without_groups_have_no_contrasts_and_data_without_rules_no_tests() -> None:
    assert (RuleResult("one", 1, 0, 0, 0),) == check_rules([record(rule="one")], np.array([False]))
    assert () == check_rules([record(), record(rule="")], np.array([True, True]))
