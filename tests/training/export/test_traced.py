"""Architectures other than BERT are traced by torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from eventroles.inference.encoding import Encoded
from eventroles.inference.engines.onnx import OnnxEngine
from eventroles.inference.engines.torch import load_torch_engine
from eventroles.training.export.quantise import calibrate, find_products, quantise
from eventroles.training.export.traced import trace


@pytest.mark.slow
def test_a_distilbert_gives_the_logits_of_torch_and_can_be_quantised(tmp_path: Path) -> None:
    import torch
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    torch.manual_seed(5)
    shape = {"vocab_size": 80, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 64}
    config = DistilBertConfig(num_labels=4, initializer_range=0.3, **shape)
    DistilBertForSequenceClassification(config).eval().save_pretrained(tmp_path)
    random = np.random.default_rng(0)
    sentences = [
        Encoded(random.integers(1, 80, size=3 + n % 20).tolist(), [0] * (3 + n % 20), False) for n in range(30)
    ]
    expected = load_torch_engine(tmp_path, device="cpu").logits(sentences)

    model = trace(tmp_path)
    found = OnnxEngine(model.SerializeToString(), precision="fp32").logits(sentences)
    np.testing.assert_allclose(found, expected, atol=1e-5)

    products = find_products(model)
    int8 = quantise(model, products, calibrate(model, products, sentences))
    found = OnnxEngine(int8.SerializeToString(), precision="int8").logits(sentences)
    assert 12 == len(products)  # six a layer; the two of the head are left alone
    assert 0 < np.abs(found - expected).mean() < 0.1 * np.abs(expected).mean()
