"""The program as people run it: commands, exit codes, errors in one block."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import make_rows, write_jsonl

ENVIRONMENT = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}


def eventroles(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own."""
    command = [sys.executable, "-m", "eventroles", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, env=ENVIRONMENT)


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("Soldiers shelled the town. Officials said two were killed.\n", encoding="utf-8")
    (folder / "deep" / "b.md").write_text("# The market\n\nThe harvest was good.\n", encoding="utf-8")
    (folder / "c.csv").write_text("id,text\nx1,The bridge was bombed.\n", encoding="utf-8")
    return folder


def read_jsonl(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_help_names_every_command_with_an_example() -> None:
    text = eventroles("--help").stdout
    for command in ("train", "tag", "evaluate", "robustness", "crossvalidate", "learning-curve", "count", "doctor"):
        assert f"  {command} " in text
    assert "eventroles tag articles/ --model runs/seeds --output tags.jsonl" in text


COMMANDS = (
    *("train", "tag", "count", "evaluate", "robustness", "crossvalidate", "learning-curve", "export"),
    *("config show", "config check", "seeds join", "doctor"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_shows_how_to_call_it(command: str) -> None:
    done = eventroles(*command.split(), "--help")
    assert done.returncode == 0
    assert f"\n  eventroles {command}" in done.stdout


def test_the_version_is_that_of_the_package() -> None:
    assert "eventroles 0.1.0\n" == eventroles("--version").stdout


def test_a_config_typo_exits_2_before_anything_heavy_is_loaded_and_suggests_the_key(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("training:\n  learning_rat: 1e-4\n", encoding="utf-8")
    done = eventroles("train", tmp_path / "mine.yaml")
    assert done.returncode == 2
    assert "mine.yaml:2: unknown key 'training.learning_rat'. Did you mean 'training.learning_rate'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    command = [sys.executable, "-X", "importtime", "-m", "eventroles", "train", str(tmp_path / "mine.yaml")]
    imports = subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT).stderr
    loaded = {line.rpartition("|")[2].strip() for line in imports.splitlines()}
    assert {"eventroles.configs", "pydantic"} <= loaded
    assert not loaded & {"torch", "transformers", "datasets", "sklearn"}


def test_debug_shows_the_traceback_wherever_it_stands(tmp_path: Path) -> None:
    for arguments in (["--debug", "train", "nothing"], ["train", "nothing", "--debug"]):
        done = eventroles(*arguments, cwd=tmp_path)
        assert done.returncode != 0
        assert "Traceback" in done.stderr


def test_config_show_prints_every_default_and_loads_again(tmp_path: Path) -> None:
    shown = eventroles("config", "show", "seeds", "--set", "training.epochs=7").stdout
    assert "epochs: 7" in shown
    assert "conflicts: error" in shown
    (tmp_path / "again.yaml").write_text(shown, encoding="utf-8")
    assert shown == eventroles("config", "show", tmp_path / "again.yaml").stdout


def test_config_check_finds_files_that_are_not_there(tmp_path: Path) -> None:
    assert eventroles("config", "check", "seeds").returncode == 0
    done = eventroles("config", "check", "seeds", "--set", "data.train=gone.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert "data.train: 'gone.jsonl' names no .jsonl, .csv, .parquet file" in done.stderr


def test_train_prints_the_model_beside_the_baseline_and_evaluate_scores_it(settings: list[str], tmp_path: Path) -> None:
    sets = [part for value in [*settings, "training.epochs=1"] for part in ("--set", value)]
    done = eventroles("train", "smoke", *sets, "--output", tmp_path / "it's here")
    assert done.returncode == 0, done.stderr
    assert "TF-IDF" in done.stdout
    assert "macro F1" in done.stdout
    assert "threshold" in done.stdout
    assert "it's here" in done.stdout
    assert done.stderr == "" or "warning" in done.stderr, "quiet where no one watches"
    data = write_jsonl(tmp_path / "new.jsonl", [{**row, "rule": "one"} for row in make_rows(4, seed=4)])
    scored = eventroles("evaluate", tmp_path / "it's here", data, "--by", "rule", "--device", "cpu")
    assert scored.returncode == 0, scored.stderr
    assert "pass rate" in scored.stdout
    assert "macro F1" in scored.stdout


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_tag_writes_one_row_a_sentence_with_offsets_that_reproduce_it(
    model_folder: Path, articles: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"tags.{suffix}"
    done = eventroles("tag", articles, "--model", model_folder, "--output", output, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "3 documents, 5 sentences" in done.stdout
    if suffix == "jsonl":
        rows = read_jsonl(output)
    elif suffix == "csv":
        with output.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(output).to_pylist()
    before = ["document", "sha256", "index", "start", "end", "text", "roles"]
    after = ["review", "boilerplate", "boilerplate_end", "source", "title", "date", "metadata", "model", "revision"]
    assert [*before, "attack", "retaliation", "casualty_report", "official_statement", *after] == list(rows[0])
    assert ["a.txt", "a.txt", "x1", "deep/b.md", "deep/b.md"] == [row["document"] for row in rows]
    text = (articles / "a.txt").read_text(encoding="utf-8")
    assert all(text[int(row["start"]) : int(row["end"])] == row["text"] for row in rows[:2])


def test_a_file_that_cannot_be_read_is_listed_makes_exit_3_and_stops_nothing(
    model_folder: Path, articles: Path, tmp_path: Path
) -> None:
    (articles / "broken.txt").write_bytes(b"\x00\x01\x02" * 50)
    (articles / "bad.jsonl").write_text('{"text": "Raid."}\n{oops\n', encoding="utf-8")
    output = tmp_path / "tags.jsonl"
    done = eventroles("tag", articles, "--model", model_folder, "--output", output, "--device", "cpu")
    assert done.returncode == 3
    assert "2 could not be read" in done.stderr
    assert "broken.txt" in done.stderr
    assert "bad.jsonl:2" in done.stderr
    assert 6 == len(read_jsonl(output))


def test_show_prints_sentences_with_their_roles(model_folder: Path, articles: Path, tmp_path: Path) -> None:
    output = tmp_path / "tags.jsonl"
    done = eventroles("tag", articles, "--model", model_folder, "--output", output, "--show", "50", "--device", "cpu")
    shown = [row["text"] for row in read_jsonl(output) if row["roles"]]
    assert shown
    assert all(str(text) in done.stdout for text in shown)


def test_the_last_line_names_engine_precision_and_the_sentences_that_were_repeated(
    model_folder: Path, articles: Path, tmp_path: Path
) -> None:
    (articles / "d.txt").write_text((articles / "a.txt").read_text(encoding="utf-8"), encoding="utf-8")
    arguments = ["tag", articles, "--model", model_folder, "--backend", "torch", "--device", "cpu", "--exact"]
    for more in ([], ["--no-cache"]):
        done = eventroles(*arguments, *more, "--output", tmp_path / f"t{len(more)}.jsonl")
        assert done.returncode == 0, done.stderr
        assert "4 documents, 7 sentences, 2 of them repeated in " in done.stdout
        assert " sentences/s, torch fp32 on cpu): " in done.stdout
    assert (tmp_path / "t0.jsonl").read_bytes() == (tmp_path / "t1.jsonl").read_bytes()


def test_an_exported_model_is_tagged_without_torch_transformers_or_the_hub_library(
    exported_folder: Path, articles: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from eventroles.cli import main\n"
        "try: main()\n"
        "finally: print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    arguments = ["tag", str(articles), "--model", str(exported_folder), "--output", str(tmp_path / "t.jsonl")]
    command = [sys.executable, "-c", code, *arguments, "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert ", onnx int8 on cpu): " in done.stdout
    loaded = set(done.stderr.splitlines()[-1].split())
    assert {"eventroles", "onnxruntime"} <= loaded
    assert set() == loaded & {"torch", "transformers", "huggingface_hub", "asyncio", "datasets", "sklearn", "onnx"}


def test_exact_runs_the_export_of_full_precision(exported_folder: Path, articles: Path, tmp_path: Path) -> None:
    arguments = ["--model", exported_folder, "--output", tmp_path / "t.jsonl", "--device", "cpu", "--exact"]
    assert ", onnx fp32 on cpu): " in eventroles("tag", articles, *arguments).stdout


def test_evaluate_takes_a_backend_and_precision(exported_folder: Path, tmp_path: Path) -> None:
    data = write_jsonl(tmp_path / "new.jsonl", make_rows(4, seed=4))
    done = eventroles("evaluate", exported_folder, data, "--backend", "onnx", "--exact")
    assert done.returncode == 0, done.stderr
    assert "macro F1" in done.stdout
    refused = eventroles("evaluate", exported_folder, data, "--backend", "tensorflow")
    assert refused.returncode == 2
    assert "unknown backend 'tensorflow'; choose auto, onnx, torch" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere", "--model", "MODEL", "--output", "t.jsonl"], 2, "'nowhere' does not exist"),
        (["articles", "--model", "MODEL", "--output", "t.xlsx"], 2, "expected .jsonl, .csv or .parquet"),
        (["articles", "--model", "./gone", "--output", "t.jsonl"], 1, "no such model folder"),
        (["articles", "--model", "articles", "--output", "t.jsonl"], 1, "no eventroles.json"),
        (["empty", "--model", "MODEL", "--output", "t.jsonl"], 1, "found no .txt"),
        (["articles", "--model", "MODEL", "--output", "t.jsonl", "--glob", "*.pdf"], 1, "that matches '*.pdf'"),
        (["articles", "--model", "MODEL", "--output", "t.jsonl", "--device", "gpu"], 2, "unknown device 'gpu'"),
        (["articles", "--model", "MODEL", "--output", "t.jsonl", "--backend", "tpu"], 2, "unknown backend 'tpu'"),
        (["articles", "--model", "no-one/no-model", "--output", "t.jsonl"], 1, "Hub could not be reached"),
    ],
)
def test_a_request_that_cannot_be_met_says_why_in_one_block(
    model_folder: Path, articles: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    done = eventroles("tag", *[str(model_folder) if part == "MODEL" else part for part in arguments], cwd=tmp_path)
    assert (code, "") == (done.returncode, done.stdout)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*t.*"))


def test_a_model_folder_missing_a_piece_is_refused_by_name(model_folder: Path, articles: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(model_folder, tmp_path / "broken"))
    (broken / "tokenizer.json").unlink()
    done = eventroles("tag", articles, "--model", broken, "--output", tmp_path / "t.jsonl")
    assert done.returncode == 1
    assert "tokenizer.json is missing" in done.stderr


def test_seeds_join_says_which_documents_are_missing_or_differ_and_joins_the_rest(tmp_path: Path) -> None:
    from importlib import resources

    annotations = resources.files("eventroles.seeds") / "annotations.jsonl"
    names = {json.loads(line)["document"] for line in annotations.read_text(encoding="utf-8").splitlines()}
    (tmp_path / "docs").mkdir()
    changed = sorted(names)[0]
    (tmp_path / "docs" / changed).write_text("Not the article that was labelled.", encoding="utf-8")
    done = eventroles("seeds", "join", tmp_path / "docs", "--output", tmp_path / "out.jsonl")
    assert done.returncode == 1
    assert f"{changed} is not the file that was labelled" in done.stderr
    assert all(f"missing: {name}" in done.stderr for name in names - {changed})
    assert not (tmp_path / "out.jsonl").exists()


def test_doctor_tells_device_threads_instructions_versions_hub_and_embedded_model() -> None:
    text = eventroles("doctor").stdout
    words = (
        "device",
        "torch threads",
        "instruction set",
        "cores",
        "transformers",
        "Hub endpoint",
        "embedded model",
        "onnx",
    )
    for word in words:
        assert word in text


def test_doctor_names_the_install_of_what_is_missing(tmp_path: Path) -> None:
    # A package that cannot be found, as in a base install: its metadata is hidden from the program.
    code = (
        "import importlib.metadata as m, sys; real = m.version\n"
        "def version(name):\n"
        "    if name == 'datasets': raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version; sys.argv = ['eventroles', 'doctor']\n"
        "from eventroles.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    assert "not installed. Run: pip install 'eventroles[train]'" in done.stdout


def test_names_with_brackets_are_shown_as_they_are(model_folder: Path, articles: Path, tmp_path: Path) -> None:
    (articles / "[red]x.txt").write_bytes(b"\x00" * 100)
    done = eventroles("tag", articles, "--model", model_folder, "--output", tmp_path / "[bold]t.jsonl")
    assert done.returncode == 3
    assert "[red]x.txt" in done.stderr
    assert "[bold]t.jsonl" in done.stdout


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    command = f"{sys.executable} -m eventroles config show seeds | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("labels:")
