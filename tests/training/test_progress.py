"""What a terminal shows of a training run, and that nothing is shown elsewhere."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from eventroles.configs import load_config
from eventroles.training import train
from eventroles.training.progress import RichProgress
from rich.console import Console


def shown(settings: list[str], folder: Path, *, terminal: bool) -> str:
    """Train two epochs and return what was drawn."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100, color_system=None)
    config = load_config("smoke", [*settings, "training.epochs=2", f"output.folder={folder}"])
    train(config, callbacks=[RichProgress(console)])
    return stream.getvalue()


def test_a_terminal_sees_loss_and_f1_of_every_epoch_and_the_steps(settings: list[str], tmp_path: Path) -> None:
    text = shown(settings, tmp_path / "m", terminal=True)
    for epoch in (1, 2):
        assert re.search(rf"epoch {epoch}: loss \d\.\d+, validation loss \d\.\d+, macro F1 \d\.\d+", text)
    assert re.search(r"22/22 steps", text)


def test_where_no_one_watches_nothing_is_drawn(
    settings: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert shown(settings, tmp_path / "m", terminal=False) == ""
    assert ("", "") == capfd.readouterr()
