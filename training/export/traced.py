"""The graph of any other architecture, traced by torch."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

from ...inference.engines.engine import first_line
from ...inference.engines.torch import load_pretrained
from ...labels.errors import ModelError, require


def trace(folder: Path) -> Any:
    """Return the fp32 ONNX model of a folder with any sequence classifier that transformers knows.

    Inputs ``input_ids``, ``attention_mask`` and, where the model knows segments, ``token_type_ids``; output ``logits``.

    Raises:
        EventRolesError: torch, transformers or onnxscript is not installed.
        ModelError: torch cannot express the model in ONNX.
    """
    torch = require("torch", extra="train")
    transformers = require("transformers", extra="train")
    require("onnxscript", extra="train")
    model = load_pretrained(
        lambda: transformers.AutoModelForSequenceClassification.from_pretrained(
            folder, trust_remote_code=False, use_safetensors=True, local_files_only=True
        ),
        folder,
    ).eval()
    names = ["input_ids", "attention_mask"]
    if getattr(model.config, "type_vocab_size", 0) > 1:
        names.append("token_type_ids")

    class Logits(torch.nn.Module):  # type: ignore[name-defined,misc]
        """Takes the inputs by position, as the exporter hands them over."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: Any) -> Any:
            return self.model(**dict(zip(names, inputs, strict=True))).logits

    # A tensor for each: the exporter takes one that is given twice for one input.
    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in names)
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=_positions(model.config))}
    try:
        # The exporter prints its steps and warns of its own internals.
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                Logits().eval(),
                example,
                dynamo=True,
                input_names=names,
                output_names=["logits"],
                dynamic_shapes=((sizes,) * len(names),),
                verbose=False,
            )
    except Exception as error:  # the exporter raises many kinds, its own among them
        raise ModelError(f"{folder}: torch cannot express the model in ONNX: {first_line(error)}") from error
    proto = program.model_proto
    del proto.graph.value_info[:]  # shapes of the example, which later changes to the graph would contradict
    return proto


def _positions(config: Any) -> int:
    return int(getattr(config, "max_position_embeddings", 0) or 8192)
