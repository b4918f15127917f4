"""Learning curves: nested shares, kept results, what they say, and what is refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import make_rows, write_jsonl
from eventroles.configs import load_config
from eventroles.labels import ConfigError, LabelSet, Record
from eventroles.training.learning_curve import LearningCurve, grow, learning_curve
from eventroles.training.report_runs import learning_curve_table, outlook_lines
from eventroles.training.series import Step
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

ROLES = LabelSet.load("roles")
Run = Callable[..., LearningCurve]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine the threads of a tiny model wait for each other far longer than they work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def run(settings: list[str]) -> Run:
    """Draw the learning curve of the tiny model into a folder."""

    def run_tiny(folder: Path, *more: str, **options: Any) -> LearningCurve:
        config = load_config("smoke", [*settings, "training.epochs=1", *more])
        return learning_curve(config, folder=folder, **({"shares": [0.5, 1.0], "seeds": 2} | options))

    return run_tiny


@given(st.lists(st.integers(1, 5), min_size=20, max_size=40), st.integers(0, 3))
@hypothesis_settings(max_examples=30)
def test_shares_grow_by_whole_documents_and_hold_the_smaller_ones(sizes: list[int], seed: int) -> None:
    records = [
        Record(f"d{document}", index, f"text {document} {index}", ("attack",) if index % 2 else ())
        for document, size in enumerate(sizes)
        for index in range(size)
    ]
    parts = grow(records, shares=[0.2, 0.5, 1.0], group="document", seed=seed)
    for smaller, larger in itertools.pairwise(parts):
        assert set(map(id, smaller)) <= set(map(id, larger))
    for part in parts:
        inside = {record.document for record in part}
        assert all((record.document in inside) == (record in part) for record in records)
    assert 0.2 * len(records) == pytest.approx(len(parts[0]), abs=max(sizes) + 1)
    assert len(records) == len(parts[2])


@pytest.mark.slow
def test_a_curve_is_drawn_kept_and_gone_on_with(run: Run, tmp_path: Path) -> None:
    steps: list[Step] = []

    def interrupt(step: Step) -> None:
        steps.append(step)
        if step.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "curve", on_step=interrupt)
    assert ["50% of the sentences, seed 1 of 2", "50% of the sentences, seed 2 of 2"] == [s.name for s in steps[:2]]
    kept = {path.name: path.read_bytes() for path in (tmp_path / "curve" / "runs").iterdir()}
    assert {"share-0.5-seed-13.json", "share-0.5-seed-14.json", "share-1-seed-13.json"} == set(kept)
    steps.clear()
    found = run(tmp_path / "curve", resume=True, on_step=steps.append)
    assert [(3, 4)] == [(step.done, step.total) for step in steps]
    assert all(content == (tmp_path / "curve" / "runs" / name).read_bytes() for name, content in kept.items())
    written = json.loads((tmp_path / "curve" / "learning_curve.json").read_text(encoding="utf-8"))
    assert found.to_dict() == written
    assert {"plan.json", "runs", "learning_curve.json"} == {path.name for path in (tmp_path / "curve").iterdir()}
    half, whole = found.points
    assert half.sentences < whole.sentences
    assert all(half.with_label[name] <= whole.with_label[name] for name in ROLES.roles)
    assert 2 == len(half.macro_f1.seeds)
    assert half.macro_f1.mean == pytest.approx(sum(half.macro_f1.seeds) / 2)
    assert [*ROLES.names, "macro F1"] == list(found.outlooks)
    assert 3 + len(found.points[0].f1) == len(learning_curve_table(found).columns)
    lines = outlook_lines(found)
    assert len(ROLES.names) + 2 == len(lines)
    assert "need" in lines[-1]
    with pytest.raises(ConfigError, match="of another shares"):
        run(tmp_path / "curve", resume=True, shares=[0.6, 1.0])


def test_shares_that_are_none_are_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"above 0 and up to 1, found 0, 1\.5"):
        run(tmp_path / "curve", shares=[0, 1.5, 1])
    with pytest.raises(ConfigError, match="two different ones or more"):
        run(tmp_path / "curve", shares=[0.5, 0.5])
    assert not (tmp_path / "curve").exists()


def test_a_share_without_a_label_is_refused_with_one_that_will_do(run: Run, tmp_path: Path) -> None:
    rows = make_rows()
    for row in rows:
        rare = row["index"] == 0 and row["document"] in ("doc-1", "doc-5", "doc-9", "doc-13", "doc-17")
        row["roles"] = ["retaliation"] if rare else [role for role in row["roles"] if role != "retaliation"]
    data = write_jsonl(tmp_path / "rows.jsonl", rows)
    with pytest.raises(ConfigError, match=r"label 'retaliation' is never given .*; begin with 0\.\d+, or label more"):
        run(tmp_path / "curve", f"data.train={data}", shares=[0.02, 0.05, 0.9, 1.0])
