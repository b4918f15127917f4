"""Check that Ray workers write the same rows as one process does, and still do so when one of them is killed."""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reliability.command import SOME_FAILED, read_lines, read_rows, run_command, start_command, tag_command
from reliability.corpus import write_mixed_files
from reliability.finding import Finding, tell
from reliability.good_inputs import write_good_inputs
from reliability.processes import left_behind, marked, name_of

_FILES = 200
_PARTS = 12
_LONGEST_RUN = 900.0  # seconds
_WORKER = re.compile(r"ray::MapWorker.*\.submit")  # what Ray calls the processes that tag while they do
_LATEST = 0.5  # seconds after a worker shows up, in which it is killed
_BETWEEN_LOOKS = 0.02  # seconds
_GRACE = 60.0  # seconds in which all processes of a cluster must be gone


@dataclass(frozen=True)
class _Shaken:
    """A run with a worker killed: its exit code, what the worker called itself, and processes that lived on."""

    code: int
    victim: str | None
    left: int


def check_ray(model: str, *, files: int = _FILES, workers: int = 2, seed: int = 1) -> list[Finding]:
    """Tag the same files with and without Ray, and with Ray while a worker is killed, and compare the rows.

    Raises:
        RuntimeError: the run without Ray goes wrong, so that there is nothing to compare with.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "in")
        write_good_inputs(folder / "good")
        part = max(1, write_mixed_files(folder / "mixed", files, seed=seed) // _PARTS)
        options = ("--keep-text", "--part-size", str(part))
        local = Path(scratch, "local")
        done = run_command(tag_command(folder, model, local, *options), timeout=_LONGEST_RUN)
        if done.code != SOME_FAILED:
            raise RuntimeError(f"the run without Ray gave exit code {done.code}: {done.errors[-2000:]}")
        expected = _contents(local)
        spread = (*options, "--engine", "ray", "--workers", str(workers))
        calm, shaken = Path(scratch, "calm"), Path(scratch, "shaken")
        done = run_command(tag_command(folder, model, calm, *spread), timeout=_LONGEST_RUN)
        problems = [*_differences(done.code, expected, _contents(calm))]
        if problems:
            problems.append(f"its last words: {done.errors[-1000:]!r}")
        count = f"{sum(expected['rows'].values()):,} rows, {workers} workers"
        yielded = [Finding("rows from Ray, order aside", count, tuple(problems))]
        errors = Path(scratch, "errors")
        ended = _run_and_kill(tag_command(folder, model, shaken, *spread), random.Random(seed), errors=errors)
        problems = [*_differences(ended.code, expected, _contents(shaken))]
        if problems:
            problems.append(f"its last words: {errors.read_text(encoding='utf-8', errors='replace')[-1000:]!r}")
        if ended.victim is None:
            problems.append("no worker was found to kill")
        if ended.left:
            problems.append(f"{ended.left} processes lived on for {_GRACE:.0f} s")
        return [
            *yielded,
            Finding("rows from Ray, a worker killed on the way", count, tuple(problems), f"killed `{ended.victim}`"),
        ]


def _run_and_kill(command: list[str], rng: random.Random, *, errors: Path) -> _Shaken:
    """Run a command and kill one of its Ray workers while it works."""
    mark = f"ray-{os.getpid()}"
    process = start_command(command, mark=mark, errors=errors)
    victim = None
    until = time.monotonic() + _LONGEST_RUN
    while process.poll() is None:
        if time.monotonic() > until:
            process.kill()
        # Those of this command only: others may use Ray on the same machine.
        workers = [] if victim else sorted(pid for pid in marked(mark) if _WORKER.match(name_of(pid)))
        if workers:
            time.sleep(rng.uniform(0, _LATEST))  # somewhere in its work
            pid = rng.choice(workers)
            name = name_of(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                victim = name
        time.sleep(_BETWEEN_LOOKS)
    return _Shaken(process.wait(), victim, len(left_behind(mark, seconds=_GRACE)))


def _contents(output: Path) -> dict[str, Counter[str]]:
    """Return the rows, texts and failures of an output, each with how often it is there."""
    found = {name: read_rows(output / name) for name in ("rows", "text")}
    found["failures"] = read_lines(output / "failures.jsonl")
    return {name: Counter(json.dumps(row, sort_keys=True) for row in rows) for name, rows in found.items()}


def _differences(code: int, expected: dict[str, Counter[str]], found: dict[str, Counter[str]]) -> Iterator[str]:
    if code != SOME_FAILED:
        yield f"exit code {code}, expected {SOME_FAILED}"
    for name, rows in expected.items():
        lost, more = rows - found[name], found[name] - rows
        if lost:
            yield f"{name}: {sum(lost.values()):,} lost, the first {min(lost)[:300]}"
        if more:
            yield f"{name}: {sum(more.values()):,} too many or different, the first {min(more)[:300]}"


def main() -> int:
    """Check, and print the rows of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--files", type=int, default=_FILES, help="how many small files to tag")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return tell(check_ray(options.model, files=options.files, workers=options.workers, seed=options.seed))


if __name__ == "__main__":
    sys.exit(main())
