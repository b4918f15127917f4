"""The ONNX engine: torch's logits, and the same bits whatever is scored beside a sentence."""

from __future__ import annotations

import platform
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from eventroles.inference.bundle import load_bundle
from eventroles.inference.encoding import Encoded
from eventroles.inference.engines import onnx
from eventroles.inference.engines.engine import EngineFailed
from eventroles.inference.engines.onnx import OnnxEngine, open_session
from eventroles.inference.engines.torch import load_torch_engine
from eventroles.labels import EventRolesError
from hypothesis import given, settings
from hypothesis import strategies as st

PRECISIONS = ("fp32", "int8")


def make_sentences(count: int, *, longest: int = 40) -> list[Encoded]:
    """Return sentences of 2 to ``longest`` tokens; every third has a context as second segment."""
    rng = random.Random(5)
    made = []
    for number in range(count):
        words = rng.choices(range(5, 60), k=rng.randint(0, longest - 2))
        first = len(words) // 2 if number % 3 == 0 else len(words)
        made.append(Encoded([2, *words, 3], [0] * (first + 1) + [1] * (len(words) - first + 1), False))
    return made


SENTENCES = make_sentences(60)


@pytest.fixture(scope="module")
def open_engine(exported_folder: Path) -> Callable[..., OnnxEngine]:
    """Open the engine of a precision, with more arguments of `OnnxEngine`."""
    bundle = load_bundle(exported_folder)

    def open_one(precision: str, **arguments: Any) -> OnnxEngine:
        file = bundle.exported(precision)
        assert file is not None
        return OnnxEngine(bundle.verified(file), precision=precision, **arguments)

    return open_one


@pytest.fixture(scope="module")
def engines(open_engine: Callable[..., OnnxEngine]) -> list[OnnxEngine]:
    """One engine of each precision, and of many budgets and numbers of threads."""
    ways = [(1, 1), (1, 512), (2, 30), (2, 100_000), (4, 64)]
    return [
        open_engine(precision, threads=threads, token_budget=budget)
        for precision in PRECISIONS
        for threads, budget in ways
    ]


@pytest.fixture(scope="module")
def alone(open_engine: Callable[..., OnnxEngine]) -> dict[str, np.ndarray]:
    """The logits of every sentence, scored alone, by precision."""
    chosen = {precision: open_engine(precision, threads=1) for precision in PRECISIONS}
    return {name: np.concatenate([one.logits([text]) for text in SENTENCES]) for name, one in chosen.items()}


def test_it_gives_the_logits_of_torch(open_engine: Callable[..., OnnxEngine], exported_folder: Path) -> None:
    expected = load_torch_engine(exported_folder, device="cpu").logits(SENTENCES)
    found = open_engine("fp32").logits(SENTENCES)
    assert np.float32 == found.dtype
    assert expected == pytest.approx(found, abs=1e-4)


def test_it_says_what_it_is(open_engine: Callable[..., OnnxEngine]) -> None:
    engine = open_engine("int8")
    assert ("onnx", "int8", "cpu", True) == (engine.backend, engine.precision, engine.device, engine.invariant)


