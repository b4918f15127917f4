"""What a model is trained in: bfloat16 where the machine multiplies in it, float32 elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from eventroles.configs import load_config
from eventroles.labels.errors import ConfigError
from eventroles.training import train
from eventroles.training.loop import RolesTrainer
from eventroles.training.precision import settle_precision
from safetensors.torch import load_file

CPU = "trainer.use_cpu=true"


@pytest.mark.parametrize("instruction", ["avx512_bf16", "amx_bf16"])
def test_auto_is_bf16_on_a_cpu_that_multiplies_in_it(monkeypatch: pytest.MonkeyPatch, instruction: str) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, instruction: True}, raising=False)
    assert settle_precision(load_config("seeds", [CPU])).training.precision == "bf16"


@pytest.mark.parametrize("found", [{}, {"avx512_bf16": False, "avx512_f": True}])
def test_auto_is_fp32_on_any_other_cpu(monkeypatch: pytest.MonkeyPatch, found: dict[str, bool]) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert settle_precision(load_config("seeds", [CPU])).training.precision == "fp32"


def test_auto_asks_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for supported, precision in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, yes=supported: yes)  # noqa: ARG005
        assert settle_precision(load_config("seeds")).training.precision == precision


@pytest.mark.parametrize("named", ["fp32", "bf16"])
def test_a_precision_that_is_named_stays(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    opposite = {"avx512_bf16": named == "fp32"}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: opposite, raising=False)
    config = load_config("seeds", [CPU, f"training.precision={named}"])
    assert settle_precision(config) == config


def test_bf16_multiplies_in_bfloat16_keeps_weights_in_float32_and_says_so_in_the_folder(
    monkeypatch: pytest.MonkeyPatch, settings: list[str], tmp_path: Path
) -> None:
    seen = set()
    inner = RolesTrainer.compute_loss

    def spy(self: RolesTrainer, model: torch.nn.Module, *args: object, **options: object) -> object:
        linear = next(module for module in model.modules() if isinstance(module, torch.nn.Linear))
        hook = linear.register_forward_hook(lambda _, __, output: seen.add((linear.weight.dtype, output.dtype)))
        found = inner(self, model, *args, **options)  # type: ignore[arg-type]
        hook.remove()
        return found

    monkeypatch.setattr(RolesTrainer, "compute_loss", spy)
    train(load_config("smoke", [*settings, "training.precision=bf16", f"output.folder={tmp_path / 'm'}"]))
    assert seen == {(torch.float32, torch.bfloat16)}
    assert {weights.dtype for weights in load_file(tmp_path / "m" / "model.safetensors").values()} == {torch.float32}
    assert "precision: bf16" in (tmp_path / "m" / "training_config.yaml").read_text(encoding="utf-8")


class Losses(transformers.TrainerCallback):
    """Keeps the training loss of each epoch."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if "loss" in logs:
            self.found.append(logs["loss"])


def test_bf16_learns_what_fp32_learns(settings: list[str], tmp_path: Path) -> None:
    losses = {}
    for precision in ("fp32", "bf16"):
        log = Losses()
        more = [f"training.precision={precision}", "training.epochs=4", f"output.folder={tmp_path / precision}"]
        train(load_config("smoke", [*settings, *more]), callbacks=[log])
        losses[precision] = log.found
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.05)
    assert losses["bf16"] != losses["fp32"]


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_the_trainers_own_switches_are_refused_with_the_key_to_use(name: str) -> None:
    with pytest.raises(ConfigError, match=f"trainer.{name} is set by eventroles: use training.precision"):
        load_config("seeds", [f"trainer.{name}=true"])
