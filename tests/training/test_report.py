"""Results as tables: readable in a terminal of 80 columns, with a dash where a score is not defined."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from eventroles.inference.decision import Band, DecisionRule, ReviewBands
from eventroles.labels import LabelSet
from eventroles.training import Estimate, Group, Scores
from eventroles.training.abstain import automatic_share
from eventroles.training.calibration import calibrate
from eventroles.training.compare import compare_decisions
from eventroles.training.confusion import confuse
from eventroles.training.leakage import Leak, Leakage
from eventroles.training.metrics import score
from eventroles.training.report import (
    calibration_table,
    comparison_table,
    confusion_table,
    groups_table,
    leakage_table,
    review_table,
    rule_table,
    scores_table,
)
from rich.console import Console
from rich.table import Table

ROLES = LabelSet.load("roles")


def text_of(table: Table, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(table)
    return stream.getvalue()


def scores(*, without: int | None = None) -> Scores:
    random = np.random.default_rng(0)
    targets = (random.random((60, 4)) < 0.4).astype(np.float32)
    if without is not None:
        targets[:, without] = 0
    given = random.random((60, 4)) < 0.4
    documents = [f"d{row // 4}" for row in range(60)]
    return score(
        targets,
        given.astype(np.float32),
        given,
        documents=documents,
        labels=ROLES,
        given_at_half=~given,
        resamples=20,
    )


def test_the_model_stands_beside_the_baseline_with_intervals_in_80_columns() -> None:
    found = scores()
    text = text_of(scores_table(found, found, title="Test"))
    assert all(name in text for name in (*ROLES.names, "macro F1", "micro F1", "exact match", "TF-IDF"))
    assert f"{found.macro_f1.value:.3f}" in text
    assert f"{found.macro_f1.low:.2f}–{found.macro_f1.high:.2f}" in text
    assert found.example_f1_at_half is not None
    assert f"{found.example_f1.value:.3f}" == text.split("example F1 ")[1].split()[0]
    assert f"{found.example_f1_at_half.value:.3f}" == text.split("example F1 at 0.5")[1].split()[0]
    assert "60 sentences in 15 documents" in " ".join(text.split())


def test_a_label_that_does_not_occur_has_dashes_and_the_baseline_may_be_missing() -> None:
    text = text_of(scores_table(scores(without=1), None, title="Test"), width=120)
    (line,) = [line for line in text.splitlines() if "retaliation" in line]
    assert "–" in line.split()
    assert "TF-IDF" not in text


def test_the_leak_report_has_scores_on_leaked_and_clean_rows_in_80_columns() -> None:
    leak = Leak("near", "train", "test", 7, 60, ())
    found = scores()
    text = text_of(leakage_table(Leakage((leak,), (), (False,), (True,) * 7 + (False,) * 53), None, found))
    (line,) = [line for line in text.splitlines() if "7 of 60" in line]
    assert "nearly the same" in line
    (line,) = [line for line in text.splitlines() if "macro F1" in line]
    assert ["macro", "F1", "–", f"{found.macro_f1.value:.3f}"] == line.split()[:4]


def test_the_decision_rule_shows_threshold_temperature_and_bias_of_each_label() -> None:
    rule = DecisionRule((1.5, 1.0, 1.0, 2.0), (0.25, 0.5, 0.5, 0.75), exclusive=False, objective="recall>=0.9")
    text = text_of(rule_table(rule, ROLES))
    assert "recall>=0.9" in text
    assert ["attack", "0.250", "1.500", "–"] in [line.split() for line in text.splitlines()]
    text = text_of(rule_table(replace(rule, biases=(-0.5, 0.0, 0.0, 1.0)), ROLES))
    assert ["attack", "0.250", "1.500", "-0.500"] in [line.split() for line in text.splitlines()]


def test_pass_rates_come_worst_first_with_their_sum() -> None:
    nan = float("nan")
    groups = [Group("easy", 4, 2, 4, Estimate(1.0, nan, nan), {}), Group("hard", 4, 2, 1, Estimate(nan, nan, nan), {})]
    lines = text_of(groups_table(groups, by="rule")).splitlines()
    rows = [line.split() for line in lines if "%" in line]
    assert [["hard", "4", "1", "25.0%", "–"], ["easy", "4", "4", "100.0%", "1.000"], ["all", "8", "5", "62.5%"]] == rows


def test_calibration_is_shown_before_and_after_and_by_chance_in_80_columns() -> None:
    random = np.random.default_rng(0)
    probabilities = random.random((60, 4)).astype(np.float32)
    targets = (random.random((60, 4)) < probabilities).astype(np.float32)
    documents = [f"d{row // 4}" for row in range(60)]
    found = calibrate(targets, probabilities**2, probabilities, documents=documents, labels=ROLES, resamples=20)
    text = text_of(calibration_table(found))
    (line,) = [line for line in text.splitlines() if line.strip().startswith("attack")]
    before, after = found["attack"].before, found["attack"].after
    values = (before.error.value, after.error.value, after.by_chance, before.brier.value, after.brier.value)
    assert ["attack", *(f"{value:.3f}" for value in values)] == line.split()
    assert f"{before.error.low:.2f}–{before.error.high:.2f}" in text


def test_what_was_given_in_place_of_what_comes_most_frequent_first_without_what_is_right() -> None:
    targets = np.array([[1, 0, 0, 0]] * 3 + [[0, 0, 0, 0]] + [[0, 0, 1, 0]] * 9, np.float32)
    given = np.array([[0, 1, 0, 0]] * 2 + [[0, 1, 0, 1]] + [[1, 0, 0, 0]] + [[0, 0, 1, 0]] * 9, bool)
    rows = [line.split() for line in text_of(confusion_table(confuse(targets, given, labels=ROLES))).splitlines()]
    start = rows.index(next(row for row in rows if row[:1] == ["attack"]))
    expected = [["attack", "2.5", "retaliation"], ["–", "1", "attack"]]
    assert expected == rows[start : start + 2]
    assert not any("casualty_report" in row for row in rows)


def test_two_models_stand_side_by_side_with_difference_and_p_value_in_80_columns() -> None:
    random = np.random.default_rng(0)
    targets = (random.random((200, 4)) < 0.4).astype(np.float32)
    targets[:, 1] = 0
    good, bad = targets == 1, random.random((200, 4)) < 0.4
    bad[:, 1] = False
    documents = [f"d{row // 4}" for row in range(200)]
    found = compare_decisions(targets, bad, good, documents=documents, labels=ROLES, resamples=50, swaps=1999)
    text = text_of(comparison_table(found))
    (macro,) = [line.split() for line in text.splitlines() if line.strip().startswith("macro F1")]
    assert ["1.000", f"{found.macro_f1.difference.value:+.3f}", "<0.001"] == [macro[3], macro[4], macro[-1]]
    (empty,) = [line.split() for line in text.splitlines() if line.strip().startswith("retaliation")]
    assert ["retaliation", "–", "–", "–", "–"] == empty


def test_review_bands_stand_with_what_they_leave_to_the_model_in_80_columns() -> None:
    bands = (Band(0.25, 0.75), None, Band(0.0, 1.0), None)
    rule = DecisionRule((1.0,) * 4, (0.5,) * 4, False, "f1", max_error=0.05, review=(ReviewBands(0.05, bands),))
    targets = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], np.float32)
    probabilities = np.array([[0.9, 0.9, 0.5, 0], [0.6, 0, 0, 0], [0.4, 0, 0, 0], [0.8, 0, 0, 0]], np.float32)
    found = automatic_share(rule, targets, probabilities, labels=ROLES)
    assert found is not None
    lines = [line.split() for line in text_of(review_table(found)).splitlines()]
    assert ["attack", "0.250–0.750", "50.0%", "25.0%", "50.0%"] in lines
    assert ["retaliation", "none", "100.0%", "25.0%", "25.0%"] in lines
    assert ["casualty_report", "0.000–1.000", "0.0%", "25.0%", "–"] in lines
