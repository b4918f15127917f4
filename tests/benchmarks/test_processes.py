"""Tests of measuring whole processes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from processes import start


def test_a_process_is_timed_until_its_file_is_there_and_its_own_memory_counted(tmp_path: Path) -> None:
    held = bytearray(300_000_000)  # of this process, which must not count
    held[::4096] = b"x" * len(held[::4096])
    output = tmp_path / "rows"
    code = "import sys, time; b = b'x' * 60_000_000; time.sleep(0.2); open(sys.argv[1], 'w').close(); time.sleep(1)"
    started = time.perf_counter()
    found = start([sys.executable, "-c", code, str(output)], output)
    assert 0.2 <= found.seconds <= time.perf_counter() - started - 1, found
    assert 60e6 < found.peak < 200e6, found


def test_a_process_that_fails_is_reported_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"exit code 5:\nno such model"):
        start(
            [sys.executable, "-c", "import sys; print('no such model', file=sys.stderr); sys.exit(5)"], tmp_path / "x"
        )


def test_a_process_that_writes_no_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="exit code 0"):
        start([sys.executable, "-c", ""], tmp_path / "rows")
