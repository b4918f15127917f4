"""Check that a run of a million sentences holds no more memory than one of ten thousand."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from reliability.command import start_command, tag_command
from reliability.corpus import write_tables
from reliability.finding import Finding, tell
from reliability.processes import descendants, peak_memory

_MEGA = 1e6
_BETWEEN_LOOKS = 0.02  # seconds


@dataclass(frozen=True)
class _Peak:
    """The most memory that a run held, in bytes: the command, and the largest of the processes it started."""

    main: int
    child: int


def check_memory(model: str, *, sentences: int = 1_000_000, fewer: int = 10_000, most: float = 1.1) -> list[Finding]:
    """Run the command on few and on many sentences, without its cache, and compare the peaks.

    Args:
        model: a model folder.
        sentences: of the large run.
        fewer: of the small run.
        most: how many times the small run's peak the large run's may be.

    Raises:
        RuntimeError: a run fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        small, large = (_measure(model, Path(scratch, str(size)), size) for size in (fewer, sentences))
        seconds = time.perf_counter() - started
    problems = []
    for who, before, after in (("the command", small.main, large.main), ("its reader", small.child, large.child)):
        if after > most * before:
            problems.append(f"{who}: {before / _MEGA:.0f} MB grew to {after / _MEGA:.0f} MB, more than {most:g} ×")
    found = "; ".join(
        f"{who} {before / _MEGA:.0f} MB → {after / _MEGA:.0f} MB ({after / before:.2f} ×)"
        for who, before, after in (("command", small.main, large.main), ("reader", small.child, large.child))
        if before
    )
    what = f"peak memory, at most {most:g} ×"
    return [Finding(what, f"{fewer:,} → {sentences:,} sentences, {seconds:.0f} s", tuple(problems), found)]


def _measure(model: str, folder: Path, sentences: int) -> _Peak:
    write_tables(folder / "in", sentences)
    # Parquet, as a million rows of JSON would fill the disk of a small machine.
    command = tag_command(folder / "in", model, folder / "out", "--format", "parquet", "--no-cache", "--quiet")
    process = start_command(command, mark=str(folder), errors=folder / "errors")
    peaks: dict[int, int] = {}
    while process.poll() is None:
        for pid in {process.pid, *descendants(process.pid)}:
            # What a process last showed of itself is its peak until then: nothing that matters happens at the end.
            peaks[pid] = max(peaks.get(pid, 0), peak_memory(pid))
        time.sleep(_BETWEEN_LOOKS)
    if process.returncode != 0:
        errors = (folder / "errors").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(
            f"the run over {sentences:,} sentences gave exit code {process.returncode}: {errors[-2000:]}"
        )
    main = peaks.pop(process.pid)
    return _Peak(main, max(peaks.values(), default=0))


def main() -> int:
    """Check, and print the row of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--sentences", type=int, default=1_000_000, help="of the large run")
    parser.add_argument("--fewer", type=int, default=10_000, help="sentences of the small run")
    parser.add_argument("--most", type=float, default=1.1, help="how many times the small run's peak is allowed")
    options = parser.parse_args()
    return tell(check_memory(options.model, sentences=options.sentences, fewer=options.fewer, most=options.most))


if __name__ == "__main__":
    sys.exit(main())
