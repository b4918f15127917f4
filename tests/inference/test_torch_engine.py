"""The torch engine: right order, and no sentence lost or scored twice when memory or the device fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from eventroles.inference.encoding import Encoded
from eventroles.inference.engines.torch import TorchEngine, choose_device, load_torch_engine
from eventroles.labels import ConfigError, ModelError


class FakeModel:
    """Gives each sentence its first token id as only logit; fails on a device as told."""

    def __init__(self, fail: Callable[[str, int, int], BaseException | None]) -> None:
        self.fail = fail
        self.loaded: list[str] = []
        self.scored: Counter[int] = Counter()
        self.calls = self.failures = 0

    def load(self, device: str) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
        self.loaded.append(device)

        def forward(ids: np.ndarray, mask: np.ndarray, type_ids: np.ndarray) -> np.ndarray:
            self.calls += 1
            error = self.fail(device, self.calls, ids.size)
            if error is not None:
                self.failures += 1
                raise error
            self.scored.update(ids[:, 0].tolist())
            return ids[:, :1].astype(np.float32)

        return forward


def sentences(count: int) -> list[Encoded]:
    """Return sentences of lengths 1 to 7 whose first token id is their number."""
    return [Encoded([number, *[0] * (number % 7)], [0] * (number % 7 + 1), False) for number in range(count)]


def test_logits_come_back_in_the_order_of_the_sentences() -> None:
    model = FakeModel(lambda *_: None)
    engine = TorchEngine(model.load, "cpu", token_budget=20)
    assert list(range(50)) == engine.logits(sentences(50))[:, 0].tolist()
    assert model.calls > 1


def test_out_of_memory_halves_the_batch_until_it_fits_and_keeps_to_the_smaller_size() -> None:
    model = FakeModel(lambda _, __, tokens: RuntimeError("CUDA out of memory. Tried") if tokens > 30 else None)
    engine = TorchEngine(model.load, "cuda", token_budget=100)
    assert list(range(40)) == engine.logits(sentences(40))[:, 0].tolist()
    assert set(model.scored.values()) == {1}
    assert ["cuda"] == model.loaded
    failures = model.failures
    assert failures > 0
    engine.logits(sentences(40))
    assert set(model.scored.values()) == {2}
    assert model.failures == failures


@pytest.mark.parametrize("failing_call", [1, 2, 5])
def test_a_device_error_moves_to_the_cpu_with_one_warning_and_scores_every_sentence_once(failing_call: int) -> None:
    def fail(device: str, call: int, _: int) -> BaseException | None:
        return (
            RuntimeError("CUDA error: unspecified launch failure")
            if device == "cuda" and call >= failing_call
            else None
        )

    model = FakeModel(fail)
    engine = TorchEngine(model.load, "cuda", token_budget=16)
    with pytest.warns(RuntimeWarning, match="going on with the CPU") as caught:
        assert list(range(60)) == engine.logits(sentences(60))[:, 0].tolist()
    assert 1 == len(caught)
    assert "cpu" == engine.device
    assert ["cuda", "cpu"] == model.loaded
    assert set(model.scored.values()) == {1}


def test_one_sentence_too_large_for_the_device_goes_to_the_cpu() -> None:
    model = FakeModel(lambda device, *_: RuntimeError("CUDA out of memory") if device == "cuda" else None)
    engine = TorchEngine(model.load, "cuda", token_budget=8)
    with pytest.warns(RuntimeWarning, match="out of memory"):
        assert [0, 1] == engine.logits(sentences(2))[:, 0].tolist()


def test_a_failure_on_the_cpu_itself_is_an_error_with_its_reason() -> None:
    model = FakeModel(lambda *_: RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(ModelError, match="mat1 and mat2"):
        TorchEngine(model.load, "cpu").logits(sentences(2))


def test_an_injected_device_fault_changes_no_row_of_a_real_model(model_folder: Path) -> None:
    from eventroles import Tagger

    texts = [f"soldiers shelled the town {number} times" for number in range(30)]
    expected = Tagger.from_pretrained(model_folder, device="cpu").tag_sentences(texts)
    tagger = Tagger.from_pretrained(model_folder, device="cpu")
    forward = tagger.engine._forward
    calls = 0

    def faulty(*arrays: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return forward(*arrays)

    tagger.engine.device, tagger.engine._forward, tagger.engine._token_budget = "cuda", faulty, 64
    with pytest.warns(RuntimeWarning, match="going on with the CPU"):
        found = tagger.tag_sentences(texts)
    assert [row.text for row in found] == texts
    for before, after in zip(expected, found, strict=True):
        assert before.roles == after.roles
        assert before.scores == pytest.approx(after.scores, abs=1e-5)


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
