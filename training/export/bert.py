"""The graph of a BERT classifier, built straight from its safetensors, with attention as one node.

It computes what transformers' ``BertForSequenceClassification`` computes, but the last layer for the first token only:
the head looks at nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...inference.modelfiles import SAFETENSORS
from ...labels.errors import require
from .graph import CONTRIB, GraphBuilder

Floats = npt.NDArray[np.float32]
# Activations by their name in config.json, as operator and attributes.
_ACTIVATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "gelu": ("Gelu", {}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
}


def is_bert(config: Mapping[str, Any]) -> bool:
    """Whether `build_bert` can build the model that a ``config.json`` describes."""
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") in _ACTIVATIONS
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder", False)
    )


def build_bert(folder: Path) -> Any:
    """Return the fp32 ONNX model of a folder with a BERT classifier.

    Inputs ``input_ids``, ``attention_mask`` and ``token_type_ids``, ``[batch, sequence] int64``; output ``logits``,
    ``[batch, n_labels] float32``.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = require("safetensors.numpy", extra="train").load_file(folder / SAFETENSORS)
    return _Bert(config, weights).build()


class _Bert:
    """One build: the graph so far, and the names of its tensors."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Floats]) -> None:
        self.config = config
        self.weights = {name: np.asarray(array, dtype=np.float32) for name, array in weights.items()}
        self.graph = GraphBuilder()

    def build(self) -> Any:
        graph = self.graph
        # onnxruntime's attention wants the mask as 32-bit numbers.
        graph.node("Cast", ["attention_mask"], "mask", to=6)
        least = graph.node("ReduceMin", ["attention_mask"], "mask.least", keepdims=0)
        graph.node("Equal", [least, graph.weight("mask.one", np.array(1, dtype=np.int64))], "nothing_masked")
        hidden = self._embeddings()
        last = self.config["num_hidden_layers"] - 1
        for number in range(last + 1):
            hidden = self._layer(number, hidden, first_token_only=number == last)
        first = graph.node("Squeeze", [hidden, self._index("axis", 1)], "first_token")
        pooled = graph.node("Tanh", [self._product(first, "bert.pooler.dense", "pooler")], "pooled")
        self._product(pooled, "classifier", "logits")
        return graph.model(
            ["input_ids", "attention_mask", "token_type_ids"], "logits", len(self.weights["classifier.bias"])
        )

    def _embeddings(self) -> str:
        graph, prefix = self.graph, "bert.embeddings."

        def table(kind: str) -> str:
            return graph.weight(f"{kind}_embeddings", self.weights[f"{prefix}{kind}_embeddings.weight"])

        words = graph.node("Gather", [table("word"), "input_ids"], "embeddings.words")
        types = graph.node("Gather", [table("token_type"), "token_type_ids"], "embeddings.types")
        length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
        zero = self._index("zero", 0)
        positions = graph.node("Slice", [table("position"), zero, length, zero], "embeddings.positions")
        both = graph.node("Add", [words, types], "embeddings.words_and_types")
        total = graph.node("Add", [both, positions], "embeddings.sum")
        return self._norm(total, f"{prefix}LayerNorm", "embeddings")

    def _layer(self, number: int, hidden: str, *, first_token_only: bool) -> str:
        graph, name, prefix = self.graph, f"layer.{number}", f"bert.encoder.layer.{number}."
        own = hidden  # the tokens that this layer computes
        if first_token_only:
            edges = [self._index("zero", 0), self._index("one", 1), self._index("axis", 1)]
            own = graph.node("Slice", [hidden, *edges], f"{name}.first_token")
        attention = f"{prefix}attention.self."
        query = self._product(own, f"{attention}query", f"{name}.query")
        key = self._product(hidden, f"{attention}key", f"{name}.key")
        value = self._product(hidden, f"{attention}value", f"{name}.value")
        context = self._attention([query, key, value], f"{name}.attention")
        context = self._product(context, f"{prefix}attention.output.dense", f"{name}.attention_output")
        own = self._residual(context, own, f"{prefix}attention.output.LayerNorm", f"{name}.attended")
        operator, attributes = _ACTIVATIONS[self.config["hidden_act"]]
        wide = self._product(own, f"{prefix}intermediate.dense", f"{name}.intermediate")
        wide = graph.node(operator, [wide], f"{name}.activation", **attributes)
        narrow = self._product(wide, f"{prefix}output.dense", f"{name}.output")
        return self._residual(narrow, own, f"{prefix}output.LayerNorm", name)

    def _attention(self, inputs: list[str], name: str) -> str:
        """Attend; without the mask where it hides nothing, which takes a quarter less time."""
        whole, masked = GraphBuilder(), GraphBuilder()
        heads = self.config["num_attention_heads"]
        whole.node("MultiHeadAttention", inputs, f"{name}.whole", domain=CONTRIB, num_heads=heads)
        with_mask = [*inputs, "", "mask"]
        masked.node("MultiHeadAttention", with_mask, f"{name}.masked", domain=CONTRIB, num_heads=heads)
        return self.graph.choice("nothing_masked", whole, masked, name)

    def _product(self, tensor: str, weights: str, name: str) -> str:
        matrix = self.graph.weight(f"{name}.weight", self.weights[f"{weights}.weight"].T)
        bias = self.graph.weight(f"{name}.bias", self.weights[f"{weights}.bias"])
        product = self.graph.node("MatMul", [tensor, matrix], f"{name}.product")
        return self.graph.node("Add", [product, bias], name)

    def _residual(self, tensor: str, before: str, weights: str, name: str) -> str:
        return self._norm(self.graph.node("Add", [tensor, before], f"{name}.sum"), weights, name)

    def _norm(self, tensor: str, weights: str, name: str) -> str:
        scale = self.graph.weight(f"{name}.norm.scale", self.weights[f"{weights}.weight"])
        bias = self.graph.weight(f"{name}.norm.bias", self.weights[f"{weights}.bias"])
        epsilon = float(self.config["layer_norm_eps"])
        return self.graph.node("LayerNormalization", [tensor, scale, bias], f"{name}.norm", axis=-1, epsilon=epsilon)

    def _index(self, name: str, value: int) -> str:
        return self.graph.weight(name, np.array([value], dtype=np.int64))