@given(st.lists(st.integers(0, len(SENTENCES) - 1), min_size=1, max_size=100), st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_a_sentence_gets_the_same_bits_in_any_order_batch_and_number_of_threads(
    engines: list[OnnxEngine], alone: dict[str, np.ndarray], indices: list[int], which: int
) -> None:
    engine = engines[which]
    found = engine.logits([SENTENCES[index] for index in indices])
    assert alone[engine.precision][indices].tobytes() == found.tobytes()


def test_every_way_of_scoring_all_of_them_gives_the_same_bits(
    engines: list[OnnxEngine], alone: dict[str, np.ndarray]
) -> None:
    for engine in engines:
        assert alone[engine.precision].tobytes() == engine.logits(SENTENCES).tobytes()


def test_many_sentences_of_one_length_get_the_same_bits_as_each_alone(open_engine: Callable[..., OnnxEngine]) -> None:
    rng = random.Random(3)
    same = [Encoded([2, *rng.choices(range(5, 60), k=14), 3], [0] * 16, False) for _ in range(70)]
    for precision in PRECISIONS:
        one = open_engine(precision, token_budget=1, threads=1).logits(same)
        assert one.tobytes() == open_engine(precision, token_budget=100_000).logits(same).tobytes()


def test_no_batch_is_padded(open_engine: Callable[..., OnnxEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine("fp32", threads=1)
    session, masks = engine._session, []

    class Watched:
        def run(self, outputs: list[str], feeds: dict[str, np.ndarray]) -> Any:
            masks.append(feeds["attention_mask"])
            return session.run(outputs, feeds)

    monkeypatch.setattr(engine, "_session", Watched())
    engine.logits(SENTENCES)
    assert all(mask.all() for mask in masks)
    assert sum(len(sentence.ids) for sentence in SENTENCES) == sum(mask.size for mask in masks)


def test_by_default_it_uses_the_cores_of_the_process(
    open_engine: Callable[..., OnnxEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventroles.inference.engines.onnx.usable_cores", lambda: 3)
    engine = open_engine("fp32")
    assert engine._pool is not None
    assert 3 == engine._pool._max_workers


def test_a_failure_in_any_batch_is_an_engine_that_failed_with_its_reason(
    open_engine: Callable[..., OnnxEngine],
) -> None:
    unknown = Encoded([2, 10_000, 3], [0, 0, 0], False)  # beyond the embedding table
    for threads in (1, 2):
        with pytest.raises(EngineFailed, match=r"onnxruntime failed: .*10000"):
            open_engine("fp32", threads=threads).logits([*SENTENCES, unknown])


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x08\x0a" * 100])
def test_a_file_that_is_no_model_cannot_be_loaded_and_nothing_is_printed(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(EngineFailed, match=r"onnxruntime cannot load the model: ."):
        OnnxEngine(tmp_path / "model.onnx", precision="fp32")
    assert ("", "") == capfd.readouterr()


def test_no_sentences_are_refused(open_engine: Callable[..., OnnxEngine]) -> None:
    with pytest.raises(ValueError, match="no sentences"):
        open_engine("fp32").logits([])


def test_a_missing_onnxruntime_names_its_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EventRolesError) as caught:
        OnnxEngine(Path("model.onnx"), precision="fp32")
    assert "onnxruntime is not installed. Run: pip install 'eventroles[cpu]'" == str(caught.value)


def test_an_onnxruntime_that_cannot_be_imported_is_an_engine_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('DLL load failed')", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineFailed, match="onnxruntime cannot be imported: DLL load failed"):
        OnnxEngine(Path("model.onnx"), precision="fp32")


@pytest.mark.parametrize(
    ("machine", "flags", "takes_it"),
    [
        ("x86_64", "sse4_2 avx2 avx512f", True),
        ("x86_64", "avx2 avx_vnni", False),
        ("AMD64", "avx512f avx512_vnni", False),
        ("aarch64", "asimd", False),
    ],
)
def test_only_a_processor_whose_8_bit_sums_overflow_takes_the_longer_way(
    machine: str, flags: str, takes_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries: list[tuple[str, str]] = []

    class Options:
        def add_session_config_entry(self, key: str, value: str) -> None:
            entries.append((key, value))

    fake = SimpleNamespace(SessionOptions=Options, InferenceSession=lambda *_, **__: "session")
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"flags : {flags}")
    assert "session" == open_session(b"model")
    assert ([("session.x64quantprecision", "1")] if takes_it else []) == entries


def test_the_longer_way_gives_the_same_bits(
    open_engine: Callable[..., OnnxEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = open_engine("int8").logits(SENTENCES)
    monkeypatch.setattr(onnx, "_adds_in_32_bits", lambda: False)
    assert (expected == open_engine("int8").logits(SENTENCES)).all()
