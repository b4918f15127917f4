"""The real `eventroles tag` as a process, and what it leaves in its output folder."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reliability.processes import MARK

SOME_FAILED = 3  # exit code of a run that is done, but lost documents
_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Done:
    """A process that ended: its exit code, what it wrote to standard error, and how long it took in seconds."""

    code: int
    errors: str
    seconds: float


def tag_command(source: Path, model: str, output: Path, *options: str) -> list[str]:
    """Return the words of the command, with rows as JSON Lines unless ``options`` say otherwise."""
    start = [sys.executable, "-m", "eventroles", "tag", str(source), "--model", model, "--output", str(output)]
    form = () if "--format" in options else ("--format", "jsonl")
    return [*start, "--device", "cpu", *form, *options]


def run_command(command: list[str], *, timeout: float = 3600) -> Done:
    """Run a command to its end.

    Raises:
        subprocess.TimeoutExpired: it hangs.
    """
    started = time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **_ENVIRONMENT},
    )
    errors = done.stderr.decode("utf-8", "replace") + done.stdout.decode("utf-8", "replace")
    return Done(done.returncode, errors, time.perf_counter() - started)


def start_command(command: list[str], *, mark: str, errors: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a command with a mark in its environment, by which it and all that it starts can be found.

    Args:
        command: its words.
        mark: unlike that of any other.
        errors: a file for what it writes to standard error; nowhere if None.
    """
    with Path(errors or os.devnull).open("wb") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            env={**os.environ, **_ENVIRONMENT, MARK: mark},
        )


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the objects of all JSON Lines files in a folder, in the order of their names."""
    files = sorted(folder.glob("*.jsonl"))
    return [row for file in files for row in read_lines(file)]


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON Lines file; none if it is not there, as where nothing failed."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def digest_output(output: Path) -> dict[str, str]:
    """Return the SHA-256 of all that must be the same after every run: the rows, the texts, the ledger."""
    files = [*(output / "rows").glob("*"), *(output / "text").glob("*"), output / "failures.jsonl"]
    return {
        file.relative_to(output).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files)
        if file.exists()
    }
