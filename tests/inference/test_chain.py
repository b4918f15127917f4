"""The chain of engines: the best one runs, the next one takes over with one warning, and no sentence is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eventroles import Tagger
from eventroles.inference.bundle import Bundle, load_bundle, write_manifest
from eventroles.inference.encoding import Encoded
from eventroles.inference.engines import chain
from eventroles.inference.engines.chain import Candidate, EngineChain, load_engine
from eventroles.inference.engines.engine import EngineFailed
from eventroles.inference.engines.onnx import OnnxEngine
from eventroles.inference.engines.torch import TorchEngine
from eventroles.labels import ConfigError, EventRolesError, ModelError

TEXTS = [f"soldiers shelled the town {number} times" + " said" * (number % 4) for number in range(30)]
CHOSEN = tuple[str, str, str]  # backend, precision, device


@pytest.fixture
def copy(exported_folder: Path, tmp_path: Path) -> Path:
    """A copy of the exported model whose int8 rule can be told from that of fp32."""
    folder = Path(shutil.copytree(exported_folder, tmp_path / "model"))
    manifest = load_bundle(folder).manifest
    int8 = manifest.exports["int8"]
    assert int8.decision is not None
    rule = int8.decision.model_copy(update={"thresholds": [0.5, 0.01, 0.99, 0.5], "temperatures": [1.0, 2.0, 1.0, 3.0]})
    exports = manifest.exports | {"int8": int8.model_copy(update={"decision": rule})}
    write_manifest(folder, manifest.model_copy(update={"exports": exports}))
    return folder


def remove_exports(folder: Path, *precisions: str) -> None:
    """Take exports out of a folder as if they had never been made."""
    manifest = load_bundle(folder).manifest
    for name in precisions:
        (folder / str(manifest.exports[name].file)).unlink()
    rest = {name: export for name, export in manifest.exports.items() if name not in precisions}
    write_manifest(folder, manifest.model_copy(update={"exports": rest}))


def break_export(folder: Path, precision: str) -> None:
    """Replace an export by garbage that the manifest vouches for, as a failed copy before hashing would."""
    manifest = load_bundle(folder).manifest
    (folder / str(manifest.exports[precision].file)).write_bytes(b"garbage")
    write_manifest(folder, manifest)


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Make modules look as if they were not installed."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def skip_self_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load models without a self-check, whose batches would be counted too."""
    monkeypatch.setattr("eventroles.inference.tagger.check_probes", lambda *_: None)


