"""The int8 form of a graph: close to fp32, small, and blind to what stands beside a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from eventroles.inference.encoding import Encoded, Encoder
from eventroles.inference.engines.onnx import OnnxEngine, open_session
from eventroles.training.export import quantise as module
from eventroles.training.export.bert import build_bert
from eventroles.training.export.graph import GraphBuilder
from eventroles.training.export.quantise import Range, calibrate, find_products, quantise, quantise_columns
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

TEXTS = [f"soldiers {word} the town {number}" for number in range(20) for word in ("shelled", "said the river", "")]


@pytest.fixture(scope="module")
def encoded(model_folder: Path) -> list[Encoded]:
    return Encoder.load(model_folder, window=48).encode(TEXTS)


@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(-9, 9, width=32)))
def test_a_weight_is_off_by_half_a_step_of_its_column_at_most(matrix: np.ndarray) -> None:
    values, scales = quantise_columns(matrix)
    assert np.int8 == values.dtype
    assert (np.abs(values * scales - matrix) <= scales * 0.5001).all()


def test_every_product_but_the_last_is_found_with_its_bias(model_folder: Path) -> None:
    products = find_products(build_bert(model_folder))
    kinds = ("query", "key", "value", "attention_output", "intermediate", "output")
    assert [*(f"layer.{n}.{kind}" for n in (0, 1) for kind in kinds), "pooler"] == [one.name for one in products]
    assert all(product.bias for product in products)


def test_int8_logits_are_close_to_fp32_and_not_the_same(model_folder: Path, encoded: list[Encoded]) -> None:
    model = build_bert(model_folder)
    products = find_products(model)
    int8 = quantise(model, products, calibrate(model, products, encoded))
    expected = OnnxEngine(model.SerializeToString(), precision="fp32").logits(encoded)
    found = OnnxEngine(int8.SerializeToString(), precision="int8").logits(encoded)
    assert 0 < np.abs(found - expected).mean() < 0.03 * np.abs(expected).mean()


def test_only_the_chosen_products_become_int8(model_folder: Path, encoded: list[Encoded]) -> None:
    model = build_bert(model_folder)
    products = find_products(model)
    int8 = quantise(model, products[:2], calibrate(model, products, encoded))
    kinds = [node.op_type for node in int8.graph.node]
    assert 2 == kinds.count("MatMulIntegerToFloat")
    assert 1 == kinds.count("QuantizeLinear")  # query and key take the same activation
    assert len(products) - 2 + 1 == kinds.count("MatMul")
    names = {weight.name for weight in int8.graph.initializer}
    assert "layer.0.query.weight" not in names
    assert "layer.0.value.weight" in names


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_neighbour_changes_a_bit_of_a_sentence(data: st.DataObject, exported_folder: Path) -> None:
    engine = OnnxEngine(exported_folder / "onnx" / "model_int8.onnx", precision="int8", threads=1)
    sentences = Encoder.load(exported_folder, window=48).encode(TEXTS)
    chosen = data.draw(st.lists(st.integers(0, len(sentences) - 1), min_size=1, max_size=40))
    together = engine.logits([sentences[index] for index in chosen])
    alone = np.concatenate([engine.logits([sentences[index]]) for index in chosen])
    assert (together == alone).all()


def test_a_channel_far_larger_than_the_others_does_not_drown_them() -> None:
    random = np.random.default_rng(0)
    graph = GraphBuilder()
    matrix = random.normal(size=(16, 8)).astype(np.float32)
    matrix[3] /= 1000
    hidden = graph.node("Cast", ["ids"], "hidden", to=1)
    product = graph.node("MatMul", [hidden, graph.weight("matrix", matrix)], "wide.product")
    out = graph.node("MatMul", [product, graph.weight("last", np.eye(8, dtype=np.float32))], "logits")
    model = graph.model(["ids"], out, 8)
    rows = random.integers(-50, 50, size=(64, 16))
    rows[:, 3] *= 1000
    ranges = {"hidden": Range(rows.min(axis=0).astype(np.float32), rows.max(axis=0).astype(np.float32))}
    found = open_session(quantise(model, find_products(model), ranges).SerializeToString()).run(None, {"ids": rows})[0]
    assert np.abs(found - rows @ matrix).max() < 0.02 * np.abs(rows @ matrix).max()


def test_a_large_embedding_table_is_stored_in_a_quarter_of_the_room(
    model_folder: Path, encoded: list[Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_bert(model_folder)
    expected = OnnxEngine(model.SerializeToString(), precision="fp32").logits(encoded)
    monkeypatch.setattr(module, "_LARGE_TABLE", 1000)
    int8 = quantise(model, [], {})
    found = OnnxEngine(int8.SerializeToString(), precision="int8").logits(encoded)
    tables = {weight.name: weight for weight in int8.graph.initializer if "word_embeddings" in weight.name}
    assert {"int8/word_embeddings", "int8/word_embeddings/scale"} == set(tables)
    assert 0 < np.abs(found - expected).mean() < 0.03 * np.abs(expected).mean()
