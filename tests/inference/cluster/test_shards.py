"""Cutting what is to be done into shards."""

from __future__ import annotations

from pathlib import Path

import pytest
from eventroles.inference.cluster.shards import Shard, cut_shards
from eventroles.inference.dataset.folder import Dataset
from eventroles.inference.dataset.ledger import Part, SourceEntry
from eventroles.inference.dataset.parts import Layout
from eventroles.inference.dataset.storage import open_storage
from eventroles.inference.documents import Found, Source
from eventroles.inference.rows import Table


def shards(folder: Path, sizes: dict[str, int], *, size: int, done: Part | None = None) -> list[Shard]:
    for name, length in sizes.items():
        (folder / name).write_bytes(b"x" * length)
    layout = Layout(open_storage(folder / "out"), Table(("a",), "m", "r", clusters=False), "jsonl", keep_text=False)
    with Dataset(layout, {}) as dataset:
        sources = [Source(folder / name, name) for name in sizes]
        dataset.plan(Found(iter(sources), ()), retry_failed=False)
        if done is not None:
            dataset.enter(done)
            dataset.plan(Found(iter(sources), ()), retry_failed=False)
        return list(cut_shards(dataset, size=size))


def ids(found: list[Shard]) -> list[list[str]]:
    return [[entry.id for entry, _ in shard.inputs] for shard in found]


def test_inputs_are_put_together_up_to_the_size_and_a_larger_one_stands_alone(tmp_path):
    found = shards(tmp_path, {"a": 4, "b": 6, "c": 1, "d": 30, "e": 2, "f": 0}, size=10)
    assert [["a", "b"], ["c"], ["d"], ["e", "f"]] == ids(found)
    assert [(0, 10), (1, 1), (2, 30), (3, 2)] == [(shard.number, shard.size) for shard in found]


def test_no_shard_has_more_than_a_thousand_inputs(tmp_path):
    found = shards(tmp_path, {f"{number:04}": 1 for number in range(1001)}, size=10**6)
    assert [1000, 1] == [len(shard.inputs) for shard in found]


@pytest.mark.parametrize("name", ["a", "half\udcff"])
def test_a_shard_comes_through_json_as_it_was(name):
    shard = Shard(3, 9, ((SourceEntry(name, f"/in/{name}", 9, 1, items=2, documents=1), 2),))
    assert shard == Shard.from_json(shard.as_json())


def test_nothing_to_do_gives_no_shard(tmp_path):
    assert [] == shards(tmp_path, {}, size=10)
