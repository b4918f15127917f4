"""The torch engine: right order, no sentence lost or scored twice when memory gives out, and failures by their name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from eventroles.inference.encoding import Encoded
from eventroles.inference.engines.engine import EngineFailed
from eventroles.inference.engines.torch import TorchEngine, choose_device, load_torch_engine
from eventroles.labels import ConfigError, ModelError


class FakeModel:
    """Gives each sentence its first token id as only logit; fails as told, by number of the call and tokens."""

    def __init__(self, fail: Callable[[int, int], BaseException | None] = lambda *_: None) -> None:
        self.fail = fail
        self.scored: Counter[int] = Counter()
        self.calls = self.failures = 0

    def __call__(self, ids: np.ndarray, mask: np.ndarray, type_ids: np.ndarray) -> np.ndarray:
        self.calls += 1
        error = self.fail(self.calls, ids.size)
        if error is not None:
            self.failures += 1
            raise error
        self.scored.update(ids[:, 0].tolist())
        return ids[:, :1].astype(np.float32)


def sentences(count: int) -> list[Encoded]:
    """Return sentences of lengths 1 to 7 whose first token id is their number."""
    return [Encoded([number, *[0] * (number % 7)], [0] * (number % 7 + 1), False) for number in range(count)]


def test_logits_come_back_in_the_order_of_the_sentences() -> None:
    model = FakeModel()
    engine = TorchEngine(model, "cpu", token_budget=20)
    assert list(range(50)) == engine.logits(sentences(50))[:, 0].tolist()
    assert model.calls > 1


def test_it_says_what_it_is() -> None:
    engine = TorchEngine(FakeModel(), "cuda:1")
    assert ("torch", "fp32", "cuda:1", False) == (engine.backend, engine.precision, engine.device, engine.invariant)


def test_a_gpu_gets_larger_batches_than_the_cpu() -> None:
    calls = {}
    for device in ("cpu", "mps", "cuda:1"):
        model = FakeModel()
        TorchEngine(model, device).logits(sentences(3000))
        calls[device] = model.calls
    assert calls["cpu"] > calls["mps"] > calls["cuda:1"] == 1


def test_out_of_memory_halves_the_batch_until_it_fits_and_keeps_to_the_smaller_size() -> None:
    model = FakeModel(lambda _, tokens: RuntimeError("CUDA out of memory. Tried") if tokens > 30 else None)
    engine = TorchEngine(model, "cuda", token_budget=100)
    assert list(range(40)) == engine.logits(sentences(40))[:, 0].tolist()
    assert set(model.scored.values()) == {1}
    failures = model.failures
    assert failures > 0
    engine.logits(sentences(40))
    assert set(model.scored.values()) == {2}
    assert model.failures == failures


def test_one_sentence_too_large_for_the_device_is_an_engine_that_failed() -> None:
    model = FakeModel(lambda *_: RuntimeError("CUDA out of memory"))
    with pytest.raises(EngineFailed, match="cuda failed: CUDA out of memory"):
        TorchEngine(model, "cuda", token_budget=8).logits(sentences(2))


@pytest.mark.parametrize("failing_call", [1, 2, 5])
def test_a_device_error_is_an_engine_that_failed_with_its_first_line(failing_call: int) -> None:
    error = RuntimeError("CUDA error: unspecified launch failure\nCompile with TORCH_USE_CUDA_DSA")
    model = FakeModel(lambda call, _: error if call >= failing_call else None)
    with pytest.raises(EngineFailed) as caught:
        TorchEngine(model, "cuda", token_budget=16).logits(sentences(60))
    assert "cuda failed: CUDA error: unspecified launch failure" == str(caught.value)


def test_a_failure_on_the_cpu_is_an_error_with_its_reason() -> None:
    model = FakeModel(lambda *_: RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(ModelError, match="cpu failed: mat1 and mat2"):
        TorchEngine(model, "cpu").logits(sentences(2))


def test_no_sentences_are_refused() -> None:
    with pytest.raises(ValueError, match="no sentences"):
        TorchEngine(FakeModel(), "cpu").logits([])


def test_a_device_that_cannot_take_the_model_is_an_engine_that_failed(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def no_room(*_: object) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.Module, "to", no_room)
    with pytest.raises(EngineFailed, match="cuda failed: CUDA out of memory"):
        load_torch_engine(model_folder, device="cuda")


def test_a_batch_size_changes_no_score_beyond_rounding(model_folder: Path) -> None:
    engine = load_torch_engine(model_folder, device="cpu")
    texts = [
        Encoded([2, 5 + number % 20, *[6] * (number % 9), 3], [0] * (number % 9 + 3), False) for number in range(40)
    ]
    together = engine.logits(texts)
    alone = np.concatenate([engine.logits([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)


def test_auto_takes_the_cpu_where_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert "cpu" == choose_device("auto")
    with pytest.raises(ConfigError, match="'cuda' is not available here; use --device auto or cpu"):
        choose_device("cuda")


def test_auto_prefers_cuda_then_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "mps" == choose_device("auto")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert "cuda" == choose_device("auto")


@pytest.mark.parametrize("name", ["gpu", "cpu:1", "cuda:x", ""])
def test_an_unknown_device_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(ConfigError, match="auto, cpu, cuda, mps"):
        choose_device(name)
