"""`eventroles tag` on archives, as a user runs it: resuming, signals, pipes, what it prints for programs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import FILLER, WORDS

ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "160"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "eventroles", "tag", *map(str, arguments)]


def tag(*arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=120, env=ENVIRONMENT, input=stdin
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.*"))
        if path.is_file() and path.suffix in (".jsonl", ".parquet")
    }


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(120):
        words = [FILLER[number % 12], WORDS["attack"][number % 4], FILLER[(number * 5) % 12], str(number % 40)]
        (folder / f"{number:03}.txt").write_text(" ".join(words) + ". " + " ".join(reversed(words)) + ".")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_a_part_and_the_same_command_goes_on(
    exported_folder: Path, archive: Path, tmp_path: Path, number: signal.Signals
) -> None:
    options = [archive, "--model", exported_folder, "--format", "jsonl", "--part-size", 500]
    assert tag(*options, "--output", tmp_path / "whole").returncode == 0
    output, listing = tmp_path / "tags", tmp_path / "stopped.txt"
    with listing.open("w") as errors:
        process = subprocess.Popen(command(*options, "--output", output), env=ENVIRONMENT, stderr=errors, stdout=errors)
        deadline = time.monotonic() + 60
        while not (output / "manifest.sqlite").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(number)
        code = process.wait(timeout=60)
    said = listing.read_text()
    assert code == 1, said
    assert "finishing the part under way" in said
    assert "run the same command again to go on" in said
    assert 0 < len(files(output)) < len(files(tmp_path / "whole"))
    done = tag(*options, "--output", output)
    assert done.returncode == 0, done.stderr
    assert "by earlier runs" in done.stdout
    assert files(tmp_path / "whole") == files(output)


def test_rows_go_through_a_pipe_and_nothing_else_does(exported_folder: Path) -> None:
    lines = '{"id": "one", "text": "The town was shelled. Ten were killed."}\n{"id": "two", "text": "The river."}\n'
    done = tag("-", "--model", exported_folder, "--output", "-", stdin=lines)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["one", "one", "two"] == [row["document"] for row in rows]
    assert "2 documents, 3 sentences" in done.stderr


def test_a_line_is_answered_before_the_next_one_comes(exported_folder: Path) -> None:
    process = subprocess.Popen(
        command("-", "--model", exported_folder, "--output", "-", "--quiet"),
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(f'{{"id": "{number}", "text": "The town was shelled."}}\n')
            process.stdin.flush()
            assert str(number) == json.loads(process.stdout.readline())["document"]
        process.stdin.close()
    assert process.returncode == 0


def test_a_program_reads_progress_and_result_as_json(exported_folder: Path, archive: Path, tmp_path: Path) -> None:
    (archive / "bad.txt").write_bytes(b"\0")
    (archive / "photo.png").write_bytes(b"x")
    done = tag(archive, "--model", exported_folder, "--output", tmp_path / "tags", "--log-format", "json")
    assert (done.returncode, done.stdout) == (3, "")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [("failure", "bad.txt")] == [(event["event"], event["document"]) for event in events[:-1]]
    assert ("finished", 120, 240, 1, {".png": 1}) == tuple(
        events[-1][name] for name in ("event", "documents", "sentences", "failures", "passed_over")
    )


def test_quiet_says_nothing_unless_something_is_wrong(exported_folder: Path, archive: Path, tmp_path: Path) -> None:
    done = tag(archive, "--model", exported_folder, "--output", tmp_path / "tags", "--quiet")
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    wrong = tag(archive, "--model", exported_folder, "--output", tmp_path / "tags", "--quiet", "--keep-text")
    assert (2, "") == (wrong.returncode, wrong.stdout)
    assert "keep_text was not set there and is true now" in wrong.stderr


def test_the_summary_names_what_was_passed_over_and_what_is_gone(
    exported_folder: Path, archive: Path, tmp_path: Path
) -> None:
    (archive / "photo.png").write_bytes(b"x")
    options = [archive, "--model", exported_folder, "--output", tmp_path / "tags"]
    assert "passed over, of no kind that can be read: 1 .png" in tag(*options).stderr
    (archive / "007.txt").unlink()
    done = tag(*options)
    assert "inputs of earlier runs that are gone, and whose rows stay: 1" in done.stderr
    assert "120 documents, 240 sentences, 240 of them by earlier runs" in done.stdout


def test_a_moved_archive_is_another_one(exported_folder: Path, archive: Path, tmp_path: Path) -> None:
    assert tag(archive, "--model", exported_folder, "--output", tmp_path / "tags").returncode == 0
    shutil.move(archive, tmp_path / "moved")
    done = tag(tmp_path / "moved", "--model", exported_folder, "--output", tmp_path / "tags")
    assert done.returncode == 2
    assert "inputs was" in done.stderr
