"""Which files an entry under `data` names."""

from __future__ import annotations

from pathlib import Path

import pytest
from eventroles.configs import data_files
from eventroles.labels import ConfigError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "deep").mkdir(parents=True)
    for name in ("b.jsonl", "a.csv", "c.PARQUET", "notes.txt", "deep/d.jsonl"):
        (tmp_path / "data" / name).touch()
    return tmp_path


def names(*entries: str) -> list[str]:
    return [path.as_posix() for path in data_files(entries, key="data.train")]


def problems(*entries: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        names(*entries)
    return str(error.value).splitlines()


def test_a_file_is_itself(folder):
    assert names("data/b.jsonl", str(folder / "data" / "a.csv")) == ["data/b.jsonl", f"{folder}/data/a.csv"]


def test_a_folder_is_its_data_files_in_the_order_of_their_names():
    assert names("data") == ["data/a.csv", "data/b.jsonl", "data/c.PARQUET"]


def test_a_pattern_is_the_files_that_match_it():
    assert names("data/*.jsonl") == ["data/b.jsonl"]
    assert names("data/**/*.jsonl") == ["data/b.jsonl", "data/deep/d.jsonl"]


def test_entries_keep_their_order():
    assert names("data/deep", "data/a.csv") == ["data/deep/d.jsonl", "data/a.csv"]


def test_no_entries_are_no_files():
    assert names() == []


def test_a_file_named_twice_is_read_once(folder):
    (folder / "link.jsonl").symlink_to(folder / "data" / "b.jsonl")
    assert names("data/b.jsonl", "./data/b.jsonl", "data/*.jsonl", str(folder / "data/b.jsonl"), "link.jsonl") == [
        "data/b.jsonl"
    ]


def test_a_file_under_the_home_folder_is_found(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert names("~/data/b.jsonl") == [f"{folder}/data/b.jsonl"]


def test_the_corpus_comes_with_the_package():
    parts = data_files(["package:corpus"], key="data.train")
    assert len(parts) == 64
    assert data_files(["package:corpus/plain.jsonl"], key="data.train")[0] in parts


@pytest.mark.parametrize(
    "entry",
    [
        "nowhere.jsonl",
        "data/*.tsv",
        "package:nowhere",
        "x" * 5000,
        "a\0b",
        "a*\0/b*",
        "~nobody-of-this-name/x",
        "[",
        "[z-a]",
    ],
)
def test_an_entry_that_names_no_file_is_refused_with_the_folder(folder, entry):
    assert problems(entry) == [
        f"data.train: {entry!r} names no .jsonl, .csv, .parquet file (looked in {folder}); give a file, a folder, a "
        "pattern or package:corpus"
    ]


def test_a_folder_without_data_files_is_refused(folder):
    (folder / "empty").mkdir()
    assert problems("empty")[0].startswith("data.train: 'empty' names no ")


def test_all_entries_that_name_no_file_are_named_at_once():
    found = problems("one.csv", "data/b.jsonl", "two.csv")
    assert [line.split("'")[1] for line in found] == ["one.csv", "two.csv"]
