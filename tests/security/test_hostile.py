"""Model folders that want to run code, read other files, fill the memory or mislead: refused, each with the reason."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from eventroles import EventRolesError, Tagger
from security.hostile import HOSTILE, OURS, config, only_a_pickle, pickled, trace

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_folder_is_refused_with_the_reason_and_nothing_of_it_is_run(
    name: str, good_folder: Path, plain_folder: Path, tmp_path: Path
) -> None:
    hostile = HOSTILE[name]
    good = good_folder if hostile.kind == OURS else plain_folder
    folder = Path(shutil.copytree(good, tmp_path / "model"))
    hostile.spoil(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that nothing of a plain model is calibrated
        with pytest.raises(EventRolesError, match=hostile.said):
            Tagger.from_pretrained(folder, device="cpu", backend=hostile.backend)
    assert not trace(folder).exists()


def test_the_folders_that_these_are_made_of_load(good_folder: Path, plain_folder: Path) -> None:
    for backend in ("onnx", "torch"):
        Tagger.from_pretrained(good_folder, device="cpu", backend=backend)
    with pytest.warns(RuntimeWarning):
        Tagger.from_pretrained(plain_folder, device="cpu")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (only_a_pickle, "pytorch_model.bin, of a kind that can run code"),
        (config(num_hidden_layers=10**9), "not of this model"),
        (lambda folder: (folder / "model.safetensors").write_bytes(pickled(folder)), "no safetensors file at all"),
    ],
)
def test_a_hostile_base_model_is_refused_before_it_is_fine_tuned(
    spoil: Callable[[Path], object],
    said: str,
    base_folder: Path,
    tmp_path: Path,
    train_tiny: Callable[..., object],
) -> None:
    folder = Path(shutil.copytree(base_folder, tmp_path / "base"))
    spoil(folder)
    with pytest.raises(EventRolesError, match=said):
        train_tiny(tmp_path / "mine", f"model.base={folder}")
    assert not trace(folder).exists()


def test_the_page_on_security_names_every_hostile_folder_and_none_that_is_gone() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert list(HOSTILE) == re.findall(
        r"^\| ([a-zA-Z][^|]*?) \| (?!---)[^|]* \|$", page.partition("| folder |")[2], re.M
    )
