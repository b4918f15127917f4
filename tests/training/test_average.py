"""The mean of the last epochs: of these and no others, and told in the card."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from eventroles.configs import load_config
from eventroles.labels import ConfigError
from eventroles.training import train
from eventroles.training.loop import checkpoints
from safetensors.torch import load_file

LAST = ["training.keep_best=false", "training.early_stopping_patience=null"]
MEAN = [*LAST, "training.average_epochs=3"]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_the_model_has_the_mean_of_the_weights_after_the_last_epochs(settings: list[str], tmp_path: Path) -> None:
    # A learning rate that ruins the model: its best epoch, which the Trainer keeps as well, lies before the last three.
    ruin = ["training.schedule=constant_with_warmup", "training.learning_rate=3e-2", "training.epochs=8"]
    keep = ["output.keep_checkpoints=true", f"output.folder={tmp_path / 'm'}"]
    result = train(load_config("smoke", [*settings, *MEAN, *ruin, *keep]))
    assert result is not None
    assert (None, 3) == (result.best_epoch, result.averaged_epochs)
    ended = [weights(path) for path in checkpoints(tmp_path / "m" / "checkpoints")[-3:]]
    found = weights(tmp_path / "m")
    for name, tensor in found.items():
        assert torch.allclose(sum(one[name] for one in ended) / 3, tensor, atol=1e-6), name
    assert any(not torch.allclose(ended[-1][name], tensor, atol=1e-4) for name, tensor in found.items())
    assert "| epochs | 8, mean of the weights of the last 3 |" in (tmp_path / "m" / "README.md").read_text("utf-8")


def test_without_a_mean_the_last_epoch_is_kept_and_none_is_called_the_best(settings: list[str], tmp_path: Path) -> None:
    keep = ["training.epochs=3", "output.keep_checkpoints=true", f"output.folder={tmp_path / 'm'}"]
    result = train(load_config("smoke", [*settings, *LAST, *keep]))
    assert result is not None
    assert (None, 1) == (result.best_epoch, result.averaged_epochs)
    last = weights(checkpoints(tmp_path / "m" / "checkpoints")[-1])
    assert all(torch.equal(tensor, last[name]) for name, tensor in weights(tmp_path / "m").items())


def test_too_few_checkpoints_for_the_mean_are_refused_before_training(settings: list[str], tmp_path: Path) -> None:
    few = ["training.epochs=3", "trainer.save_total_limit=2", f"output.folder={tmp_path / 'm'}"]
    with pytest.raises(ConfigError, match="the mean of 3 epochs needs 4 checkpoints, and 2 are kept; leave it out"):
        train(load_config("smoke", [*settings, *MEAN, *few]))
