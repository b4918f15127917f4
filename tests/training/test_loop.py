"""The loop: one loss however a step is cut up, the best epoch kept, a resumed run like an uninterrupted one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_rows, write_jsonl
from eventroles.configs import load_config
from eventroles.inference.bundle import load_bundle
from eventroles.labels import ConfigError
from eventroles.training import train
from eventroles.training.loop import EpochOrder, checkpoints, masked_loss
from safetensors.torch import load_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Log(TrainerCallback):
    """Keeps what the Trainer logs."""

    def __init__(self) -> None:
        self.entries: list[dict[str, float]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        self.entries.append(dict(logs))

    def values(self, name: str) -> list[float]:
        return [entry[name] for entry in self.entries if name in entry]


@pytest.fixture
def even_settings(settings: list[str], tmp_path: Path) -> list[str]:
    """Settings with 96 training sentences (whole steps of 8 and 16), some labels unsure, in files of their own."""
    rows = make_rows(16, seed=5)
    for number, row in enumerate(rows):
        row["unsure"] = ["retaliation"] if number % 3 == 0 and "retaliation" not in row["roles"] else []
    parts = {"train": rows, "validation": make_rows(4, seed=6), "test": make_rows(4, seed=7)}
    files = [f"data.{name}={write_jsonl(tmp_path / f'{name}.jsonl', part)}" for name, part in parts.items()]
    # Rows made of the same few words, in documents of the same names: to the gate that is a leak.
    return [*settings, *files, "leakage=report", "training.epochs=2", "training.learning_rate=1e-3"]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def assert_same_weights(one: Path, other: Path, *, tolerance: float) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    assert max(float((a[name] - b[name]).abs().max()) for name in a) <= tolerance


def test_the_masked_loss_is_the_sum_over_decisions_that_count() -> None:
    logits = torch.tensor([[0.5, -1.0], [2.0, 0.0]])
    targets = torch.tensor([[1.0, -100.0], [0.0, 1.0]])
    one = torch.nn.functional.binary_cross_entropy_with_logits
    parts = [one(logits[0, 0], targets[0, 0]), one(logits[1, 0], targets[1, 0]), one(logits[1, 1], targets[1, 1])]
    assert float(sum(parts)) == pytest.approx(float(masked_loss(logits, targets)))


def test_the_masked_loss_of_an_exclusive_set_leaves_masked_rows_out() -> None:
    logits = torch.tensor([[0.5, -1.0], [2.0, 0.0]])
    expected = torch.nn.functional.cross_entropy(logits[:1], torch.tensor([1]))
    assert float(expected) == pytest.approx(float(masked_loss(logits, torch.tensor([1, -100]))))


def test_a_masked_decision_gives_no_gradient() -> None:
    logits = torch.zeros((2, 2), requires_grad=True)
    masked_loss(logits, torch.tensor([[1.0, -100.0], [-100.0, 0.0]])).backward()
    assert logits.grad is not None
    assert [[True, False], [False, True]] == (logits.grad != 0).tolist()


@pytest.mark.parametrize("distilled", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
def test_gradient_accumulation_changes_neither_loss_nor_weights(
    even_settings: list[str], tmp_path: Path, exclusive: bool, distilled: bool
) -> None:
    # The Trainer multiplies the loss of classification models by the number of micro-batches unless told not to.
    more = []
    if exclusive:
        labels = [{"name": name, "title": name, "definition": name} for name in ("attack", "other")]
        label_set = {"name": "x", "version": "1", "exclusive": True, "negative": "other", "labels": labels}
        more.append(f"labels={json.dumps(label_set)}")
        for name in ("train", "validation", "test"):
            rows = [
                {
                    **row,
                    "roles": ["attack"] if "attack" in row["roles"] else [],
                    "unsure": ["other"] if n % 5 == 0 else [],
                }
                for n, row in enumerate(make_rows(16, seed=len(name)))
            ]
            more.append(f"data.{name}={write_jsonl(tmp_path / f'exclusive-{name}.jsonl', rows)}")
    if distilled:
        more.append("training.epochs=1")
        train(load_config("smoke", [*even_settings, *more, f"output.folder={tmp_path / 'teacher'}"]))
        more += [f"distillation.teacher={tmp_path / 'teacher'}", "distillation.layers=[1]"]
    logs = []
    for name, batch, accumulation in (("whole", 8, 1), ("halves", 4, 2), ("eighths", 1, 8)):
        sizes = [f"training.batch_size={batch}", f"training.gradient_accumulation={accumulation}"]
        log = Log()
        train(
            load_config("smoke", [*even_settings, *more, *sizes, f"output.folder={tmp_path / name}"]), callbacks=[log]
        )
        logs.append(log)
    for log in logs[1:]:
        assert logs[0].values("loss") == pytest.approx(log.values("loss"), rel=1e-3)
        assert logs[0].values("eval_loss") == pytest.approx(log.values("eval_loss"), rel=1e-3)
    assert_same_weights(tmp_path / "whole", tmp_path / "halves", tolerance=5e-4)
    assert_same_weights(tmp_path / "whole", tmp_path / "eighths", tolerance=5e-4)


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("distilled", [False, True])
def test_two_processes_train_the_same_model_as_one(
    even_settings: list[str], model_folder: Path, tmp_path: Path, distilled: bool
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    same = [*even_settings, *([f"distillation.teacher={model_folder}"] if distilled else [])]
    train(load_config("smoke", [*same, "training.batch_size=8", f"output.folder={one}"]))
    sets = [part for value in [*same, "training.batch_size=4"] for part in ("--set", value)]
    torchrun = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--master_addr=127.0.0.1"]
    command = [sys.executable, *torchrun, f"--master_port={free_port()}", "-m", "eventroles", "train", "smoke", *sets]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*command, "--output", str(two)], env=environment, capture_output=True, text=True, timeout=300, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("TF-IDF + LR") == 1, "only the main process prints"
    assert_same_weights(one, two, tolerance=5e-4)
    assert (
        load_bundle(one).manifest.metrics["model"]["macro_f1"] == load_bundle(two).manifest.metrics["model"]["macro_f1"]
    )


def test_the_best_epoch_is_kept_not_the_last(settings: list[str], tmp_path: Path) -> None:
    # A learning rate that ruins the model in the end: its best epoch lies before the last.
    log = Log()
    ruin = ["training.schedule=constant_with_warmup", "training.early_stopping_patience=null", "training.epochs=8"]
    keep = ["output.keep_checkpoints=true", f"output.folder={tmp_path / 'm'}", "training.learning_rate=3e-2"]
    result = train(load_config("smoke", [*settings, *ruin, *keep]), callbacks=[log])
    assert result is not None
    scores = log.values("eval_macro_f1")
    assert len(scores) == 8
    assert result.best_epoch == 1 + int(np.argmax(scores))
    assert result.best_epoch < 8
    kept, newest = weights(tmp_path / "m"), weights(checkpoints(tmp_path / "m" / "checkpoints")[-1])
    assert any(not torch.equal(kept[name], newest[name]) for name in kept)


def test_training_stops_early_when_macro_f1_no_longer_rises(settings: list[str], tmp_path: Path) -> None:
    log = Log()
    hopeless = ["training.learning_rate=1e-9", "training.head_learning_rate=1e-9", "training.epochs=30"]
    more = [*hopeless, "training.early_stopping_patience=2", f"output.folder={tmp_path / 'm'}"]
    result = train(load_config("smoke", [*settings, *more]), callbacks=[log])
    assert result is not None
    assert 3 == result.epochs == len(log.values("eval_macro_f1"))


class Interrupt(TrainerCallback):
    """Stops a run as a power cut would, after the checkpoint of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.epoch is not None and state.epoch >= self.epoch + 0.4:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    "kept",
    [
        ["training.keep_best=true"],
        ["training.keep_best=false", "training.early_stopping_patience=null", "training.average_epochs=3"],
    ],
    ids=["the best epoch", "a mean of epochs before and after the cut"],
)
def test_a_resumed_run_ends_with_the_metrics_and_weights_of_an_uninterrupted_one(
    settings: list[str], tmp_path: Path, kept: list[str]
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    epochs = ["training.epochs=4", "trainer.max_grad_norm=0.5", *kept]
    train(load_config("smoke", [*settings, *epochs, f"output.folder={whole}"]))
    config = load_config("smoke", [*settings, *epochs, f"output.folder={cut}"])
    with pytest.raises(KeyboardInterrupt):
        train(config, callbacks=[Interrupt(2)])
    torn = cut / "checkpoints" / "checkpoint-9999"
    torn.mkdir()  # as if the cut had come while a checkpoint was written
    (torn / "model.safetensors").write_bytes(b"half")
    train(config, resume=True)
    assert_same_weights(whole, cut, tolerance=0)
    one, other = (load_bundle(folder).manifest for folder in (whole, cut))
    assert one.metrics == other.metrics
    assert one.decision == other.decision
    assert not (cut / "checkpoints").exists()


def test_resuming_with_another_config_is_refused(settings: list[str], tmp_path: Path) -> None:
    folder = f"output.folder={tmp_path / 'm'}"
    with pytest.raises(KeyboardInterrupt):
        train(load_config("smoke", [*settings, folder]), callbacks=[Interrupt(1)])
    with pytest.raises(ConfigError, match="started with another config"):
        train(load_config("smoke", [*settings, folder, "training.seed=99"]), resume=True)


def test_resuming_where_nothing_was_begun_starts_from_the_beginning(settings: list[str], tmp_path: Path) -> None:
    config = load_config("smoke", [*settings, "training.epochs=1", f"output.folder={tmp_path / 'm'}"])
    assert train(config, resume=True) is not None


def test_the_same_seed_gives_the_same_model_and_another_seed_another(
    train_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        train_tiny(tmp_path / name, "training.epochs=1", f"training.seed={seed}")
    assert_same_weights(tmp_path / "one", tmp_path / "two", tolerance=0)
    manifests = [
        json.loads((tmp_path / name / "eventroles.json").read_text(encoding="utf-8")) for name in ("one", "two")
    ]
    for manifest in manifests:  # the folder's own name stands in card and config
        manifest.pop("config_sha256")
        manifest["files"] = {
            name: h for name, h in manifest["files"].items() if name.endswith((".safetensors", ".json"))
        }
    assert manifests[0] == manifests[1]
    with pytest.raises(AssertionError):
        assert_same_weights(tmp_path / "one", tmp_path / "three", tolerance=0)


def test_the_head_learns_at_its_own_rate_and_frozen_embeddings_stay(
    train_tiny: Callable[..., Any], base_folder: Path, tmp_path: Path
) -> None:
    still = ["training.learning_rate=1e-12", "training.head_learning_rate=1e-2", "training.weight_decay=0"]
    train_tiny(tmp_path / "head", "training.epochs=1", *still)
    base, head = load_file(base_folder / "model.safetensors"), weights(tmp_path / "head")
    moved = {name for name in base if not torch.allclose(base[name], head[f"bert.{name}"], atol=1e-7)}
    assert moved == set()
    assert float(head["classifier.weight"].abs().max()) > 0.02
    train_tiny(tmp_path / "frozen", "training.epochs=1", "model.freeze_embeddings=true")
    frozen = weights(tmp_path / "frozen")
    changed = {name for name in base if not torch.equal(base[name], frozen[f"bert.{name}"])}
    assert not any(name.startswith("embeddings.") for name in changed)
    assert any(name.startswith("encoder.") for name in changed)


def test_the_order_of_sentences_depends_on_seed_and_epoch_alone() -> None:
    lengths = [length % 17 + 1 for length in range(100)]
    order = EpochOrder(lengths, seed=3, step=8, group_by_length=True)
    first = list(order)
    torch.manual_seed(99)
    assert first == list(order)
    order.set_epoch(1)
    second = list(order)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(100))
    assert len(order) == 100


def test_sentences_of_a_step_are_of_similar_length_and_steps_come_in_no_order_of_length() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(5, 60, 800).tolist()
    grouped = list(EpochOrder(lengths, seed=0, step=8, group_by_length=True))
    plain = list(EpochOrder(lengths, seed=0, step=8, group_by_length=False))

    def padding(order: list[int]) -> int:
        steps = [[lengths[index] for index in order[start : start + 8]] for start in range(0, 800, 8)]
        return sum(max(step) * len(step) - sum(step) for step in steps)

    assert padding(grouped) < 0.4 * padding(plain)
    means = [float(np.mean([lengths[index] for index in grouped[start : start + 8]])) for start in range(0, 800, 8)]
    assert abs(float(np.corrcoef(means[:-1], means[1:])[0, 1])) < 0.3


def test_tensorboard_logs_go_where_the_run_is(train_tiny: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train_tiny(tmp_path / "m", "training.epochs=1", "trainer.report_to=[tensorboard]")
    logs = list((tmp_path / "m").rglob("events.out.tfevents.*"))
    assert logs
    assert "loss" in b"".join(path.read_bytes() for path in logs).decode("latin-1")


def test_arguments_that_do_not_fit_together_are_an_error_about_the_config(settings: list[str], tmp_path: Path) -> None:
    config = load_config("smoke", [*settings, "trainer.optim=adamm", f"output.folder={tmp_path / 'm'}"])
    with pytest.raises(ConfigError, match="trainer: the Hugging Face Trainer refuses"):
        train(config)