def pretend_gpu(monkeypatch: pytest.MonkeyPatch, fail: Callable[[int], bool]) -> Counter[int]:
    """Make torch find a GPU that computes on the CPU and fails in the calls that it is told to; counts its calls."""
    import torch

    load, calls = chain.load_torch_engine, Counter[int]()

    def load_on_gpu(folder: Path, *, device: str) -> TorchEngine:
        engine = load(folder, device="cpu")
        forward = engine._forward

        def on_gpu(*arrays: np.ndarray) -> np.ndarray:
            calls[0] += 1
            if fail(calls[0]):
                raise RuntimeError("CUDA error: device-side assert triggered")
            return forward(*arrays)

        return engine if device == "cpu" else TorchEngine(on_gpu, device, token_budget=64)

    skip_self_check(monkeypatch)
    monkeypatch.setattr(chain, "load_torch_engine", load_on_gpu)
    monkeypatch.setattr(chain, "_may_have_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return calls


def break_in_mid_run(monkeypatch: pytest.MonkeyPatch, *precisions: str) -> None:
    """Make onnxruntime engines of some precisions fail in their second batch."""
    run, calls = OnnxEngine._run, Counter[int]()

    def failing(self: OnnxEngine, batch: Sequence[Encoded]) -> Any:
        calls[id(self)] += 1
        if self.precision in precisions and calls[id(self)] > 1:
            raise RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION\nmore")
        return run(self, batch)

    skip_self_check(monkeypatch)
    monkeypatch.setattr(OnnxEngine, "_run", failing)


def chosen(engine: EngineChain | Any) -> CHOSEN:
    return engine.backend, engine.precision, engine.device


def assert_same_rows(expected: Sequence[Any], found: Sequence[Any]) -> None:
    assert [row.text for row in expected] == [row.text for row in found]
    for before, after in zip(expected, found, strict=True):
        assert before.roles == after.roles
        assert before.scores == pytest.approx(after.scores, abs=1e-4)


class FakeEngine:
    """Gives each sentence its first token id as only logit; fails in the calls it is told to."""

    backend, precision, device, invariant = "fake", "fp32", "cpu", False

    def __init__(self, name: str, *failing: int, error: type[Exception] = EngineFailed) -> None:
        self.name, self.failing, self.error, self.calls = name, failing, error, 0

    def logits(self, sentences: Sequence[Encoded]) -> np.ndarray:
        self.calls += 1
        if self.calls in self.failing:
            raise self.error(f"{self.name} broke down")
        return np.array([sentence.ids[:1] for sentence in sentences], dtype=np.float32)


def sentences(count: int) -> list[Encoded]:
    return [Encoded([number], [0], False) for number in range(count)]


def link(*engines: FakeEngine | Exception) -> list[Candidate]:
    """Return candidates that load these engines, or raise these errors."""

    def load(engine: FakeEngine | Exception) -> FakeEngine:
        if isinstance(engine, Exception):
            raise engine
        return engine

    return [Candidate(f"engine {number}", lambda engine=engine: load(engine)) for number, engine in enumerate(engines)]


# The chain itself.


def test_the_first_engine_that_starts_scores_every_call() -> None:
    first, second = FakeEngine("first"), FakeEngine("second")
    engine = EngineChain(link(first, second))
    for _ in range(3):
        assert list(range(9)) == engine.logits(sentences(9))[:, 0].tolist()
    assert (3, 0) == (first.calls, second.calls)
    assert ("fake", "fp32", "cpu", False) == (*chosen(engine), engine.invariant)


def test_the_next_engine_repeats_the_call_that_failed_with_one_warning_and_stays() -> None:
    first, second = FakeEngine("first", 2), FakeEngine("second")
    engine = EngineChain(link(first, second))
    engine.logits(sentences(3))
    with pytest.warns(RuntimeWarning) as caught:
        assert list(range(9)) == engine.logits(sentences(9))[:, 0].tolist()
    assert ["first broke down; going on with engine 1"] == [str(one.message) for one in caught]
    engine.logits(sentences(3))
    assert (2, 2) == (first.calls, second.calls)


def test_an_engine_that_cannot_start_is_passed_over_with_a_warning() -> None:
    with pytest.warns(RuntimeWarning) as caught:
        engine = EngineChain(link(EngineFailed("no memory"), FakeEngine("second")))
    assert ["no memory; going on with engine 1"] == [str(one.message) for one in caught]
    assert [4] == engine.logits([Encoded([4], [0], False)])[:, 0].tolist()


def test_a_warning_points_to_the_line_of_the_caller() -> None:
    with pytest.warns(RuntimeWarning) as caught:
        EngineChain(link(EngineFailed("no memory"), FakeEngine("second", 1), FakeEngine("third"))).logits(sentences(2))
    assert [__file__, __file__] == [one.filename for one in caught]


def test_where_all_engines_fail_the_error_is_a_model_error_with_the_last_reason() -> None:
    engine = EngineChain(link(FakeEngine("first", 1), FakeEngine("second", 1)))
    with pytest.warns(RuntimeWarning, match="first broke down"), pytest.raises(ModelError, match="second broke down"):
        engine.logits(sentences(2))
    with (
        pytest.warns(RuntimeWarning, match="too old; going on"),
        pytest.raises(ModelError, match="too small"),
    ):
        EngineChain(link(EngineFailed("too old"), EngineFailed("too small")))


def test_only_the_failure_of_an_engine_is_passed_over() -> None:
    with pytest.raises(ModelError, match="changed"):
        EngineChain(link(ModelError("changed"), FakeEngine("second")))
    engine = EngineChain(link(FakeEngine("first", 1, error=ModelError), FakeEngine("second")))
    with pytest.raises(ModelError, match="first broke down"):
        engine.logits(sentences(2))


# Which engine runs.


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ("onnx", "int8", "cpu")),
        ({"backend": "onnx"}, ("onnx", "int8", "cpu")),
        ({"exact": True}, ("onnx", "fp32", "cpu")),
        ({"exact": True, "backend": "onnx", "device": "cpu"}, ("onnx", "fp32", "cpu")),
        ({"backend": "torch"}, ("torch", "fp32", "cpu")),
    ],
)
def test_the_cpu_runs_the_smallest_export_that_is_allowed(
    exported_folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], expected: CHOSEN
) -> None:
    monkeypatch.setattr(chain, "_may_have_gpu", lambda: False)
    assert expected == chosen(load_engine(load_bundle(exported_folder), **arguments))


