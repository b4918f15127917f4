"""The hand-built graph computes what transformers computes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from eventroles.inference.encoding import Encoded
from eventroles.inference.engines.onnx import OnnxEngine, open_session
from eventroles.inference.engines.torch import load_torch_engine
from eventroles.training.export.bert import build_bert, is_bert


def bert_folder(folder: Path, **changes: object) -> Path:
    """Write a random BERT classifier of the shape that the changes ask for."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(3)
    options = {"vocab_size": 90, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_labels": 5}
    shape = {"intermediate_size": 64, "max_position_embeddings": 64, "initializer_range": 0.3}
    BertForSequenceClassification(BertConfig(**(options | shape | changes))).eval().save_pretrained(folder)
    return folder


def sentences(count: int = 40) -> list[Encoded]:
    """Sentences of 3 to 50 random tokens, the second half of each a second segment."""
    random = np.random.default_rng(1)
    lengths = [3 + number % 48 for number in range(count)]
    return [
        Encoded(random.integers(1, 90, size=n).tolist(), [0] * (n - n // 2) + [1] * (n // 2), False) for n in lengths
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_hidden_layers": 1},
        {"hidden_act": "gelu_new"},
        {"hidden_act": "relu"},
        {"num_labels": 1},
        {"layer_norm_eps": 1e-3},
    ],
    ids=str,
)
def test_the_graph_gives_the_logits_of_torch(tmp_path: Path, changes: dict[str, object]) -> None:
    folder = bert_folder(tmp_path, **changes)
    expected = load_torch_engine(folder, device="cpu").logits(sentences())
    found = OnnxEngine(build_bert(folder).SerializeToString(), precision="fp32").logits(sentences())
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_padding_under_the_mask_changes_nothing(tmp_path: Path) -> None:
    session = open_session(build_bert(bert_folder(tmp_path)).SerializeToString())
    ids = np.random.default_rng(2).integers(1, 90, size=(3, 9))
    padded = np.concatenate([ids, np.full((3, 6), 7)], axis=1)

    def run(tokens: np.ndarray, length: int) -> np.ndarray:
        mask = (np.arange(tokens.shape[1]) < length).astype(np.int64)[None, :].repeat(3, axis=0)
        feeds = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        return np.asarray(session.run(["logits"], feeds)[0])

    np.testing.assert_allclose(run(padded, 9), run(ids, 9), atol=1e-5)
    assert np.abs(run(padded, 15) - run(ids, 9)).max() > 1e-3


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"hidden_act": "silu"}, False),
        ({"is_decoder": True}, False),
        ({"model_type": "roberta"}, False),
        ({"position_embedding_type": "relative_key"}, False),
    ],
    ids=str,
)
def test_only_what_the_graph_can_express_is_taken_for_bert(
    tmp_path: Path, change: dict[str, object], expected: bool
) -> None:
    config = json.loads((bert_folder(tmp_path) / "config.json").read_text(encoding="utf-8"))
    assert expected == is_bert(config | change)
