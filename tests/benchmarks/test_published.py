"""The public data sets: converted as they come, configs that load, and lines that tell what was found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eventroles.configs import load_config
from published.data import SOURCES, convert
from published.run import BENCHMARKS, HERE, main


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    for name in ("satp", "ipe", "cnc"):
        (folder / name).mkdir(parents=True)
    (folder / "satp" / "test.tsv").write_text(
        'Gunmen seized a clerk.\t0\t0\t1\t0\n"He said ""go"" and a mine went off."\t0\t1\t0\t1\n', encoding="utf-8"
    )
    row = {"doc_id": 7, "sent_id": 2, "sent_text": "police held nine men.\n\n", "sent_labels": ["ARREST", "ANY_ACTION"]}
    (folder / "ipe" / "sents.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (folder / "cnc" / "dev_subtask1.csv").write_text(
        'index,text,label\nx_1,"The bus , late , left .",0\nx_2,Rain closed the road .,1\n', encoding="utf-8"
    )
    return folder


def test_what_is_there_is_converted_and_what_is_missing_is_named(downloads: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    missing = convert(downloads, data)
    assert ["satp_rel_test.jsonl", "ipe_sentences.jsonl", "cnc_v2_dev.jsonl"] == [
        source.becomes for source in sorted(SOURCES, key=lambda one: one.file, reverse=True) if source not in missing
    ]
    assert [["kidnapping"], ["bombing_explosion", "other"]] == [
        row["labels"] for row in read(data / "satp_rel_test.jsonl")
    ]
    assert 'He said "go" and a mine went off.' == read(data / "satp_rel_test.jsonl")[1]["text"]
    assert [
        {"document": "ipe-7", "id": "ipe-7-2", "text": "police held nine men.", "labels": ["ANY_ACTION", "ARREST"]}
    ] == (read(data / "ipe_sentences.jsonl"))
    assert [[], ["causal"]] == [row["labels"] for row in read(data / "cnc_v2_dev.jsonl")]


def test_a_file_of_another_shape_is_refused_with_its_line(downloads: Path, tmp_path: Path) -> None:
    (downloads / "satp" / "test.tsv").write_text("Gunmen seized a clerk.\t0\t0\t1\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"test\.tsv:1: expected a text and 4 columns of 0 and 1"):
        convert(downloads, tmp_path / "data")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_config_of_a_benchmark_loads_and_reads_files_that_are_made(name: str) -> None:
    config = load_config(HERE / f"{name}.yaml")
    made = {source.becomes for source in SOURCES}
    assert made >= {*config.data.train, *config.data.validation, *config.data.test}


def test_an_unknown_benchmark_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["run.py", "stap"])
    with pytest.raises(SystemExit):
        main()
    assert "no benchmark stap; there are ipe, ipe-documents, satp, cnc" in capsys.readouterr().err
