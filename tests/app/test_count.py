"""`eventroles count` on what `eventroles tag` wrote, as a user runs them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import FILLER, WORDS, write_jsonl

ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "160"}


def eventroles(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "eventroles", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=ENVIRONMENT)


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        {
            "id": f"d{number}",
            "date": f"2026-0{1 + number % 3}-01",
            "desk": "north" if number % 2 else "south",
            "text": f"{FILLER[number % 12]} {WORDS['attack'][number % 4]} {number}. {FILLER[number % 7]} {number}.",
        }
        for number in range(30)
    ]
    return write_jsonl(tmp_path_factory.mktemp("articles") / "articles.jsonl", rows)


@pytest.fixture(scope="module")
def tags(model_folder: Path, articles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder of the articles."""
    folder = tmp_path_factory.mktemp("tagged") / "tags"
    done = eventroles("tag", articles, "--model", model_folder, "--output", folder, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_tagged_folder_is_counted_by_period_and_group_and_a_pipe_gets_csv(tags: Path) -> None:
    done = eventroles("count", tags, "--by", "month", "--by", "desk")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [
        *("period", "desk", "role", "sentences", "counted", "adjusted", "low", "high"),
        *("probability_count", "probability_low", "probability_high"),
    ] == list(rows[0])
    assert 3 * 2 * 4 == len(rows)
    assert {"2026-01", "2026-02", "2026-03"} == {row["period"] for row in rows}
    assert 60 == sum(int(row["sentences"]) for row in rows) / 4
    attacks = [row for row in rows if row["role"] == "attack"]
    assert all(0 <= float(row["low"]) <= float(row["high"]) <= float(row["sentences"]) for row in attacks)
    # The tiny model was tested on some thirty sentences.
    assert "warning: retaliation: the test set has " in done.stderr
    assert 4 >= done.stderr.count("warning:")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_counts_go_into_a_file_with_error_rates_from_another(tags: Path, tmp_path: Path, suffix: str) -> None:
    moments = {"mean": 0.5, "variance": 0.02, "effective": 90}
    label = {"tp": 80, "fp": 30, "fn": 20, "tn": 270, "positive_effective": 100, "negative_effective": 300}
    label |= {"positive": moments | {"mean": 0.8}, "negative": moments | {"mean": 0.2}}
    errors, output = tmp_path / "e.json", tmp_path / f"counts.{suffix}"
    errors.write_text(json.dumps({"errors": {"attack": label}}), encoding="utf-8")
    done = eventroles("count", tags, "--by", "year", "--errors", errors, "--output", output, "--level", "0.5")
    assert (0, "") == (done.returncode, done.stdout), done.stderr
    if suffix == "csv":
        rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8"))))
    elif suffix == "jsonl":
        rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    else:
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(output).to_pylist()
    found = {row["role"]: row for row in rows}["attack"]
    expected = min(60.0, max(0.0, (int(found["counted"]) - 0.1 * 60) / 0.7))
    assert ("2026", 60) == (found["period"], int(found["sentences"]))
    assert expected == pytest.approx(float(found["adjusted"]), abs=0.001)


def test_what_cannot_be_right_is_said_before_anything_is_written(tags: Path, tmp_path: Path) -> None:
    for arguments, reason in (
        ([tags, "--where", "desk"], "expected COLUMN=VALUE"),
        ([tags, "--by", "month", "--by", "week"], "one period"),
        ([tags, "--by", "role"], "a column of the counts has this name"),
        ([tags, "--where", "desk=west"], "no row to count"),
        ([tags, "--output", tmp_path / "c.txt"], "expected .jsonl, .csv or .parquet"),
        ([tags, "--unique"], "no column sentence_cluster"),
        ([tmp_path / "gone"], "no such file or folder"),
    ):
        done = eventroles("count", *arguments)
        assert (2, "") == (done.returncode, done.stdout), done.stderr
        assert reason in done.stderr
        assert [] == list(tmp_path.iterdir())


def test_a_model_that_has_changed_since_is_told(tags: Path, exported_folder: Path) -> None:
    done = eventroles("count", tags, "--errors", exported_folder, "--where", "desk=north")
    assert done.returncode == 0, done.stderr
    assert "warning: the rows are of " in done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert 30 == sum(int(row["sentences"]) for row in rows) / 4
