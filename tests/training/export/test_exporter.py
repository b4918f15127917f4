"""A model folder after its export: files, manifest, contract; and the models whose int8 form is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eventroles import Tagger
from eventroles.inference.bundle import load_bundle, write_manifest
from eventroles.inference.encoding import Encoder
from eventroles.inference.engines.torch import load_torch_engine
from eventroles.inference.manifest import Manifest
from eventroles.labels import Record
from eventroles.training.data import TrainingData, training_data
from eventroles.training.export import export_model, exporter

TEXTS = ["soldiers shelled the town", "officials said the market burned", "two dead in a reprisal", "the river"]


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    """The tiny model with random weights whose scores differ widely from sentence to sentence."""
    random = np.random.default_rng(7)

    def spread(weights: dict[str, np.ndarray]) -> None:
        for name, matrix in weights.items():
            if matrix.ndim == 2:
                weights[name] = random.normal(size=matrix.shape, scale=0.3).astype(np.float32)

    def centre(weights: dict[str, np.ndarray]) -> None:
        logits = torch_logits(folder, training_data(load_bundle(folder)).splits.train)
        scale = 3 / logits.std(axis=0)
        weights["classifier.weight"] *= scale[:, None]
        weights["classifier.bias"] = (weights["classifier.bias"] - np.median(logits, axis=0)) * scale

    folder = Path(shutil.copytree(model_folder, tmp_path / "model"))
    rewrite(folder, spread, decision={"objective": "f1", "temperatures": [1.0] * 4, "thresholds": [0.5] * 4})
    rewrite(folder, centre)
    return folder


def torch_logits(folder: Path, records: Sequence[Record]) -> np.ndarray:
    encoded = Encoder.load(folder, window=48).encode([record.text for record in records])
    return load_torch_engine(folder, device="cpu").logits(encoded)


def data_of(folder: Path, *, max_flips: float = 0.03, max_f1_loss: float = 0.03) -> TrainingData:
    """The data of a model, its validation sentences labelled as the model itself would, and limits of the contract."""
    limits = {"max_flips": max_flips, "max_f1_loss": max_f1_loss}  # of 30 sentences, so looser than the default
    data = training_data(load_bundle(folder))
    names = load_bundle(folder).label_set.names
    given = torch_logits(folder, data.splits.validation) > 0
    validation = tuple(
        replace(record, roles=tuple(name for name, yes in zip(names, row, strict=True) if yes))
        for record, row in zip(data.splits.validation, given, strict=True)
    )
    config = data.config.model_copy(update={"export": data.config.export.model_copy(update=limits)})
    return TrainingData(config, replace(data.splits, validation=validation))


def rewrite(folder: Path, change: Callable[[dict[str, np.ndarray]], None], **manifest: object) -> None:
    """Change the weights of a model, and its manifest with them."""
    from safetensors.numpy import load_file, save_file

    weights = {name: array.copy() for name, array in load_file(folder / "model.safetensors").items()}
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    old = json.loads((folder / "eventroles.json").read_text(encoding="utf-8"))
    write_manifest(folder, Manifest.model_validate(old | {"probes": []} | manifest))


def drown_outputs(weights: dict[str, np.ndarray]) -> None:
    """Add one large number to all outputs of a layer: its norm takes it out again, but 8 bits cannot hold both."""
    random = np.random.default_rng(0)
    for name, matrix in weights.items():
        if name.endswith("output.dense.weight"):
            matrix += 100 * random.normal(size=(1, matrix.shape[1])).astype(np.float32)


def shear_heads(weights: dict[str, np.ndarray]) -> None:
    """Shear queries against keys and values against outputs: what the layer computes stays, its matrices get skewed."""
    shear = np.eye(8, dtype=np.float32) + 400 * np.eye(8, k=4, dtype=np.float32)
    every = np.kron(np.eye(4, dtype=np.float32), shear)
    back = np.linalg.inv(every).astype(np.float32)
    for layer in (0, 1):
        prefix = f"bert.encoder.layer.{layer}.attention."
        for name, matrix in (("self.query", every), ("self.key", back.T), ("self.value", every)):
            weights[f"{prefix}{name}.weight"] = (matrix @ weights[f"{prefix}{name}.weight"]).copy()
            weights[f"{prefix}{name}.bias"] = (matrix @ weights[f"{prefix}{name}.bias"]).copy()
        output = f"{prefix}output.dense.weight"
        weights[output] = (weights[output] @ back).copy()


def test_both_files_are_written_named_with_hashes_and_compared(copy: Path) -> None:
    made = export_model(copy, data_of(copy))
    bundle = load_bundle(copy)
    assert made == bundle.manifest.exports
    assert {"fp32": "onnx/model.onnx", "int8": "onnx/model_int8.onnx"} == {k: one.file for k, one in made.items()}
    for name in ("onnx/model.onnx", "onnx/model_int8.onnx"):
        assert bundle.verified(name).is_file()
    fp32, int8 = made["fp32"].comparison, made["int8"].comparison
    assert fp32 is not None
    assert int8 is not None
    assert fp32.largest_change < 1e-4
    assert 0 == fp32.flip_share
    assert 0 < int8.largest_change < 0.5
    assert int8.sentences == bundle.manifest.data["validation"]["sentences"]
    assert int8.flip_share <= 0.03


def test_int8_gets_a_decision_rule_of_its_own_and_the_tagger_uses_it(copy: Path) -> None:
    export_model(copy, data_of(copy))
    exact, fast = (Tagger.from_pretrained(copy, exact=exact, device="cpu") for exact in (True, False))
    assert ("fp32", "int8") == (exact.engine.precision, fast.engine.precision)
    own = fast.bundle.rule_for("int8")
    assert own.temperatures != exact.bundle.rule.temperatures
    scores = own.probabilities(fast.logits(TEXTS))
    assert scores[:, 0].tolist() == [sentence.scores["attack"] for sentence in fast.tag_sentences(TEXTS)]


def test_the_same_export_twice_gives_the_same_bytes(copy: Path) -> None:
    found = []
    for _ in range(2):
        export_model(copy, data_of(copy))
        found.append([(copy / name).read_bytes() for name in ("onnx/model_int8.onnx", "eventroles.json")])
    assert found[0] == found[1]


def test_products_that_quantise_badly_stay_in_fp32(copy: Path) -> None:
    rewrite(copy, drown_outputs)
    int8 = export_model(copy, data_of(copy))["int8"]
    assert "onnx/model_int8.onnx" == int8.file
    guilty = {f"layer.{layer}.{kind}" for layer in (0, 1) for kind in ("attention_output", "output")}
    assert guilty & set(int8.kept_fp32)
    assert int8.comparison is not None
    assert int8.comparison.flip_share <= 0.03


def test_a_model_that_quantises_badly_everywhere_is_refused_and_fp32_is_used(copy: Path) -> None:
    export_model(copy, data_of(copy))
    rewrite(copy, shear_heads)
    made = export_model(copy, data_of(copy))
    assert "onnx/model.onnx" == made["fp32"].file
    assert made["int8"].file is None
    assert "of 13 matrix products in fp32" in made["int8"].reason
    assert "% of decisions differ" in made["int8"].reason or "macro F1 falls" in made["int8"].reason
    assert made["int8"].comparison is not None
    assert not (copy / "onnx" / "model_int8.onnx").exists()
    assert "fp32" == Tagger.from_pretrained(copy, device="cpu").engine.precision


def test_limits_of_zero_are_held_to_the_letter(copy: Path) -> None:
    made = export_model(copy, data_of(copy, max_flips=0.0, max_f1_loss=0.0))["int8"]
    if made.file:
        assert made.comparison is not None
        assert 0 == made.comparison.flip_share
    else:
        assert "limit 0.00" in made.reason


def test_without_its_data_a_model_gets_fp32_only(copy: Path) -> None:
    made = export_model(copy, None)
    assert "onnx/model.onnx" == made["fp32"].file
    assert made["fp32"].comparison is None
    assert (None, "no validation sentences to compare it on") == (made["int8"].file, made["int8"].reason)


def test_one_precision_leaves_the_other_as_it_is(copy: Path) -> None:
    both = export_model(copy, data_of(copy))
    export_model(copy, None, precisions=["fp32"])
    assert both["int8"] == load_bundle(copy).manifest.exports["int8"]
    assert "int8" == Tagger.from_pretrained(copy, device="cpu").engine.precision


def test_an_export_that_breaks_off_leaves_a_model_that_loads(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_model(copy, data_of(copy))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporter, "write_model", full)
    with pytest.raises(OSError, match="No space"):
        export_model(copy, data_of(copy))
    tagger = Tagger.from_pretrained(copy, device="cpu")
    assert ("torch", {}) == (tagger.engine.backend, tagger.bundle.manifest.exports)


def test_a_graph_that_differs_from_torch_is_never_shipped(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = exporter.build_bert

    def wrong(folder: Path) -> object:
        model = build(folder)
        for node in model.graph.node:
            if node.op_type == "Tanh":
                node.op_type = "Sigmoid"
        return model

    monkeypatch.setattr(exporter, "build_bert", wrong)
    made = export_model(copy, data_of(copy))
    assert [None, None] == [export.file for export in made.values()]
    assert all("differ from torch's" in export.reason for export in made.values())


def test_a_training_run_ends_with_the_exports_that_its_config_asks_for(
    tmp_path: Path, train_tiny: Callable[..., object]
) -> None:
    result = train_tiny(tmp_path / "run", "export.fp32=true", "export.int8=false", "training.epochs=1")
    assert ["fp32"] == list(result.exports)
    assert ["fp32"] == list(load_bundle(tmp_path / "run").manifest.exports)


def test_int8_has_review_bands_and_error_rates_of_its_own(exported_folder: Path) -> None:
    bundle = load_bundle(exported_folder)
    assert [0.005, 0.01, 0.02, 0.05, 0.1, 0.2] == [found.max_error for found in bundle.rule_for("int8").review]
    sizes = {name: errors.positives for name, errors in bundle.errors_for("fp32").items()}
    assert sizes == {name: errors.positives for name, errors in bundle.errors_for("int8").items()}
    assert bundle.errors_for("fp32") != bundle.errors_for("int8")
