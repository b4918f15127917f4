"""Cross-validation: every sentence held out once, results kept and the same again, what it finds and refuses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import make_rows, write_jsonl
from eventroles import Tagger
from eventroles.configs import load_config
from eventroles.labels import ConfigError, DataError, LabelSet
from eventroles.labels.records import read_records
from eventroles.training.crossvalidate import CrossValidation, crossvalidate
from eventroles.training.series import Step

ROLES = LabelSet.load("roles")
QUICK = ["training.epochs=2", "training.early_stopping_patience=null"]
Run = Callable[..., CrossValidation]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine the threads of a tiny model wait for each other far longer than they work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """144 sentences in 24 documents."""
    return make_rows()


@pytest.fixture(scope="module")
def run(settings: list[str], rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Cross-validate the tiny model on the rows, into a folder."""
    data = write_jsonl(tmp_path_factory.mktemp("rows") / "rows.jsonl", rows)

    def crossvalidate_tiny(folder: Path, *more: str, **options: Any) -> CrossValidation:
        config = load_config("smoke", [*settings, f"data.train={data}", *QUICK, *more])
        return crossvalidate(config, folder=folder, **({"folds": 3, "seeds": 1} | options))

    return crossvalidate_tiny


@pytest.fixture(scope="module")
def found(run: Run, tmp_path_factory: pytest.TempPathFactory) -> CrossValidation:
    """Two folds, two seeds."""
    return run(tmp_path_factory.mktemp("runs") / "cv", folds=2, seeds=2)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_numbers_hang_together(found: CrossValidation) -> None:
    assert (144, 24, 144) == (found.sentences, found.documents, sum(found.held_out))
    assert set(ROLES.names) == set(found.model.labels) == set(found.baseline.labels)
    means = [found.model.labels[name].mean for name in ROLES.roles]
    assert sum(means) / len(means) == pytest.approx(found.model.macro_f1.mean, abs=1e-9)
    assert 0 <= found.model.macro_f1.seeds < 1
    assert math.isnan(found.baseline.macro_f1.seeds)
    assert found.model.macro_f1.mean == pytest.approx(found.pooled.macro_f1.value, abs=0.1)
    assert found.pooled.macro_f1.low < found.pooled.macro_f1.value < found.pooled.macro_f1.high
    attacks = sum("attack" in record.roles for record in read_records(found.folder / "out_of_fold.jsonl", ROLES))
    assert (attacks, 144) == (found.pooled.labels["attack"].support, found.pooled.sentences)


def test_every_sentence_is_kept_with_its_fold_and_what_models_say_that_have_not_seen_it(
    found: CrossValidation, rows: list[dict[str, Any]]
) -> None:
    kept = read_records(found.folder / "out_of_fold.jsonl", ROLES)
    assert [row["text"] for row in rows] == [record.text for record in kept]
    assert {1, 2} == {record.extra["fold"] for record in kept}
    assert all(list(ROLES.names) == list(record.extra["logits"]) for record in kept)
    folds: dict[str, set[int]] = {}
    for record in kept:
        folds.setdefault(record.document, set()).add(record.extra["fold"])
    assert all(1 == len(some) for some in folds.values())


def test_candidates_for_label_errors_are_written_with_their_place(found: CrossValidation) -> None:
    written = [json.loads(line) for line in (found.folder / "label_errors.jsonl").read_text("utf-8").splitlines()]
    assert written
    assert [error.place for error in found.label_errors] == [row["place"] for row in written]
    assert all(("rows.jsonl:" in row["place"]) for row in written)
    assert all({row["label"]} == set(row["roles"]) ^ set(row["suggested"]) for row in written)
    assert all((row["change"] == "remove") == (row["label"] in row["roles"]) for row in written)


