"""What one machine and Ray make of the same archive, and what 100 million sentences would take.

Run it with ``python benchmarks/scaling.py MODEL_FOLDER [--write]``, on Linux: core counts are set by affinity. Every
run is a process of its own. Speed is taken between the parts that it writes, from when each worker has made one; what
is left of its time is start and end. Absolute numbers depend on the machine and what else it does; the ratios of one
run are what to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as parquet
from eventroles import Tagger
from eventroles.inference import RunOptions, split_sentences
from eventroles.labels.errors import EventRolesError
from machine import Machine, describe_machine
from news import multiply, sample_news, write_articles

_PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
_BEGIN, _END = "<!-- scaling.py: begin -->", "<!-- scaling.py: end -->"
_PROC = Path("/proc")
_SAMPLE = 2000  # different sentences; beyond them a number changes
_FILES = 8  # of the archive, for each core
_GOAL = 100_000_000  # sentences of the plan
_CLUSTERS = (8, 64, 512)  # cores
_POLL = 0.1  # seconds between two looks at memory


@dataclass(frozen=True)
class Archive:
    """Files of documents to tag.

    Attributes:
        folder: where they are.
        sentences: in all.
        characters: of their texts.
        part_size: in bytes, so that every file is one part.
    """

    folder: Path
    sentences: int
    characters: int
    part_size: int


@dataclass(frozen=True)
class Run:
    """One process.

    Attributes:
        speed: sentences a second once it runs.
        around: seconds that it took beside: start and end.
        worker_memory: bytes that a worker held at most, with its reader; 0 for a local run.
        row: bytes of a row in Parquet.
    """

    speed: float
    around: float
    worker_memory: int
    row: float


@dataclass(frozen=True)
class Found:
    """What one way to run came to: ``local`` or ``ray`` on so many cores, and the medians of its runs."""

    engine: str
    cores: int
    run: Run


def main() -> None:
    """Measure, print, and write the tables into the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a trained model folder with its ONNX exports")
    parser.add_argument("--sentences", type=int, default=15_000, help="of the archive, for each core")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--price", type=float, default=0.04, help="of a core hour in dollars, an assumption")
    parser.add_argument("--write", nargs="?", type=Path, const=_PAGE, metavar="PAGE", help="by default docs/scale.md")
    arguments = parser.parse_args()
    machine = describe_machine()
    try:
        tagger = Tagger.from_pretrained(arguments.model, device="cpu")
    except EventRolesError as error:
        sys.exit(str(error))
    texts = sample_news(tagger.encoder, _SAMPLE).texts
    with tempfile.TemporaryDirectory() as folder:
        archive = write_archive(Path(folder), texts, cores=machine.cores, sentences=arguments.sentences)
        found = list(measure(arguments.model, archive, Path(folder), cores=machine.cores, rounds=arguments.rounds))
    text = f"{describe(machine, archive, arguments.rounds)}\n\n{tables(found, archive, price=arguments.price)}"
    print(text)
    if arguments.write:
        write(arguments.write, text)


