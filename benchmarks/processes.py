"""Whole processes: how long until the first row is written, and how much memory they take at most.

Linux and macOS only. Every process is started through a small one: Linux counts the memory of the process that starts
another towards its peak, and the benchmark itself holds torch.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from news import multiply, write_articles

_LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
first, done = None, 0
while not done:
    done, status, usage = os.wait4(child.pid, 0 if first else os.WNOHANG)
    if first is None and os.path.exists(sys.argv[1]):
        first = time.perf_counter() - started
    time.sleep(0.002)
peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"exit": os.waitstatus_to_exitcode(status), "seconds": first, "peak": peak}))
"""
# One row for every line of a file, which appears when it is complete, as that of `eventroles tag` does.
_PIPELINE = """
import json, sys
from pathlib import Path
from transformers import pipeline
classify = pipeline("text-classification", model=sys.argv[1], top_k=None, device="cpu")
lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
partial = Path(sys.argv[3] + ".partial")
with partial.open("w", encoding="utf-8") as file:
    for line, scores in zip(lines, classify(lines, batch_size=32)):
        file.write(json.dumps({"text": line, "scores": scores}) + "\\n")
partial.rename(sys.argv[3])
"""


@dataclass(frozen=True)
class Process:
    """One process: seconds from its start to its rows, and the most memory it held, in bytes."""

    seconds: float
    peak: int


@dataclass(frozen=True)
class ColdStart:
    """Seconds from process start to the first row of a short file, one value a run."""

    tag: tuple[float, ...]
    pipeline: tuple[float, ...]

    @property
    def tag_median(self) -> float:
        """Of ``eventroles tag``."""
        return statistics.median(self.tag)

    @property
    def pipeline_median(self) -> float:
        """Of a script with ``transformers.pipeline``."""
        return statistics.median(self.pipeline)


@dataclass(frozen=True)
class Memory:
    """The most memory that a process held, in bytes, and what it read."""

    name: str
    documents: int
    sentences: int
    peak: int


def measure_cold_start(
    model: str, sentences: Sequence[str], folder: Path, *, runs: int, note: Callable[[str], None]
) -> ColdStart:
    """Start ``eventroles tag`` and ``transformers.pipeline`` in turns on a short file.

    The first run of each is not counted: it may have to read files from the disk.
    """
    lines = folder / "short.txt"
    lines.write_text("\n".join(sentences) + "\n", encoding="utf-8")
    ours, theirs = [], []
    for number in range(runs + 1):
        note(f"cold start, {number} of {runs}")
        ours.append(_tag(model, lines, folder).seconds)
        theirs.append(_pipeline(model, lines, folder).seconds)
    return ColdStart(tuple(ours[1:]), tuple(theirs[1:]))


def measure_memory(
    model: str, sentences: Sequence[str], folder: Path, *, documents: int, note: Callable[[str], None]
) -> list[Memory]:
    """Measure ``eventroles tag`` on 1, 10 and 100 times ``documents`` of ten sentences, and the pipeline.

    All sentences differ. The pipeline reads those of the smallest corpus.
    """
    found = []
    for factor in (1, 10, 100):
        note(f"memory, {factor} × {documents} documents")
        texts = multiply(sentences, 10 * factor * documents)
        corpus = folder / f"corpus-{factor}"
        write_articles(corpus, texts)
        peak = _tag(model, corpus, folder).peak
        found.append(Memory(f"eventroles tag, {factor} ×", factor * documents, len(texts), peak))
    note("memory, transformers.pipeline")
    lines = folder / "lines.txt"
    texts = multiply(sentences, 10 * documents)
    lines.write_text("\n".join(texts) + "\n", encoding="utf-8")
    peak = _pipeline(model, lines, folder).peak
    return [*found, Memory("transformers.pipeline, batch 32, 1 ×", documents, len(texts), peak)]


def _tag(model: str, source: Path, folder: Path) -> Process:
    output = folder / "rows.jsonl"
    words = ["-m", "eventroles", "tag", str(source), "--model", model, "--device", "cpu", "--output", str(output)]
    return start([sys.executable, *words], output)


def _pipeline(model: str, source: Path, folder: Path) -> Process:
    output = folder / "pipeline.jsonl"
    return start([sys.executable, "-c", _PIPELINE, model, str(source), str(output)], output)


def start(command: Sequence[str], output: Path) -> Process:
    """Run a command to its end and return when ``output`` was there, and the most memory it held.

    Raises:
        RuntimeError: the command fails, or writes no such file.
    """
    output.unlink(missing_ok=True)
    launcher = [sys.executable, "-c", _LAUNCHER, str(output), *command]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}  # neither is to wait for a network
    done = subprocess.run(launcher, capture_output=True, text=True, check=False, env=environment)
    found = json.loads(done.stdout) if done.returncode == 0 else {"exit": done.returncode, "seconds": None}
    if found["exit"] != 0 or found["seconds"] is None:
        raise RuntimeError(f"{' '.join(command[:4])} … gave exit code {found['exit']}:\n{done.stderr[-2000:]}")
    return Process(found["seconds"], found["peak"])
