"""Tables and lines of cross-validations and learning curves: every number is there, in a width that a terminal has."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from eventroles.labels import LabelSet
from eventroles.training.crossvalidate import CrossValidation
from eventroles.training.foldscores import Spread, Spreads
from eventroles.training.label_errors import LabelError
from eventroles.training.learning_curve import CurvePoint, LearningCurve, PointScore
from eventroles.training.metrics import score
from eventroles.training.outlook import outlook
from eventroles.training.report_runs import label_errors_table, learning_curve_table, outlook_lines, spreads_table
from rich.console import Console
from rich.table import Table

ROLES = LabelSet.load("roles")


def drawn(table: Table, *, width: int = 120) -> str:
    file = io.StringIO()
    Console(file=file, width=width, markup=False).print(table)
    return file.getvalue()


def spreads(mean: float, seeds: float) -> Spreads:
    spread = Spread(mean, 0.0321, seeds)
    return Spreads(dict.fromkeys(ROLES.names, spread), Spread(mean - 0.1, 0.0432, seeds))


def error(number: int) -> LabelError:
    roles = ("attack",)
    return LabelError(f"rows.jsonl:{number}", "d", number, f"[{number}] calm", roles, (), "attack", "remove", 0.1, -0.8)


def test_spreads_stand_beside_the_baselines() -> None:
    wanted = np.array([[1, 0, 0, 0], [0, 1, 1, 1]], dtype=np.float32)
    scores = score(wanted, wanted, wanted == 1, documents=["a", "b"], labels=ROLES, resamples=10)
    found = CrossValidation(
        folder=Path(),
        labels=ROLES,
        folds=5,
        seeds=(13, 14, 15),
        sentences=2,
        documents=2,
        held_out=(1, 1),
        model=spreads(0.812, 0.0123),
        baseline=spreads(0.654, math.nan),
        pooled=scores,
        pooled_baseline=scores,
        label_errors=(),
        shared=0,
        warnings=(),
    )
    text = drawn(spreads_table(found))
    assert "Cross-validation: 5 folds, 3 seeds, 15 models" in text
    for number in ("0.812", "0.712", "0.654", "0.554", "0.032", "0.043", "0.012"):
        assert number in text
    assert "macro F1" in text


def test_ten_label_errors_are_shown_with_how_many_there_are() -> None:
    text = drawn(label_errors_table([error(number) for number in range(1, 15)]))
    assert "rows.jsonl:10" in text
    assert "rows.jsonl:11" not in text
    assert "the first 10 of 14" in text
    assert "-attack" in text
    assert "[3] calm" in text


def test_a_learning_curve_is_a_row_a_share_and_a_line_a_label() -> None:
    sizes = [100.0, 200.0, 400.0, 700.0, 1000.0]
    points = tuple(
        CurvePoint(
            share=size / 1000,
            sentences=size,
            with_label=dict.fromkeys(ROLES.names, size / 4),
            macro_f1=PointScore(0.5 + size / 4000, 0.02, (0.5, 0.6)),
            f1={name: PointScore(math.nan, math.nan, ()) for name in ROLES.names},
        )
        for size in sizes
    )
    rising = outlook("attack", sizes * 2, [0.95 - 3 * size**-0.4 for size in sizes * 2], with_label=250, seed=1)
    found = LearningCurve(
        folder=Path(),
        labels=ROLES,
        seeds=(13, 14),
        validation=50,
        test=60,
        points=points,
        outlooks={"attack": rising},
        needs_most="attack",
    )
    text = drawn(learning_curve_table(found))
    assert "10%" in text
    assert "0.525 ±0.020" in text
    assert "–" in text
    assert "50 validation and 60 test" in " ".join(text.split())
    assert [rising.says, "attack needs more labels most: 250 training sentences have it."] == outlook_lines(found)
