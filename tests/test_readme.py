"""The README is true: its commands exist, its Python runs, its links lead somewhere, its configs load."""

from __future__ import annotations

import re
import shlex
import shutil
from importlib import metadata
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
COMMANDS = (
    "train",
    "tag",
    "count",
    "evaluate",
    "robustness",
    "crossvalidate",
    "learning-curve",
    "export",
    "push",
    "config",
    "seeds",
)
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    pages = [ROOT / "README.md", ROOT / "seeds" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    documents = [*pages, *sorted((ROOT / "configs").rglob("*.yaml"))]
    # What stands behind three spaces is an explanation.
    lines = [
        line.strip("# ").split("   ")[0] for path in documents for line in path.read_text(encoding="utf-8").splitlines()
    ]
    whole = [line for line in lines if not line.endswith("\\")]
    return list(dict.fromkeys(line for line in whole if re.match(rf"eventroles ({'|'.join(COMMANDS)})\b", line)))


@pytest.mark.parametrize("line", commands())
def test_every_command_shown_has_arguments_that_the_program_takes(line: str) -> None:
    from eventroles.cli import app

    words = shlex.split(line, comments=True)[1:]
    group, context = get_command(app), None
    while hasattr(group, "commands"):
        context = group.make_context(words[0], [words[0]], parent=context, resilient_parsing=True)
        group, words = group.commands[words[0]], words[1:]
    group.make_context(group.name, words, parent=context)


def test_the_python_of_the_first_screen_runs(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(model_folder, tmp_path / "runs" / "seeds")
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    assert "0 46 (" in capsys.readouterr().out


def test_the_config_shown_is_valid(tmp_path: Path) -> None:
    from eventroles.configs import load_config

    (text,) = blocks("yaml")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert load_config(tmp_path / "mine.yaml").model.context == 1


def test_every_link_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert "docs/tagged.svg" in links
    assert [] == [link for link in links if not link.startswith("http") and not (ROOT / link).exists()]


def test_every_extra_named_exists() -> None:
    extras = metadata.metadata("eventroles").get_all("Provides-Extra") or []
    assert set(re.findall(r"eventroles\[(\w+)\]", README)) <= set(extras)


def test_every_yaml_shown_on_the_page_about_the_hub_is_a_label_set(tmp_path: Path) -> None:
    from eventroles import LabelSet

    page = (ROOT / "docs" / "hub.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "labels.yaml").write_text(text, encoding="utf-8")
    assert ("supports", "opposes") == LabelSet.load(tmp_path / "labels.yaml").names


def test_the_help_can_be_shown_through_the_public_entry_point() -> None:
    from eventroles.cli import app

    assert 0 == CliRunner().invoke(app, ["--help"]).exit_code