def test_without_int8_the_fp32_export_runs_and_without_exports_torch(copy: Path) -> None:
    remove_exports(copy, "int8")
    assert ("onnx", "fp32", "cpu") == chosen(load_engine(load_bundle(copy), device="cpu"))
    remove_exports(copy, "fp32")
    assert ("torch", "fp32", "cpu") == chosen(load_engine(load_bundle(copy), device="cpu"))


def test_an_export_that_is_not_in_the_folder_is_none(copy: Path) -> None:
    manifest = load_bundle(copy).manifest
    (copy / str(manifest.exports["int8"].file)).unlink()
    assert ("onnx", "fp32", "cpu") == chosen(load_engine(load_bundle(copy), device="cpu"))


def test_a_gpu_comes_before_the_exports(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpu(monkeypatch, lambda _: False)
    assert ("torch", "fp32", "cuda") == chosen(load_engine(load_bundle(copy)))
    assert ("onnx", "int8", "cpu") == chosen(load_engine(load_bundle(copy), device="cpu"))
    assert ("onnx", "int8", "cpu") == chosen(load_engine(load_bundle(copy), backend="onnx"))


def test_a_folder_without_torch_weights_runs_its_export_even_where_there_is_a_gpu(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "model.safetensors").unlink()
    pretend_gpu(monkeypatch, lambda _: False)
    for backend in ("auto", "onnx"):
        assert ("onnx", "int8", "cpu") == chosen(load_engine(load_bundle(copy), backend=backend))
    for arguments in ({"backend": "torch"}, {"device": "cuda"}):
        with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
            load_engine(load_bundle(copy), **arguments)


def test_roles_are_decided_by_the_rule_of_the_precision_that_runs(copy: Path) -> None:
    for exact, precision in ((False, "int8"), (True, "fp32")):
        tagger = Tagger.from_pretrained(copy, device="cpu", exact=exact)
        rule = tagger.bundle.rule_for(precision)
        probabilities = rule.probabilities(tagger.logits(TEXTS))
        for row, sentence in enumerate(tagger.tag_sentences(TEXTS)):
            given = np.array(tagger.labels.names)[rule.decide(probabilities)[row]]
            assert tuple(given) == sentence.roles
            assert pytest.approx(probabilities[row], abs=1e-6) == list(sentence.scores.values())


# What cannot be run.


def test_an_unknown_backend_is_refused_with_the_choices(exported_folder: Path) -> None:
    with pytest.raises(ConfigError, match="unknown backend 'tensorrt'; choose auto, onnx, torch"):
        load_engine(load_bundle(exported_folder), backend="tensorrt")


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_an_unknown_device_is_refused_with_the_choices(exported_folder: Path, backend: str) -> None:
    with pytest.raises(ConfigError, match="unknown device 'gpu'; choose auto, cpu, cuda, mps"):
        load_engine(load_bundle(exported_folder), backend=backend, device="gpu")


@pytest.mark.parametrize("device", ["cuda", "mps", "cuda:1"])
def test_the_onnx_backend_runs_on_the_cpu_only(exported_folder: Path, device: str) -> None:
    with pytest.raises(ConfigError, match=f"runs on the CPU, not on '{device}'; leave out --device or --backend"):
        load_engine(load_bundle(exported_folder), backend="onnx", device=device)


def test_the_onnx_backend_without_an_export_says_how_to_make_one(copy: Path) -> None:
    remove_exports(copy, "fp32")
    with pytest.raises(ConfigError, match="has no fp32 ONNX export; make one with: eventroles export my/model"):
        load_engine(load_bundle(copy, name="my/model"), backend="onnx", exact=True)
    remove_exports(copy, "int8")
    with pytest.raises(ConfigError, match="my/model has no ONNX export; make one with: eventroles export my/model"):
        load_engine(load_bundle(copy, name="my/model"), backend="onnx")


@pytest.mark.parametrize("arguments", [{}, {"backend": "onnx"}])
def test_a_changed_export_is_refused_and_not_replaced_by_another_engine(copy: Path, arguments: dict[str, str]) -> None:
    file = load_bundle(copy).verified(str(load_bundle(copy).exported("int8")))
    file.write_bytes(file.read_bytes() + b"\x00")
    with pytest.raises(ModelError, match=f"onnx/{file.name} is not the file that was trained"):
        Tagger.from_pretrained(copy, device="auto" if arguments else "cpu", **arguments)


def test_a_changed_export_is_refused_also_where_it_takes_over(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpu(monkeypatch, lambda _: True)
    tagger = Tagger.from_pretrained(copy)
    file = copy / str(tagger.bundle.exported("int8"))
    file.write_bytes(file.read_bytes() + b"\x00")
    with (
        pytest.warns(RuntimeWarning, match="going on with onnxruntime int8"),
        pytest.raises(ModelError, match="is not the file that was trained"),
    ):
        tagger.tag_sentences(TEXTS)


# What is not installed.


def test_without_onnxruntime_torch_runs_and_nothing_is_said(
    exported_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "onnxruntime")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ("torch", "fp32", "cpu") == chosen(load_engine(load_bundle(exported_folder), device="cpu"))


@pytest.mark.parametrize("hidden", [("torch",), ("transformers",), ("torch", "transformers")])
def test_without_torch_the_export_runs_even_where_there_is_a_gpu(
    exported_folder: Path, monkeypatch: pytest.MonkeyPatch, hidden: tuple[str, ...]
) -> None:
    hide(monkeypatch, *hidden)
    monkeypatch.setattr(chain, "_may_have_gpu", lambda: True)
    tagger = Tagger.from_pretrained(exported_folder)
    assert ("onnx", "int8", "cpu") == chosen(tagger.engine)
    assert len(TEXTS) == len(tagger.tag_sentences(TEXTS))


@pytest.mark.parametrize(
    ("hidden", "arguments", "message"),
    [
        (["onnxruntime"], {"backend": "onnx"}, "onnxruntime is not installed. Run: pip install 'eventroles[cpu]'"),
        (["torch"], {"backend": "torch"}, "torch is not installed. Run: pip install 'eventroles[torch]'"),
        (["transformers"], {"backend": "torch"}, "transformers is not installed. Run: pip install 'eventroles[torch]'"),
        (["torch"], {"device": "cuda"}, "torch is not installed. Run: pip install 'eventroles[torch]'"),
        (["onnxruntime", "torch"], {}, "onnxruntime is not installed. Run: pip install 'eventroles[cpu]'"),
        (["onnxruntime", "transformers"], {}, "onnxruntime is not installed. Run: pip install 'eventroles[cpu]'"),
    ],
)
def test_what_is_not_installed_is_named_with_its_install_in_one_line(
    exported_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    hidden: list[str],
    arguments: dict[str, str],
    message: str,
) -> None:
    hide(monkeypatch, *hidden)
    with pytest.raises(EventRolesError) as caught:
        load_engine(load_bundle(exported_folder), **arguments)
    assert message == str(caught.value)


def test_with_nothing_installed_a_model_without_exports_asks_for_torch(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_exports(copy, "fp32", "int8")
    hide(monkeypatch, "torch", "onnxruntime")
    with pytest.raises(EventRolesError, match=r"torch is not installed\. Run: pip install 'eventroles\[torch\]'"):
        load_engine(load_bundle(copy))


def test_an_onnxruntime_that_cannot_be_imported_is_replaced_with_a_warning(
    exported_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('DLL load failed')", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    bundle = load_bundle(exported_folder)
    with pytest.warns(RuntimeWarning, match="DLL load failed; going on with torch on the CPU"):
        assert ("torch", "fp32", "cpu") == chosen(load_engine(bundle, device="cpu", exact=True))
    with pytest.raises(ModelError, match="onnxruntime cannot be imported: DLL load failed"):
        load_engine(bundle, backend="onnx", exact=True)


def test_tagging_with_an_export_imports_neither_torch_nor_transformers(exported_folder: Path) -> None:
    code = (
        "import sys\n"
        "from eventroles import Tagger\n"
        "tagger = Tagger.from_pretrained(sys.argv[1], device='cpu')\n"
        "assert tagger.tag('Soldiers shelled the town. Two were killed.')\n"
        "print(tagger.engine.backend, *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(exported_folder)], capture_output=True, text=True, timeout=120
    )
    assert 0 == done.returncode, done.stderr
    backend, *loaded = done.stdout.split()
    assert "onnx" == backend
    assert set() == {"torch", "transformers", "onnx", "sklearn", "pyarrow"} & set(loaded)


# What fails, and what takes over.


def test_an_export_that_cannot_be_loaded_is_replaced_with_one_warning_and_no_row_changes(copy: Path) -> None:
    expected = Tagger.from_pretrained(copy, device="cpu", exact=True).tag_sentences(TEXTS)
    break_export(copy, "int8")
    with pytest.warns(RuntimeWarning, match="cannot load the model: .*; going on with onnxruntime fp32") as caught:
        tagger = Tagger.from_pretrained(copy, device="cpu")
    assert 1 == len(caught)
    assert ("onnx", "fp32", "cpu") == chosen(tagger.engine)
    assert_same_rows(expected, tagger.tag_sentences(TEXTS))


def test_torch_takes_over_where_no_export_can_be_loaded(copy: Path) -> None:
    expected = Tagger.from_pretrained(copy, device="cpu", backend="torch").tag_sentences(TEXTS)
    for precision in ("int8", "fp32"):
        break_export(copy, precision)
    with pytest.warns(RuntimeWarning, match="going on with") as caught:
        tagger = Tagger.from_pretrained(copy, device="cpu")
    assert 2 == len(caught)
    assert ("torch", "fp32", "cpu") == chosen(tagger.engine)
    assert_same_rows(expected, tagger.tag_sentences(TEXTS))


@pytest.mark.parametrize(
    ("failing", "expected"), [(["int8"], ("onnx", "fp32", "cpu")), (["int8", "fp32"], ("torch", "fp32", "cpu"))]
)
def test_onnxruntime_that_fails_in_mid_run_is_replaced_with_a_warning_and_every_sentence_comes_once(
    copy: Path, monkeypatch: pytest.MonkeyPatch, failing: list[str], expected: CHOSEN
) -> None:
    rows = Tagger.from_pretrained(copy, device="cpu", backend="torch").tag_sentences(TEXTS)
    tagger = Tagger.from_pretrained(copy, device="cpu")
    break_in_mid_run(monkeypatch, *failing)
    with pytest.warns(RuntimeWarning, match="onnxruntime failed: .* 6 : RUNTIME_EXCEPTION; going on with") as caught:
        found = tagger.tag_sentences(TEXTS)
    assert len(failing) == len(caught)
    assert expected == chosen(tagger.engine)
    assert_same_rows(rows, found)


@pytest.mark.parametrize("failing_call", [1, 2, 5])
def test_a_gpu_that_fails_is_replaced_by_the_export_with_one_warning_and_no_row_changes(
    copy: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int
) -> None:
    expected = Tagger.from_pretrained(copy, device="cpu", exact=True).tag_sentences(TEXTS)
    calls = pretend_gpu(monkeypatch, lambda call: call >= failing_call)
    tagger = Tagger.from_pretrained(copy, exact=True)
    with pytest.warns(RuntimeWarning, match="cuda failed: CUDA error: .*; going on with onnxruntime fp32") as caught:
        found = tagger.tag_sentences(TEXTS)
    assert 1 == len(caught)
    assert failing_call == calls[0]
    assert ("onnx", "fp32", "cpu") == chosen(tagger.engine)
    assert_same_rows(expected, found)


def test_rows_before_and_after_a_gpu_fails_are_decided_by_the_rule_of_their_engine(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = Tagger.from_pretrained(copy, device="cpu", exact=True).tag_sentences(TEXTS)
    quick = Tagger.from_pretrained(copy, device="cpu").tag_sentences(TEXTS)
    failing = False
    pretend_gpu(monkeypatch, lambda _: failing)
    tagger = Tagger.from_pretrained(copy)
    assert_same_rows(exact, tagger.tag_sentences(TEXTS))
    failing = True
    with pytest.warns(RuntimeWarning, match="going on with onnxruntime int8"):
        assert_same_rows(quick[:20], tagger.tag_sentences(TEXTS[:20]))


@pytest.mark.parametrize("failing_call", [1, 2, 5])
def test_a_gpu_that_fails_without_an_export_is_replaced_by_the_cpu_with_one_warning_and_no_row_changes(
    copy: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int
) -> None:
    remove_exports(copy, "fp32", "int8")
    expected = Tagger.from_pretrained(copy, device="cpu").tag_sentences(TEXTS)
    pretend_gpu(monkeypatch, lambda call: call >= failing_call)
    tagger = Tagger.from_pretrained(copy)
    with pytest.warns(RuntimeWarning, match="going on with torch on the CPU") as caught:
        found = tagger.tag_sentences(TEXTS)
    assert 1 == len(caught)
    assert ("torch", "fp32", "cpu") == chosen(tagger.engine)
    assert_same_rows(expected, found)


def test_a_folder_run_goes_on_over_a_failure_with_every_row_once(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text("\n\n".join(TEXTS), encoding="utf-8")
    inputs = sorted(tmp_path.glob("*.txt"))
    Tagger.from_pretrained(copy, device="cpu", exact=True).tag_folder(inputs, tmp_path / "expected.jsonl")
    tagger = Tagger.from_pretrained(copy, device="cpu")
    break_in_mid_run(monkeypatch, "int8")
    with pytest.warns(RuntimeWarning, match="going on with") as caught:
        tagger.tag_folder(inputs, tmp_path / "found.jsonl")
    assert 1 == len(caught)
    expected, found = (read_rows(tmp_path / name) for name in ("expected.jsonl", "found.jsonl"))
    assert 3 * len(TEXTS) == len(found)
    assert [row["roles"] for row in expected] == [row["roles"] for row in found]
    assert [(row["document"], row["index"]) for row in expected] == [(row["document"], row["index"]) for row in found]


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_where_everything_fails_the_last_reason_is_told(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = Tagger.from_pretrained(copy, backend="onnx")
    break_in_mid_run(monkeypatch, "int8", "fp32")
    with (
        pytest.warns(RuntimeWarning, match="going on with onnxruntime fp32"),
        pytest.raises(ModelError, match=r"onnxruntime failed: .* 6 : RUNTIME_EXCEPTION"),
    ):
        tagger.tag_sentences(TEXTS)


def test_a_gpu_is_looked_for_without_torch(exported_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle: Bundle = load_bundle(exported_folder)
    monkeypatch.setattr(chain, "_may_have_gpu", lambda: False)
    monkeypatch.setattr(chain, "choose_device", lambda _: pytest.fail("torch was asked for a GPU"))
    assert ("onnx", "int8", "cpu") == chosen(load_engine(bundle))
