"""The model that hostile folders are made of: one whose scores differ from label to label and from text to text."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def good_folder(tmp_path_factory: pytest.TempPathFactory, base_folder: Path, train_tiny: Callable[..., object]) -> Path:
    """A tiny model with both exports, from large random weights: small ones would hardly tell two texts apart."""
    import torch
    from transformers import BertConfig, BertModel

    base = Path(shutil.copytree(base_folder, tmp_path_factory.mktemp("loud") / "base"))
    torch.manual_seed(0)
    BertModel(BertConfig.from_pretrained(base, initializer_range=0.3)).save_pretrained(base)
    folder = tmp_path_factory.mktemp("good") / "model"
    exports = ("export.fp32=true", "export.int8=true", "export.max_flips=0.9", "export.max_f1_loss=0.9")
    train_tiny(folder, f"model.base={base}", "training.epochs=2", "training.learning_rate=1e-4", *exports)
    return folder
