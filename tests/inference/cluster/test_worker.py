"""A worker in this process: the part of a shard, what it refuses, and what it may no longer write."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from eventroles.inference import RunOptions, Tagger
from eventroles.inference.cluster.benches import bench, close_benches, count_attempt, is_open, move_in, open_benches
from eventroles.inference.cluster.shards import Shard, ShardDone
from eventroles.inference.cluster.worker import Job, ModelChoice, ShardWorker, read_answer
from eventroles.inference.dataset.ledger import SourceEntry
from eventroles.labels.errors import ConfigError, DataError, EventRolesError

pytestmark = pytest.mark.slow


@pytest.fixture
def job(exported_folder: Path, tmp_path: Path) -> Job:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("The convoy was raided. Two soldiers died.", encoding="utf-8")
    (tmp_path / "in" / "b.pdf").write_bytes(b"%PDF-1.4\n")
    (tmp_path / "out").mkdir()
    open_benches(tmp_path / "out")
    choice = ModelChoice(str(exported_folder), device="cpu")
    origin = Tagger.from_pretrained(exported_folder, device="cpu").origin
    # Paths as the user names them, relative to where the command was run.
    return Job(choice, origin, str(tmp_path), ("in",), "out", RunOptions(format="jsonl"), threads=1)


SHARD = Shard(4, 50, tuple((SourceEntry(name, f"in/{name}", 41, 7), 0) for name in ("a.txt", "b.pdf")))


def answer(job: Job, shard: Shard = SHARD) -> ShardDone:
    with closing(ShardWorker(job)) as worker:
        [text] = worker({"shard": [shard.as_json()]})["answer"]
    return read_answer(text)


def test_a_shard_becomes_a_part_with_its_rows_counts_inputs_and_failures(job, tmp_path):
    done = answer(job)
    rows = (tmp_path / "out" / "rows" / "part-00004.jsonl").read_text(encoding="utf-8").splitlines()
    assert ["The convoy was raided.", "Two soldiers died."] == [json.loads(row)["text"] for row in rows]
    part = done.part
    assert (4, 2, {"a.txt": 1}, 50) == (part.number, part.counts.rows, dict(part.documents), done.read)
    states = {entry.id: (entry.path, entry.state, entry.documents) for entry in part.sources.values()}
    assert {"a.txt": ("in/a.txt", "done", 1), "b.pdf": ("in/b.pdf", "failed", 0)} == states
    assert ["b.pdf"] == [failure.document for failure in part.failures]
    assert done == ShardDone.from_json(done.as_json())


def test_a_shard_made_twice_is_the_same_file_again(job, tmp_path):
    path = tmp_path / "out" / "rows" / "part-00004.jsonl"
    first = (answer(job), path.read_bytes())
    assert first == (answer(job), path.read_bytes())
    assert ["4.attempts", "open"] == sorted(path.name for path in (tmp_path / "out" / ".workers").iterdir())


def test_a_machine_that_does_not_see_the_output_or_the_inputs_says_so(job, tmp_path):
    with pytest.raises(ConfigError, match=r"elsewhere is not there on .* all machines of the cluster have"):
        answer(replace(job, output="elsewhere"))
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(ConfigError, match="articles is not there on"):
        answer(replace(job, inputs=("in", "articles")))


def test_another_model_on_a_worker_is_refused(job):
    with pytest.raises(ConfigError, match=r"in int8 on .* and 0123 in int8 where the run was started"):
        answer(replace(job, origin=replace(job.origin, revision="0123")))


def test_inputs_that_worker_after_worker_dies_of_end_the_run(job, tmp_path):
    for _ in range(5):
        count_attempt(tmp_path / "out", 4)
    with pytest.raises(EventRolesError, match=r"5 workers died at the same inputs, a\.txt to b\.pdf"):
        answer(job)


def test_a_fault_of_a_worker_comes_with_its_traceback(job, monkeypatch):
    monkeypatch.setattr(ShardWorker, "make_part", lambda *_: 1 // 0)
    with pytest.raises(RuntimeError, match=r"(?s)a worker failed on .*Traceback.*ZeroDivisionError"):
        answer(job)


def test_after_the_run_a_worker_that_lives_on_can_place_nothing(tmp_path):
    open_benches(tmp_path)
    with bench(tmp_path) as folder:
        (folder / "rows").mkdir()
        (folder / "rows" / "part").write_bytes(b"1")
        close_benches(tmp_path)
        assert not is_open(tmp_path)
        (folder / "rows").mkdir(parents=True)
        (folder / "rows" / "part").write_bytes(b"1")
        with pytest.raises(DataError, match="cannot be written"):
            move_in(folder, tmp_path, ["rows/part"])
    assert not (tmp_path / "rows").exists()
