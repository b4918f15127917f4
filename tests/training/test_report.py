"""Results as tables: readable in a terminal of 80 columns, with a dash where a score is not defined."""

from __future__ import annotations

import io

import numpy as np
from eventroles.inference.decision import DecisionRule
from eventroles.labels import LabelSet
from eventroles.training import Group, Scores
from eventroles.training.metrics import score
from eventroles.training.report import groups_table, rule_table, scores_table
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
    return score(targets, given.astype(np.float32), given, documents=documents, labels=ROLES, resamples=20)


def test_the_model_stands_beside_the_baseline_with_intervals_in_80_columns() -> None:
    found = scores()
    text = text_of(scores_table(found, found, title="Test"))
    assert all(name in text for name in (*ROLES.names, "macro F1", "micro F1", "exact match", "TF-IDF"))
    assert f"{found.macro_f1.value:.3f}" in text
    assert f"{found.macro_f1.low:.2f}–{found.macro_f1.high:.2f}" in text
    assert "60 sentences in 15 documents" in " ".join(text.split())


def test_a_label_that_does_not_occur_has_dashes_and_the_baseline_may_be_missing() -> None:
    text = text_of(scores_table(scores(without=1), None, title="Test"), width=120)
    (line,) = [line for line in text.splitlines() if "retaliation" in line]
    assert "–" in line.split()
    assert "TF-IDF" not in text


def test_the_decision_rule_shows_threshold_and_temperature_of_each_label() -> None:
    rule = DecisionRule((1.5, 1.0, 1.0, 2.0), (0.25, 0.5, 0.5, 0.75), exclusive=False, objective="recall>=0.9")
    text = text_of(rule_table(rule, ROLES))
    assert "recall>=0.9" in text
    assert ["attack", "0.250", "1.500"] in [line.split() for line in text.splitlines()]


def test_pass_rates_come_worst_first_with_their_sum() -> None:
    groups = [Group("easy", 4, 4, 1.0), Group("hard", 4, 1, float("nan"))]
    lines = text_of(groups_table(groups, by="rule")).splitlines()
    rows = [line.split() for line in lines if "%" in line]
    assert [["hard", "4", "1", "25.0%", "–"], ["easy", "4", "4", "100.0%", "1.000"], ["all", "8", "5", "62.5%"]] == rows
