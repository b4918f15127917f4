"""Tests of the script itself: its arguments, its sizes, what it writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from throughput import Sizes

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "throughput.py"


def test_the_script_can_be_started_from_anywhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--help"], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=True
    )
    assert "--fast" in done.stdout


def test_a_single_sentence_leaves_every_part_something_to_measure() -> None:
    sizes = Sizes(1)
    assert (1, 1, 1, 1) == (sizes.one_by_one, sizes.torch, sizes.files, sizes.documents)


def test_the_default_measures_2000_small_files() -> None:
    sizes = Sizes(2000)
    assert (400, 800, 2000, 250) == (sizes.one_by_one, sizes.torch, sizes.files, sizes.documents)
