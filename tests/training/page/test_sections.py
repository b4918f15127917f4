"""What the sections of a report say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eventroles.training import Evaluation
from eventroles.training.page.sections import sample_points, summarise, tabulate_confusion, tabulate_scores


def f1(value: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


@pytest.mark.parametrize(
    ("model", "baseline", "said"),
    [
        (f1(0.9, 0.85, 0.95), f1(0.6, 0.5, 0.7), "clearly better"),
        (f1(0.9, 0.65, 0.95), f1(0.6, 0.5, 0.7), "but the intervals overlap"),
        (f1(0.6, 0.5, 0.7), f1(0.6, 0.5, 0.7), "no better"),
        (f1(None, None, None), f1(0.6, 0.5, 0.7), ""),
    ],
)
def test_the_summary_says_how_the_model_stands_against_the_baseline(
    evaluation: Evaluation, model: dict[str, Any], baseline: dict[str, Any], said: str
) -> None:
    data = evaluation.to_dict()
    data["model"]["macro_f1"], data["baseline"]["macro_f1"] = model, baseline
    assert said in summarise(data, [])["against"]
    assert bool(said) == bool(summarise(data, [])["against"])


def test_the_tile_of_calibration_shows_the_worst_label(evaluation: Evaluation) -> None:
    data = evaluation.to_dict()
    data["calibration"]["retaliation"]["after"]["error"] = f1(0.31, 0.2, 0.4)
    found = summarise(data, [])
    tile = next(one for one in found["tiles"] if "Calibration error" == one["title"])
    assert ("0.310", "the worst label, Retaliation; 0 is perfect") == (tile["value"], tile["note"])
    assert any("Retaliation" in one and "are off by more than 0.1 on average" in one for one in found["warnings"])


def test_many_files_are_counted(make_evaluation: Callable[..., Evaluation]) -> None:
    found = make_evaluation(documents=2, data=tuple(f"/home/ann/{k}.jsonl" for k in range(5)))
    assert ["0.jsonl", "1.jsonl", "3 more files"] == summarise(found.to_dict(), [])["data"]


def test_scores_that_were_not_measured_have_no_row(evaluation: Evaluation) -> None:
    data = evaluation.to_dict()
    assert "example_f1_at_half" in [row["key"] for row in tabulate_scores(data)["totals"]]
    data["model"]["example_f1_at_half"] = None
    assert "example_f1_at_half" not in [row["key"] for row in tabulate_scores(data)["totals"]]


def test_shares_of_a_row_of_confusions_add_up_to_one(evaluation: Evaluation) -> None:
    rows = tabulate_confusion(evaluation.to_dict())["rows"]
    assert [pytest.approx(1.0)] * 5 == [sum(cell["share"] for cell in row["cells"]) for row in rows]
    assert "no label" == rows[-1]["title"]


def test_a_long_curve_is_sampled_from_end_to_end() -> None:
    points = [{"threshold": 1 - k / 100, "precision": 1.0, "recall": k / 100} for k in range(101)]
    found = sample_points({"points": points})
    assert [pytest.approx(k / 10) for k in range(11)] == [point["recall"] for point in found]
    assert points[:3] == sample_points({"points": points[:3]})