def test_the_result_is_plain_json_and_no_model_is_left(found: CrossValidation) -> None:
    written = json.loads((found.folder / "crossvalidation.json").read_text(encoding="utf-8"))
    assert found.to_dict() == written
    assert list(ROLES.names) == written["labels"]
    names = {path.name for path in found.folder.iterdir()}
    assert {"plan.json", "runs", "crossvalidation.json", "out_of_fold.jsonl", "label_errors.jsonl"} == names
    assert 6 == len(list((found.folder / "runs").iterdir()))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_files_and_resume_trains_nothing_again(run: Run, tmp_path: Path) -> None:
    steps: list[Step] = []

    def interrupt(step: Step) -> None:
        steps.append(step)
        if step.done == 2:
            raise KeyboardInterrupt

    run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", on_step=interrupt)
    assert not (tmp_path / "cut" / "crossvalidation.json").exists()
    with pytest.raises(ConfigError, match=r"holds results already.*--resume"):
        run(tmp_path / "cut")
    before = files(tmp_path / "cut" / "runs")
    steps.clear()
    run(tmp_path / "cut", resume=True, on_step=lambda step: steps.append(step))
    assert [(2, 3, "fold 3 of 3, seed 1 of 1")] == [(step.done, step.total, step.name) for step in steps]
    assert before.items() <= files(tmp_path / "cut" / "runs").items()
    assert files(tmp_path / "whole") == files(tmp_path / "cut")
    steps.clear()
    run(tmp_path / "cut", resume=True, on_step=lambda step: steps.append(step))
    assert [] == steps
    with pytest.raises(ConfigError, match=r"of another config; give the same"):
        run(tmp_path / "cut", "training.learning_rate=1e-4", resume=True)
    with pytest.raises(ConfigError, match=r"of another number of folds"):
        run(tmp_path / "cut", folds=2, resume=True)


@pytest.mark.slow
def test_models_that_are_kept_can_tag(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "cv", "training.epochs=1", folds=2, keep_models=True)
    models = sorted(path.name for path in (tmp_path / "cv" / "models").iterdir())
    assert ["fold-1-seed-13", "fold-2-seed-13"] == models
    tagger = Tagger.from_pretrained(tmp_path / "cv" / "models" / models[0], device="cpu")
    assert 1 == len(list(tagger.tag_sentences(["soldiers bombed the town"])))


def test_too_few_groups_are_refused_before_anything_is_trained(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"only 24 different values of 'document' .* too few for 30 folds: take 24"):
        run(tmp_path / "cv", folds=30)
    with pytest.raises(ConfigError, match="folds: expected 2 or more, found 1"):
        run(tmp_path / "cv", folds=1)
    with pytest.raises(ConfigError, match=r"fold 1 of 3 has no validation sentences.*change split\.validation"):
        run(tmp_path / "cv", "split.validation=0")
    assert not (tmp_path / "cv").exists()


def test_a_label_that_stands_in_one_fold_only_is_named(run: Run, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    rare = [
        {**row, "roles": [role for role in row["roles"] if role != "retaliation" or row["document"] == "doc-1"]}
        for row in rows
    ]
    rare[6]["roles"] = ["retaliation"]
    data = write_jsonl(tmp_path / "rare.jsonl", rare)
    with pytest.raises(DataError, match=r"without fold \d: label 'retaliation' is never given"):
        run(tmp_path / "cv", f"data.train={data}")


@pytest.mark.slow
def test_sentences_that_stand_in_two_folds_are_refused_or_reported(
    run: Run, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    twice = {**rows[0], "document": "copy", "index": 0}
    data = write_jsonl(tmp_path / "rows.jsonl", [*rows, *({**twice, "document": f"copy-{k}"} for k in range(9))])
    with pytest.raises(ConfigError, match=r"leakage: \d+ of 153 .*rows\.jsonl:1.*split\.group=story"):
        run(tmp_path / "cv", f"data.train={data}")
    result = run(tmp_path / "cv", f"data.train={data}", "leakage=report", "training.epochs=1", folds=2)
    assert result.shared >= 10
    assert any("too good by that" in warning for warning in result.warnings)
    assert 0 == run(tmp_path / "story", f"data.train={data}", "split.group=story", "training.epochs=1", folds=2).shared
