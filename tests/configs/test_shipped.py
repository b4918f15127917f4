"""The configs that come with eventroles: complete, commented, loadable."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from eventroles.configs import check_config, load_config, shipped_configs, valid_keys
from eventroles.labels import LabelSet
from eventroles.labels.yamlfile import read_yaml

FOLDER = Path(str(resources.files("eventroles.configs")))
DEFAULT = FOLDER / "default.yaml"
EXAMPLES = sorted((FOLDER / "examples").glob("*.yaml"))
FIRST_LINE = re.compile(r"# eventroles (train|seeds|config) ")


def default_keys() -> dict[str, int]:
    """Return the line, from 0, of every key of default.yaml."""
    lines = read_yaml(DEFAULT).lines
    return {".".join(map(str, path)): line - 1 for path, line in lines.items()}


def is_commented(line: int, lines: list[str]) -> bool:
    """Whether the key at a line has a comment right above it, or stands in a group that has one."""
    indent = re.match(r" *", lines[line])[0]
    above = lines[line - 1]
    if above.startswith(f"{indent}#"):
        return True
    if re.fullmatch(r" +\w+:", above):  # a group below the top level, such as data.columns
        return is_commented(line - 1, lines)
    return re.match(rf"{indent}\w", above) is not None and is_commented(line - 1, lines)


def test_the_shipped_configs_are_these():
    assert shipped_configs() == ["accurate", "fast", "seeds", "seeds-and-documents", "smoke"]


def test_the_default_has_exactly_the_keys_of_the_schema():
    assert sorted(default_keys()) == sorted(valid_keys())


@pytest.mark.parametrize("key", valid_keys())
def test_every_default_is_commented(key):
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    assert is_commented(default_keys()[key], lines)


@pytest.mark.parametrize("name", ["accurate", "fast", "seeds", "smoke"])
def test_a_shipped_config_is_ready_to_train(name):
    assert check_config(load_config(name)) == LabelSet.load("roles")


def test_the_config_with_the_documents_waits_for_the_joined_sentences(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "seed-sentences.jsonl").touch()
    assert check_config(load_config("seeds-and-documents")) == LabelSet.load("roles")


def test_the_accurate_config_is_that_of_the_seeds_with_an_ensemble():
    own, seeds = read_yaml(FOLDER / "accurate.yaml").data, read_yaml(FOLDER / "seeds.yaml").data
    assert seeds | {"distillation": {"ensemble": 3}} == own


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_ready_to_train_once_its_data_is_there(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.jsonl").touch()
    (tmp_path / "test.jsonl").touch()
    labels = check_config(load_config(path, ["data.train=train.jsonl", "data.test=test.jsonl"]))
    assert labels.exclusive == (path.stem == "single-label")


@pytest.mark.parametrize(
    "path", [*EXAMPLES, *(FOLDER / f"{name}.yaml" for name in shipped_configs())], ids=lambda p: p.stem
)
def test_a_config_opens_with_the_command_that_runs_it(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert FIRST_LINE.match(first)
    assert path.stem in path.read_text(encoding="utf-8").split("\n\n")[0]


@pytest.mark.parametrize("name", shipped_configs())
def test_a_shipped_config_says_nothing_that_is_the_default_already(name):
    default, own = read_yaml(DEFAULT).data, read_yaml(FOLDER / f"{name}.yaml").data
    assert [
        (section, key) for section in own for key in own[section] if default[section][key] == own[section][key]
    ] == []
