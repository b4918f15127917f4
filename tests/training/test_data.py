"""From a config's data to split records, contexts, targets and tokenised datasets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import make_rows, write_jsonl
from eventroles.configs import load_config
from eventroles.inference.encoding import Encoder
from eventroles.labels import ConfigError, DataError, LabelSet, Record
from eventroles.training.data import MASKED, contexts, load_splits, records_sha256, targets, tokenise

ROLES = LabelSet.load("roles")
SPLITS = ("train", "validation", "test")


def splits_of(*overrides: str) -> tuple[int, int, int]:
    splits = load_splits(load_config("smoke", overrides), ROLES)
    return len(splits.train), len(splits.validation), len(splits.test)


def test_the_seed_corpus_is_named_by_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert 35838 == sum(splits_of("data.train=package:corpus"))


def test_files_named_for_validation_and_test_are_taken_as_they_are(tmp_path: Path) -> None:
    files = [
        f"data.{name}={write_jsonl(tmp_path / f'{name}.jsonl', make_rows(documents, seed=documents))}"
        for name, documents in (("train", 10), ("validation", 3), ("test", 4))
    ]
    assert (60, 18, 24) == splits_of(*files)


def test_a_file_named_for_validation_or_test_is_not_trained_on_though_its_folder_is(tmp_path: Path) -> None:
    names = dict(zip(SPLITS, ("a", "b", "c"), strict=True))
    for documents, name in zip((10, 3, 4), names.values(), strict=True):
        write_jsonl(tmp_path / f"{name}.jsonl", make_rows(documents, seed=documents))
    files = [f"data.{split}={tmp_path / f'{name}.jsonl'}" for split, name in names.items() if split != "train"]
    assert (60, 18, 24) == splits_of(f"data.train={tmp_path}", *files)


def test_a_missing_validation_file_is_taken_from_train_alone(tmp_path: Path) -> None:
    train = write_jsonl(tmp_path / "train.jsonl", make_rows(20))
    test = write_jsonl(tmp_path / "test.jsonl", make_rows(4, seed=2))
    assert (96, 24, 24) == splits_of(f"data.train={train}", f"data.test={test}", "split.validation=0.2")


def test_a_split_by_date_takes_the_column_that_the_config_names(tmp_path: Path) -> None:
    rows = [{**row, "printed": f"2024-01-{1 + int(str(row['document']).split('-')[1]):02d}"} for row in make_rows(20)]
    data = [f"data.train={write_jsonl(tmp_path / 'train.jsonl', rows)}", "split.by=date"]
    splits = load_splits(load_config("smoke", [*data, "data.columns.date=printed"]), ROLES)
    assert [f"doc-{n}" for n in range(12)] == list(dict.fromkeys(row.document for row in splits.train))
    assert [f"doc-{n}" for n in range(16, 20)] == list(dict.fromkeys(row.document for row in splits.test))
    with pytest.raises(DataError, match=r"train\.jsonl:1: no date in column 'date'"):
        load_splits(load_config("smoke", data), ROLES)


def test_files_of_their_own_need_no_date_and_no_stories(tmp_path: Path) -> None:
    files = [f"data.{name}={write_jsonl(tmp_path / f'{name}.jsonl', make_rows(3))}" for name in SPLITS]
    assert (18, 18, 18) == splits_of(*files, "split.by=date", "split.group=story")


def test_a_split_that_would_be_empty_is_refused(tmp_path: Path) -> None:
    train = write_jsonl(tmp_path / "train.jsonl", make_rows(10))
    with pytest.raises(ConfigError, match=r"no test sentences: name files in data\.test"):
        splits_of(f"data.train={train}", "split.test=0")


def test_the_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_jsonl(tmp_path / f"{name}.jsonl", [{"text": "The town.", "roles": ["atack"]}])
    with pytest.raises(DataError) as caught:
        splits_of(f"data.train={tmp_path}")
    assert "a.jsonl:1: unknown label 'atack'. Did you mean 'attack'?" in str(caught.value)
    assert "b.jsonl:1" in str(caught.value)


@pytest.mark.parametrize(("choice", "rows"), [("keep", 62), ("drop", 60)])
def test_conflicting_duplicates_stop_the_run_unless_told_otherwise(tmp_path: Path, choice: str, rows: int) -> None:
    twice = [{"document": "x", "text": "Same words.", "roles": roles} for roles in (["attack"], [])]
    train = write_jsonl(tmp_path / "train.jsonl", [*make_rows(10), *twice])
    with pytest.raises(DataError, match=r"(?s)train.jsonl:62: the same text as .*train.jsonl:61.*data.conflicts: keep"):
        splits_of(f"data.train={train}")
    assert rows == sum(splits_of(f"data.train={train}", f"data.conflicts={choice}"))


def test_contexts_follow_the_index_within_each_document_not_the_order_of_rows() -> None:
    records = [
        Record("a", 1, "second", ()),
        Record("b", 0, "other", ()),
        Record("a", 0, "first", ()),
        Record("a", 2, "third", ()),
    ]
    assert ["first", "", "", "first second"] == contexts(records, 2)
    assert ["first", "", "", "second"] == contexts(records, 1)
    assert [""] * 4 == contexts(records, 0)


def test_unsure_labels_are_masked_and_missing_ones_negative() -> None:
    records = [Record("a", 0, "x", ("attack",), ("retaliation",)), Record("a", 1, "y", ())]
    assert [[1, MASKED, 0, 0], [0, 0, 0, 0]] == targets(records, ROLES).tolist()


def exclusive() -> LabelSet:
    labels = [{"name": name, "title": name, "definition": name} for name in ("yes", "no")]
    return LabelSet.from_dict(
        {"name": "x", "version": 1, "exclusive": True, "negative": "no", "labels": labels}, source="test"
    )


def test_in_an_exclusive_set_no_label_is_the_negative_one_and_one_doubt_masks_the_row(base_folder: Path) -> None:
    records = [Record("a", 0, "x", ("yes",)), Record("a", 1, "y", ()), Record("a", 2, "z", (), ("no",))]
    assert [[1, 0], [0, 1], [MASKED, MASKED]] == targets(records, exclusive()).tolist()
    dataset = tokenise(records, exclusive(), Encoder.load(base_folder, window=16), context=0)
    assert [0, 1, MASKED] == list(dataset["labels"])


def test_tokenised_rows_carry_their_length_and_whether_they_were_cut(base_folder: Path) -> None:
    records = [Record("a", 0, "the town", ("attack",)), Record("a", 1, "town " * 50, ())]
    dataset = tokenise(records, ROLES, Encoder.load(base_folder, window=16), context=0)
    assert [4, 16] == list(dataset["length"])
    assert [False, True] == list(dataset["truncated"])
    assert [4, 16] == [len(ids) for ids in dataset["input_ids"]]


def test_the_hash_of_the_data_does_not_depend_on_where_it_lies_but_on_every_label(tmp_path: Path) -> None:
    records = [Record("a", 0, "x", ("attack",), place="here"), Record("a", 1, "y", (), place="here")]
    moved = [Record("a", 0, "x", ("attack",), place="there"), Record("a", 1, "y", (), place="there")]
    changed = [Record("a", 0, "x", ("attack",)), Record("a", 1, "y", ("retaliation",))]
    assert records_sha256(records) == records_sha256(moved) != records_sha256(changed)


@pytest.mark.parametrize("as_class_label", [False, True])
def test_a_data_set_of_the_datasets_library_is_read_by_split_with_its_class_names(
    tmp_path: Path, as_class_label: bool
) -> None:
    import datasets

    rows = make_rows(12)
    features = None
    if as_class_label:
        names = datasets.ClassLabel(names=list(ROLES.names))
        features = datasets.Features(
            {
                "document": datasets.Value("string"),
                "index": datasets.Value("int64"),
                "text": datasets.Value("string"),
                "roles": datasets.List(names),
            }
        )
    for split in ("train", "test"):
        made = datasets.Dataset.from_list(rows, features=features)
        (tmp_path / "data").mkdir(exist_ok=True)
        made.to_parquet(tmp_path / "data" / f"{split}-00000.parquet")
    splits = load_splits(
        load_config(
            "smoke", [f"data.hub_dataset={tmp_path}", "data.train=train", "data.test=test", "split.validation=0.25"]
        ),
        ROLES,
    )
    assert 72 == len(splits.train) + len(splits.validation) == len(splits.test)
    assert {tuple(row["roles"]) for row in rows} == {record.roles for record in splits.test}


def test_a_hub_data_set_that_cannot_be_loaded_is_an_error_with_its_name() -> None:
    with pytest.raises(DataError, match=r"data\.hub_dataset: cannot load 'no-one/nothing', split 'train'"):
        splits_of("data.hub_dataset=no-one/nothing", "data.train=train")


def test_targets_are_float32_for_the_binary_loss() -> None:
    assert np.float32 == targets([Record("a", 0, "x", ())], ROLES).dtype
    assert json.dumps(targets([Record("a", 0, "x", ())], ROLES).tolist()) == "[[0.0, 0.0, 0.0, 0.0]]"
