"""Models of eventroles in other programs: the same scores, before calibration, from the same folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tokenizers
import transformers
from eventroles import Tagger

TEXTS = ["soldiers shelled the town", "the minister said it was retaliated", "two were killed"]


@pytest.fixture(scope="module")
def expected(exported_folder: Path) -> np.ndarray:
    """What the model says before calibration, ``[n_texts, n_labels]``."""
    logits = Tagger.from_pretrained(exported_folder, device="cpu", exact=True).logits(TEXTS)
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize("options", [{}, {"function_to_apply": "sigmoid"}])
def test_the_pipeline_of_transformers_gives_the_sigmoids(
    exported_folder: Path, expected: np.ndarray, options: dict[str, str]
) -> None:
    run = transformers.pipeline("text-classification", str(exported_folder), device="cpu")
    names = Tagger.from_pretrained(exported_folder).labels.names
    for row, found in zip(expected, run(TEXTS, top_k=None, **options), strict=True):
        scores = {one["label"]: one["score"] for one in found}
        assert row == pytest.approx([scores[name] for name in names], abs=1e-5)


def test_the_classes_of_transformers_load_it(exported_folder: Path, expected: np.ndarray) -> None:
    import torch

    model = transformers.AutoModelForSequenceClassification.from_pretrained(exported_folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported_folder)
    with torch.inference_mode():
        logits = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
    assert np.allclose(expected, torch.sigmoid(logits).numpy(), atol=1e-5)
    assert "multi_label_classification" == model.config.problem_type


def test_onnxruntime_runs_the_exported_file(exported_folder: Path, expected: np.ndarray) -> None:
    session = onnxruntime.InferenceSession(exported_folder / "onnx" / "model.onnx", providers=["CPUExecutionProvider"])
    tokenizer = tokenizers.Tokenizer.from_file(str(exported_folder / "tokenizer.json"))
    tokenizer.no_padding()
    for text, row in zip(TEXTS, expected, strict=True):
        encoding = tokenizer.encode(text)
        feed = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        wanted = {one.name for one in session.get_inputs()}
        arrays = {name: np.array([values], dtype=np.int64) for name, values in feed.items() if name in wanted}
        (logits,) = session.run(["logits"], arrays)
        assert row == pytest.approx(1 / (1 + np.exp(-logits[0])), abs=1e-4)


def test_the_folder_has_the_layout_of_transformers_js(exported_folder: Path) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "onnx/model.onnx"):
        assert (exported_folder / name).is_file(), name
    config = json.loads((exported_folder / "config.json").read_text(encoding="utf-8"))
    assert ["attack", "retaliation", "casualty_report", "official_statement"] == list(config["id2label"].values())