def write_archive(folder: Path, texts: Sequence[str], *, cores: int, sentences: int) -> Archive:
    """Write an archive of JSON Lines, eight files for each core."""
    count = _FILES * cores
    articles = write_articles(folder / "articles", multiply(texts, max(10 * count, sentences * cores)))
    each = len(articles) // count  # documents of a file
    (folder / "archive").mkdir()
    sizes = []
    for number in range(count):
        some = articles[number * each : (number + 1) * each]
        path = folder / "archive" / f"{number:04}.jsonl"
        lines = (json.dumps({"id": f"{number}-{index}", "text": text}) for index, text in enumerate(some))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        sizes.append(path.stat().st_size)
    used = articles[: count * each]
    tagged = sum(len(split_sentences(text)) for text in used)
    return Archive(folder / "archive", tagged, sum(map(len, used)), max(1, min(sizes) // 2))


def measure(model: str, archive: Archive, folder: Path, *, cores: int, rounds: int) -> Iterator[Found]:
    """Run each engine on each number of cores, in turns, and yield what each came to."""
    ways = [(engine, used) for used in sorted({1, 2, 4, 8, 16, cores}) if used <= cores for engine in ("local", "ray")]
    runs: dict[tuple[str, int], list[Run]] = {way: [] for way in ways}
    for number in range(rounds):
        for engine, used in ways:
            print(f"round {number + 1} of {rounds}: {engine}, {used} cores", file=sys.stderr)
            runs[engine, used].append(tag(model, archive, folder / "out", engine=engine, cores=used))
    for (engine, used), made in runs.items():
        yield Found(
            engine,
            used,
            Run(
                speed=statistics.median(run.speed for run in made),
                around=statistics.median(run.around for run in made),
                worker_memory=max(run.worker_memory for run in made),
                row=made[0].row,
            ),
        )


def tag(model: str, archive: Archive, output: Path, *, engine: str, cores: int) -> Run:
    """Run ``eventroles tag`` on some cores of this machine into a new folder.

    Raises:
        RuntimeError: it fails.
    """
    shutil.rmtree(output, ignore_errors=True)
    words = ["tag", str(archive.folder), "--model", model, "--output", str(output), "--device", "cpu", "--quiet"]
    # Every file a part, so that there are as many for each worker, whatever the size of the archive.
    words += ["--part-size", str(archive.part_size), "--engine", engine]
    allowed = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
    started, memory = time.time(), 0
    process = subprocess.Popen(
        ["taskset", "--cpu-list", allowed, sys.executable, "-m", "eventroles", *words],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    while process.poll() is None:
        memory = max(memory, worker_memory(process.pid))
        time.sleep(_POLL)
    seconds = time.time() - started
    if process.returncode:
        raise RuntimeError(f"eventroles {' '.join(words)} gave exit code {process.returncode}")
    status = {path: path.stat() for path in (output / "rows").iterdir()}
    parts = sorted(status, key=lambda path: status[path].st_mtime_ns)
    rows = [parquet.read_metadata(path).num_rows for path in parts]
    between = (status[parts[-1]].st_mtime_ns - status[parts[cores - 1]].st_mtime_ns) / 1e9
    speed = sum(rows[cores:]) / between
    written = sum(one.st_size for one in status.values())
    return Run(speed, max(0.0, seconds - sum(rows) / speed), memory, written / sum(rows))


def worker_memory(command: int) -> int:
    """Return the most that a Ray worker below a process has held so far, with what it started, in bytes."""
    parents = {int(path.name): _field(path / "status", "PPid") for path in _PROC.iterdir() if path.name.isdigit()}
    peaks = [0]
    for pid in _below(command, parents):
        try:
            name = (_PROC / str(pid) / "cmdline").read_bytes()
        except OSError:  # gone since
            continue
        if name.startswith(b"ray::MapWorker"):
            peaks.append(sum(_field(_PROC / str(one) / "status", "VmHWM") for one in (pid, *_below(pid, parents))))
    return max(peaks) * 1024


def _below(ancestor: int, parents: dict[int, int]) -> set[int]:
    found: set[int] = set()
    new = {ancestor}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def _field(status: Path, name: str) -> int:
    try:
        found = re.search(rf"^{name}:\s*(\d+)", status.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def describe(machine: Machine, archive: Archive, rounds: int) -> str:
    """Say on what was measured."""
    return _wrap(
        f"Measured on {machine.date}: {machine.processor}, {machine.cores} usable cores "
        f"({', '.join(machine.instructions)}), {machine.system}, load average {machine.load:.1f} at the start. "
        f"{archive.sentences:,} sentences, median of {rounds} round{'s' * (rounds > 1)}. eventroles "
        f"{machine.versions['eventroles']}, onnxruntime {machine.versions['onnxruntime']}."
        + (" **Too small a run to rely on.**" if archive.sentences < 10_000 * machine.cores or rounds < 3 else "")
    )


def tables(found: Sequence[Found], archive: Archive, *, price: float) -> str:
    """Return what was found, and the plan that follows from it, as Markdown."""
    one = {way.engine: way.run for way in found if way.cores == 1}
    lines = [
        "| engine | cores | sentences/s | to the local engine | to one core | start and end, s | memory of a worker |"
    ]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for way in found:
        run = way.run
        beside = next(other.run for other in found if (other.engine, other.cores) == ("local", way.cores))
        memory = f"{run.worker_memory / 1e6:,.0f} MB" if run.worker_memory else "–"
        lines.append(
            f"| {way.engine} | {way.cores} | {run.speed:,.0f} | {run.speed / beside.speed:.2f} × "
            f"| {run.speed / one[way.engine].speed:.2f} × | {run.around:.1f} | {memory} |"
        )
    widest = max((way for way in found if way.engine == "ray"), key=lambda way: way.cores)
    per_core = widest.run.speed / widest.cores
    hours = _GOAL / per_core / 3600
    parts = _GOAL * archive.characters / archive.sentences / RunOptions().part_size
    memory = max(way.run.worker_memory for way in found)
    lines += [
        "",
        _wrap(
            f"{_GOAL:,} sentences at {per_core:,.0f} sentences a second and core, which is what Ray reaches on "
            f"{widest.cores} core{'s' * (widest.cores > 1)}: **{hours:,.0f} core hours**. Assumed, not measured: that "
            f"more machines do as well for each core, and that a core hour costs ${price:g}, which gives "
            f"**${hours * price:,.2f}**. The rows take {_GOAL * widest.run.row / 1e9:,.1f} GB of disk in Parquet "
            f"({widest.run.row:,.0f} bytes a row), in about {parts:,.0f} parts."
        ),
        "",
        "| cores | hours | memory of all workers | cost |",
        "| ---: | ---: | ---: | ---: |",
        *(
            f"| {cores} | {hours / cores + widest.run.around / 3600:,.1f} | {cores * memory / 1e9:,.0f} GB "
            f"| ${hours * price:,.2f} |"
            for cores in _CLUSTERS
        ),
    ]
    return "\n".join(lines)


def write(page: Path, text: str) -> None:
    """Put the tables into the page, between its two marks.

    Raises:
        ValueError: the page has no such marks.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{page} has no {_BEGIN} … {_END}")
    page.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}", encoding="utf-8")


def _wrap(paragraph: str) -> str:
    return textwrap.fill(paragraph, 120, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    main()
