"""What tests share: a tiny random model, and labelled sentences with a pattern that can be learned."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before huggingface_hub is imported: no test may ask the Hub
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

WORDS = {
    "attack": ["shelled", "bombed", "raided", "stormed"],
    "retaliation": ["retaliated", "reprisal", "avenged", "counterstrike"],
    "casualty_report": ["killed", "wounded", "dead", "injured"],
    "official_statement": ["said", "announced", "declared", "warned"],
}
FILLER = [
    "the",
    "town",
    "river",
    "soldiers",
    "market",
    "north",
    "border",
    "convoy",
    "morning",
    "harvest",
    "road",
    "bridge",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

LEARN = ("training.epochs=24", "training.early_stopping_patience=null")
"""`--set` values with which the tiny model learns its data; with those of `settings` alone it begins to."""


def make_rows(documents: int = 24, sentences: int = 6, *, seed: int = 1) -> list[dict[str, object]]:
    """Return labelled sentences: a role is there exactly if one of its words is."""
    rng = random.Random(seed)
    rows: list[dict[str, object]] = []
    for document in range(documents):
        for index in range(sentences):
            roles = [role for role in WORDS if rng.random() < 0.3]
            words = rng.sample(FILLER, 5) + [rng.choice(WORDS[role]) for role in roles]
            rng.shuffle(words)
            text = f"{' '.join(words)} {document} {index} ."
            rows.append({"document": f"doc-{document}", "index": index, "text": text, "roles": roles})
    return rows


def write_jsonl(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    """Write rows as JSON Lines and return the path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two tiny layers with random weights and a word-level tokenizer, as a local base model."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("base")
    words = (
        SPECIAL + [str(number) for number in range(40)] + FILLER + [word for some in WORDS.values() for word in some]
    )
    vocabulary = {word: index for index, word in enumerate([*words, "."])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, mask_token="[MASK]", **names).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        # Five times as large as usual: from smaller weights so few sentences teach it little.
        initializer_range=0.1,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """144 labelled sentences in 24 documents."""
    return write_jsonl(tmp_path_factory.mktemp("data") / "train.jsonl", make_rows())


@pytest.fixture(scope="session")
def settings(base_folder: Path, data_file: Path) -> list[str]:
    """`--set` values that train the tiny model on the tiny data in a few seconds."""
    return [
        f"data.train={data_file}",
        f"model.base={base_folder}",
        "model.max_length=48",
        "model.freeze_embeddings=false",
        "split.validation=0.2",
        "split.test=0.2",
        "training.epochs=12",
        "training.batch_size=8",
        "training.learning_rate=2e-3",
        "training.head_learning_rate=1e-2",
        "trainer.use_cpu=true",
        # The same on every machine.
        "training.precision=fp32",
        "export.fp32=false",
        "output.report=false",
        "export.int8=false",
    ]


@pytest.fixture(scope="session")
def train_tiny(settings: list[str]) -> Callable[..., object]:
    """Train the tiny model into a folder, with more `--set` values; returns the result."""
    from eventroles.configs import load_config
    from eventroles.training import TrainResult, train

    def run(folder: Path, *more: str, resume: bool = False) -> TrainResult:
        config = load_config("smoke", [*settings, f"output.folder={folder}", *more])
        result = train(config, resume=resume)
        assert result is not None
        return result

    return run


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, train_tiny: Callable[..., object]) -> Path:
    """A tiny model that has learned its data. Tests that change it must copy it first."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train_tiny(folder, *LEARN)
    return folder


@pytest.fixture(scope="session")
def exported_folder(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    """The tiny model with both ONNX files; int8 may change any number of decisions. Tests must copy it to change it."""
    from eventroles.inference.bundle import load_bundle
    from eventroles.training.data import training_data
    from eventroles.training.export import export_model

    folder = Path(shutil.copytree(model_folder, tmp_path_factory.mktemp("exported") / "tiny"))
    data = training_data(load_bundle(folder))
    loose = data.config.export.model_copy(update={"max_flips": 1.0, "max_f1_loss": 1.0})
    made = export_model(folder, replace(data, config=data.config.model_copy(update={"export": loose})))
    assert {"fp32", "int8"} == {precision for precision, export in made.items() if export.file}, made
    return folder


@pytest.fixture(scope="session")
def plain_folder(tmp_path_factory: pytest.TempPathFactory, base_folder: Path) -> Path:
    """A classifier of transformers that eventroles has not made: random weights, three labels, sigmoids."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("plain") / "model"
    names = ["violence", "talks", "aid"]
    torch.manual_seed(3)
    model = AutoModelForSequenceClassification.from_pretrained(
        base_folder,
        num_labels=3,
        id2label=dict(enumerate(names)),
        label2id={name: index for index, name in enumerate(names)},
        problem_type="multi_label_classification",
    )
    torch.nn.init.normal_(model.classifier.weight, std=1.0)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base_folder).save_pretrained(folder)
    return folder
