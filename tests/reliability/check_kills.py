"""Check that a run killed at any moment, and again and again, goes on to the same bytes as one left in peace."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reliability.command import SOME_FAILED, digest_output, run_command, start_command, tag_command
from reliability.corpus import write_mixed_files
from reliability.finding import Finding, tell
from reliability.processes import left_behind

_FILES = 500
_PARTS = 25
_LONGEST_CHAIN = 8  # kills of one output before it may finish
_GRACE = 10.0  # seconds in which the processes of a killed one must be gone
_LONGEST_RUN = 600.0  # seconds


@dataclass
class _Tally:
    """What was done so far."""

    kills: int = 0
    outputs: int = 0
    moments: list[float] = field(default_factory=list)  # of the kills, as shares of a whole run
    problems: list[str] = field(default_factory=list)


def check_kills(model: str, *, kills: int = 100, files: int = _FILES, seed: int = 1) -> list[Finding]:
    """Kill ``eventroles tag`` at random moments, finish its work with the same command, and compare every byte.

    Raises:
        RuntimeError: the run that nobody kills goes wrong, so that there is nothing to compare with.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder, output = Path(scratch, "in"), Path(scratch, "out")
        part = max(1, write_mixed_files(folder, files, seed=seed) // _PARTS)
        command = tag_command(folder, model, output, "--keep-text", "--part-size", str(part))
        done = run_command(command, timeout=_LONGEST_RUN)
        reference = digest_output(output)
        parts = sum(name.startswith("rows/") for name in reference)
        if done.code != SOME_FAILED or not parts:
            raise RuntimeError(f"the run to compare with gave exit code {done.code}: {done.errors[-2000:]}")
        tally = _Tally()
        again = run_command(command, timeout=_LONGEST_RUN)
        tally.problems += _differences("a second run of a finished one", again.code, reference, digest_output(output))
        rng = random.Random(seed)
        while tally.kills < kills:
            shutil.rmtree(output)
            ended = _kill_in_a_chain(command, done.seconds, tally, rng, most=min(_LONGEST_CHAIN, kills - tally.kills))
            code = run_command(command, timeout=_LONGEST_RUN).code if ended is None else ended
            tally.outputs += 1
            where = f"output {tally.outputs}, after kill {tally.kills}"
            tally.problems += _differences(where, code, reference, digest_output(output))
    quarters = [sum(int(4 * min(moment, 0.999)) == quarter for moment in tally.moments) for quarter in range(4)]
    found = f"kills in each quarter of a run's {done.seconds:.1f} s: {', '.join(map(str, quarters))}"
    count = f"{tally.kills} kills of {tally.outputs} outputs of {parts} parts"
    return [Finding("`kill -9` at random moments", count, tuple(tally.problems), found)]


def _kill_in_a_chain(command: list[str], whole: float, tally: _Tally, rng: random.Random, *, most: int) -> int | None:
    """Start and kill up to ``most`` times; return the exit code if the work was done before the next kill."""
    for _ in range(most):
        moment = rng.uniform(0, whole * 1.05)
        started = time.perf_counter()
        mark = f"kill-{os.getpid()}-{tally.kills}-{moment}"
        process = start_command(command, mark=mark)
        while process.poll() is None and time.perf_counter() - started < moment:
            time.sleep(0.002)
        process.kill()
        code = process.wait()
        if left := left_behind(mark, seconds=_GRACE):
            tally.problems.append(f"kill {tally.kills + 1}: {len(left)} processes of it lived on for {_GRACE:.0f} s")
        if code >= 0:
            return code
        tally.kills += 1
        tally.moments.append(moment / whole)
    return None


def _differences(where: str, code: int, reference: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    if code != SOME_FAILED:
        yield f"{where}: exit code {code}, expected {SOME_FAILED}"
    if missing := sorted(reference.keys() - found.keys()):
        yield f"{where}: without {', '.join(missing)}"
    if more := sorted(found.keys() - reference.keys()):
        yield f"{where}: with {', '.join(more)}"
    if other := sorted(name for name in reference.keys() & found.keys() if reference[name] != found[name]):
        yield f"{where}: other bytes in {', '.join(other)}"


def main() -> int:
    """Check, and print the row of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--kills", type=int, default=100, help="how many kills must hit")
    parser.add_argument("--files", type=int, default=_FILES, help="how many small files to tag")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return tell(check_kills(options.model, kills=options.kills, files=options.files, seed=options.seed))


if __name__ == "__main__":
    sys.exit(main())
