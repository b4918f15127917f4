"""Runs on Ray beside runs here: the same rows whatever happens to workers, and runs that go on in the other place."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eventroles.cli import app
from eventroles.inference import RunOptions, Tagger
from eventroles.inference.cluster.driver import check_cluster, connected, run_on_ray
from eventroles.inference.cluster.worker import ModelChoice
from eventroles.inference.outcome import RunSummary
from eventroles.labels.errors import ConfigError, DataError, EventRolesError
from reliability.processes import descendants, name_of
from typer.testing import CliRunner

pytestmark = pytest.mark.slow
OPTIONS = RunOptions(format="jsonl", part_size=3000, keep_text=True)


def text(number: int, sentences: int = 12) -> str:
    """Invented sentences in words that the tiny model knows."""
    return " ".join(f"The convoy number {number} was raided at bridge {index}." for index in range(sentences))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(12):
        (folder / f"{number:02}.txt").write_text(text(number), encoding="utf-8")
    lines = [json.dumps({"id": f"row-{number}", "text": text(number + 20)}) for number in range(30)]
    (folder / "wire.jsonl").write_text("\n".join([*lines, '{"text": 5}']) + "\n", encoding="utf-8")
    with zipfile.ZipFile(folder / "year.zip", "w") as archive:
        for number in range(8):
            archive.writestr(f"{number}.txt", text(number + 60))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing")
    (folder / "empty.txt").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def tagger(exported_folder: Path) -> Tagger:
    return Tagger.from_pretrained(exported_folder, device="cpu")


@pytest.fixture(scope="module")
def local(tagger: Tagger, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on this machine writes."""
    output = tmp_path_factory.mktemp("local") / "out"
    tagger.tag_folder(corpus, output, OPTIONS)
    return output


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    """Two workers; runs of these tests find them there."""
    with connected(None, 2, on_gpu=False):
        yield


def tag_on_ray(tagger: Tagger, corpus: Path, output: Path, **more) -> RunSummary:
    choice = ModelChoice(tagger.bundle.name, device="cpu")
    arguments = {"output": output, "origin": tagger.origin, "options": OPTIONS, "workers": 2, **more}
    return run_on_ray(choice, [corpus], **arguments)


def contents(output: Path) -> dict[str, list[str]]:
    """Return the rows, texts and failures, each sorted: their order is the only thing that may differ."""
    files = {name: sorted((output / name).iterdir()) for name in ("rows", "text")}
    files["failures"] = [output / "failures.jsonl"]
    return {
        name: sorted(line for path in paths for line in path.read_text(encoding="utf-8").splitlines())
        for name, paths in files.items()
    }


def test_two_workers_write_the_rows_texts_and_failures_of_a_run_here(ray, tagger, corpus, local, tmp_path):
    summary = tag_on_ray(tagger, corpus, tmp_path / "out")
    assert contents(local) == contents(tmp_path / "out")
    assert (50, 600, 3, True) == (summary.documents, summary.sentences, summary.failed, summary.is_complete)
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["provenance"]["engine"].endswith("on cpu on ray, 2 workers")
    assert [".lock"] == [path.name for path in (tmp_path / "out").glob(".*")]


def test_killed_workers_cost_no_row_and_double_none(ray, tagger, corpus, local, tmp_path):
    output = tmp_path / "out"
    killed: list[int] = []

    def kill_once(*_: object) -> None:
        if not killed:
            killed.extend(pid for pid in descendants(os.getpid()) if name_of(pid).startswith("ray::MapWorker"))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    folder = tmp_path / "corpus"
    folder.mkdir()
    for path in corpus.iterdir():
        (folder / path.name).symlink_to(path)
    # The largest comes first and takes a second: its worker is at work when the other one has made a part.
    (folder / "long.txt").write_text(" ".join(text(number) for number in range(3000)), encoding="utf-8")
    tagger.tag_folder(folder, tmp_path / "here", OPTIONS)
    tag_on_ray(tagger, folder, output, on_progress=kill_once)
    assert contents(tmp_path / "here") == contents(output)
    assert 2 == len(killed)


def test_a_run_stopped_here_is_finished_on_ray_and_one_stopped_there_here(ray, tagger, corpus, local, tmp_path):
    first = tagger.tag_folder(corpus, tmp_path / "out", OPTIONS, stop=lambda: True)
    assert not first.is_complete
    stopped = tag_on_ray(tagger, corpus, tmp_path / "out", stop=lambda: True)
    assert not stopped.is_complete
    assert first.sentences < stopped.sentences < 600
    second = tag_on_ray(tagger, corpus, tmp_path / "out")
    assert second.is_complete
    assert contents(local) == contents(tmp_path / "out")
    stopped = tag_on_ray(tagger, corpus, tmp_path / "other", stop=lambda: True)
    assert tagger.tag_folder(corpus, tmp_path / "other", OPTIONS).is_complete
    assert contents(local) == contents(tmp_path / "other")


def test_what_stops_every_worker_ends_the_run_with_its_message(ray, tagger, corpus, tmp_path):
    other = replace(tagger.origin, precision="fp64")
    with pytest.raises(ConfigError, match="in fp64 where the run was started"):
        tag_on_ray(tagger, corpus, tmp_path / "a", origin=other)
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        tag_on_ray(tagger, corpus, tmp_path / "b", on_progress=lambda *_: lock_out(tmp_path / "b"))


def lock_out(output: Path) -> None:
    """Put a file where the folder of rows was."""
    if (output / "rows").is_dir():
        (output / "rows").rename(output / "away")
        (output / "rows").write_bytes(b"")


def test_one_file_as_output_is_refused(corpus, tmp_path):
    with pytest.raises(ConfigError, match="needs a dataset folder; name an --output without extension"):
        check_cluster([corpus], output=tmp_path / "rows.jsonl", options=RunOptions())


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--workers", "2"], "--workers needs --engine ray"),
        (["--ray-address", "auto"], "--ray-address needs --engine ray"),
        (["--engine", "ray", "--show", "3"], "--show needs --engine local"),
        (["--engine", "ray", "--ray-address", "ray://head:10001"], "does not work through Ray's client"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_a_model_is_loaded(corpus, tmp_path, words, reason):
    arguments = ["tag", str(corpus), "--model", "none", "--output", str(tmp_path / "out"), *words]
    assert reason in str(CliRunner().invoke(app, arguments).exception)


def test_without_ray_the_install_line_is_named(corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(EventRolesError, match=r"pip install 'eventroles\[ray\]'"):
        check_cluster([corpus], output=tmp_path / "out", options=RunOptions())


def test_an_address_without_a_cluster_is_told(monkeypatch):
    import ray

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at 127.0.0.1:1\nmore")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(ConfigError, match="no Ray cluster at here: Failed"), connected("here", 1, on_gpu=False):
        pass


def test_an_address_where_nobody_listens_is_told_at_once(monkeypatch):
    import ray

    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(ray, "is_initialized", lambda: False)
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match="refused"), connected(address, 1, on_gpu=False):
            pass
