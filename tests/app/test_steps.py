"""What is said while several models are trained, and the two commands that train them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from eventroles.commands.steps import StepLines
from eventroles.training.series import Step
from rich.console import Console

ENVIRONMENT = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}


def eventroles(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own."""
    command = [sys.executable, "-m", "eventroles", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd, env=ENVIRONMENT)


def test_the_time_left_is_that_of_the_trainings_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    file, now = io.StringIO(), 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    say = StepLines(Console(file=file, width=120))
    say(Step(2, 6, "fold 2 of 3, seed 1 of 2"))
    now = 160.0
    say(Step(3, 6, "fold 2 of 3, seed 2 of 2"))
    now = 170.0
    say(Step(5, 6, "fold 3 of 3, seed 2 of 2"))
    lines = [
        "fold 2 of 3, seed 1 of 2 (training 3 of 6)",
        "fold 2 of 3, seed 2 of 2 (training 4 of 6, about 3 min left)",
        "fold 3 of 3, seed 2 of 2 (training 6 of 6, about 23 s left)",
    ]
    assert lines == file.getvalue().splitlines()


@pytest.mark.slow
def test_both_commands_print_tables_keep_results_and_say_how_far_they_are(settings: list[str], tmp_path: Path) -> None:
    options = [part for value in [*settings, "training.epochs=1"] for part in ("--set", value)]
    done = eventroles("crossvalidate", "smoke", "--folds", 2, "--seeds", 1, *options, cwd=tmp_path)
    assert 0 == done.returncode, done.stderr
    assert "Cross-validation: 2 folds, 1 seeds, 2 models" in done.stdout
    assert "All out-of-fold decisions together" in done.stdout
    assert "fold 2 of 2, seed 1 of 1 (training 2 of 2, about" in done.stderr
    folder = tmp_path / "runs" / "smoke-crossvalidation"
    assert 144 == json.loads((folder / "crossvalidation.json").read_text(encoding="utf-8"))["sentences"]
    done = eventroles("crossvalidate", "smoke", "--folds", 2, "--seeds", 1, *options, cwd=tmp_path)
    assert 2 == done.returncode
    assert "--resume" in done.stderr

    done = eventroles("learning-curve", "smoke", "--shares", "0.5", "0.8", "1.0", "--seeds", 1, *options, cwd=tmp_path)
    assert 0 == done.returncode, done.stderr
    assert "Learning curve: F1 on the test split" in done.stdout
    assert "macro F1 (" in done.stdout
    assert "80% of the sentences, seed 1 of 1 (training 2 of 3" in done.stderr
    kept = json.loads((tmp_path / "runs" / "smoke-learning-curve" / "learning_curve.json").read_text(encoding="utf-8"))
    assert [0.5, 0.8, 1.0] == [point["share"] for point in kept["points"]]


def test_a_share_that_is_no_number_is_said(tmp_path: Path) -> None:
    done = eventroles("learning-curve", "smoke", "--shares", "0.5", "all", cwd=tmp_path)
    assert 2 == done.returncode
    assert "--shares: expected numbers such as 0.1 0.2 0.4 0.7 1.0, found 'all'" in done.stderr
