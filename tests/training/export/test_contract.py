"""What an export may change, and what it may not."""

from __future__ import annotations

import numpy as np
import pytest
from eventroles import LabelSet
from eventroles.configs.schema import ExportConfig
from eventroles.inference.decision import DecisionRule
from eventroles.training.export.contract import Judged, broken, compare, shares_to_keep

LABELS = LabelSet.load("roles")
LIMITS = ExportConfig(fp32=True, int8=True, max_flips=0.01, max_f1_loss=0.005)
RULE = DecisionRule((1.0,) * 4, (0.5,) * 4, exclusive=False, objective="f1")


def judged(logits: np.ndarray, rule: DecisionRule = RULE) -> Judged:
    return Judged(logits.astype(np.float32), rule)


def test_flips_are_counted_by_label_and_changes_in_probability() -> None:
    before = np.full((10, 4), -2.0)
    before[:5, 0] = 2.0
    after = before.copy()
    after[0, 0], after[7, 2] = -2.0, 2.0
    found = compare(judged(before), judged(after), (before > 0).astype(np.float32), LABELS)
    assert {"attack": 1, "retaliation": 0, "casualty_report": 1, "official_statement": 0} == found.flips
    assert (10, 40, 2 / 40) == (found.sentences, found.decisions, found.flip_share)
    change = 1 / (1 + np.exp(-2)) - 1 / (1 + np.exp(2))
    assert (change, 2 * change / 40) == pytest.approx((found.largest_change, found.mean_change), abs=1e-6)
    assert -1 / 9 == pytest.approx(found.macro_f1_change, abs=1e-6)  # attack, the only role there: 8 / 9 after 1


def test_each_side_decides_by_its_own_rule() -> None:
    logits = np.array([[0.3, -1, -1, -1]])
    stricter = DecisionRule((1.0,) * 4, (0.9, 0.5, 0.5, 0.5), exclusive=False, objective="f1")
    found = compare(judged(logits), judged(logits, stricter), np.array([[1, 0, 0, 0]], dtype=np.float32), LABELS)
    assert 1 == found.flips["attack"]
    assert 0 == found.largest_change


@pytest.mark.parametrize(
    ("flips", "f1_change", "problem"),
    [
        (10, -0.005, ""),
        (11, 0.0, "1.10% of decisions differ (limit 1.00%)"),
        (0, -0.006, "macro F1 falls by 0.60 points (limit 0.50)"),
        (20, -0.02, "2.00% of decisions differ (limit 1.00%) and macro F1 falls by 2.00 points (limit 0.50)"),
        (0, 0.2, ""),
    ],
)
def test_the_contract_breaks_where_a_limit_is_passed_and_says_which(flips: int, f1_change: float, problem: str) -> None:
    targets = np.zeros((250, 4), dtype=np.float32)
    logits = np.full((250, 4), -2.0)
    found = compare(judged(logits), judged(logits), targets, LABELS)
    changed = found.model_copy(update={"flips": {"attack": flips}, "macro_f1_change": f1_change})
    assert problem == broken(changed, LIMITS)


@pytest.mark.parametrize(("count", "expected"), [(1, [0]), (2, [0, 1]), (13, [0, 1, 2, 4]), (36, [0, 1, 2, 4, 8, 16])])
def test_products_stay_in_fp32_step_by_step_up_to_half_of_them(count: int, expected: list[int]) -> None:
    assert expected == list(shares_to_keep(count))
