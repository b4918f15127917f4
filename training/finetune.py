"""One fine-tuning: a model trained on splits in a folder, and what it says of sentences; no decision rule yet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..configs.schema import Config
from ..inference.encoding import Encoder
from ..inference.engines.torch import TorchEngine, load_torch_engine
from ..inference.tagger import Tagger
from ..labels.errors import require
from ..labels.labelset import LabelSet
from ..labels.records import Record
from .data import contexts, tokenise
from .distill import TEACHER_LOGITS, add_teachers, label_text, load_teachers, start_from
from .model import Base, find_base, load_base, load_tokenizer
from .splits import Splits
from .unlabelled import UnlabelledText, read_unlabelled

if TYPE_CHECKING:
    import datasets
    import transformers

    from .loop import Fit


@dataclass(frozen=True)
class Start:
    """What the models of a run start from.

    Attributes:
        base: the base model.
        teachers: the trained models that they learn from.
        unlabelled: sentences of the user's archive that the teachers label; None if none are named.
    """

    base: Base
    teachers: tuple[Tagger, ...] = ()
    unlabelled: UnlabelledText | None = None


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned model.

    Attributes:
        folder: its weights, config and tokenizer.
        encoder: its tokenizer.
        engine: what runs it, the same that tags with PyTorch.
        context: sentences before each one that it sees.
        fit: how the training went.
        averaged_epochs: epochs that the weights are the mean of.
        truncated: labelled training sentences longer than the window.
    """

    folder: Path
    encoder: Encoder
    engine: TorchEngine
    context: int
    fit: Fit
    averaged_epochs: int
    truncated: int

    def logits(self, records: Sequence[Record]) -> npt.NDArray[np.float32]:
        """Return what it says of records, ``[n_records, n_labels] float32``, each in its context."""
        texts = [record.text for record in records]
        return self.engine.logits(self.encoder.encode(texts, contexts(records, self.context)))


def find_start(config: Config, labels: LabelSet, *, known: Iterable[str]) -> Start:
    """Return what a config's models start from; the ensemble of `with_ensemble` comes later.

    Args:
        config: the training config.
        labels: the label set.
        known: the labelled sentences, which are left out of ``data.unlabelled``.

    Raises:
        ConfigError: a teacher does not suit this run, or what ``data.unlabelled`` names does not exist.
        DataError: there are no unlabelled sentences where some are asked for.
        EventRolesError: an extra is not installed.
        HubError: the Hub refuses, or cannot be reached.
        ModelError: no such base model or teacher.
    """
    for module in ("torch", "transformers", "datasets", "accelerate", "sklearn"):
        require(module, extra="train")
    teachers = load_teachers(config.distillation, labels)
    base = start_from(teachers[0]) if config.distillation.layers else find_base(config.model)
    return Start(base, teachers, read_unlabelled(config, known=known))


def fine_tune(
    start: Start,
    splits: Splits,
    *,
    config: Config,
    labels: LabelSet,
    folder: Path,
    checkpoints: Path,
    resume: bool = False,
    push: bool = False,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> FineTuned | None:
    """Fine-tune a model and write its weights and tokenizer; None in all but the main one of several processes.

    Args:
        start: as `find_start` gives it, with the teachers of an ensemble.
        splits: trained on ``train``, and on the start's unlabelled sentences as its teachers label them; the best epoch
            is chosen on ``validation``. ``test`` is not looked at.
        config: the training config; ``training.seed`` decides all that is random.
        labels: the label set.
        folder: where weights, config and tokenizer go.
        checkpoints: where checkpoints and logs go; they stay.
        resume: go on from the last complete checkpoint, if there is one.
        push: send it to the Hub after every epoch where the config asks for it; not teachers and models of folds.
        callbacks: of the Hugging Face Trainer, such as a progress display.

    Raises:
        ConfigError: the config does not fit the base model, or the Trainer.
        ModelError: the base model cannot be loaded.
    """
    from transformers import set_seed
    from transformers.utils import logging

    from . import loop
    from .average import average_epochs

    # Or every checkpoint would draw a bar of its own.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    set_seed(config.training.seed)
    model = load_base(start.base, config.model, labels, layers=config.distillation.layers)
    tokenizer = load_tokenizer(start.base, config.model)
    encoder = Encoder.parse(tokenizer.backend_tokenizer.to_str(), window=config.model.max_length)
    data = tokenise(splits.train, labels, encoder, context=config.model.context)
    truncated = sum(data["truncated"])
    if start.teachers:
        data = _add_lessons(data, start, splits, config=config, labels=labels, encoder=encoder)
    validation = tokenise(splits.validation, labels, encoder, context=config.model.context)
    fit = loop.fit(
        model,
        tokenizer,
        data.remove_columns("truncated"),
        validation.remove_columns("truncated"),
        config=config,
        labels=labels,
        folder=checkpoints,
        resume=resume,
        push=push,
        callbacks=callbacks,
    )
    if not fit.main_process:
        return None
    averaged = average_epochs(model, checkpoints, count=config.training.average_epochs)
    _save_weights(model, tokenizer, folder)
    return FineTuned(
        folder=folder,
        encoder=Encoder.load(folder, window=config.model.max_length),
        engine=load_torch_engine(folder),
        context=config.model.context,
        fit=fit,
        averaged_epochs=averaged,
        truncated=truncated,
    )


def _add_lessons(
    data: datasets.Dataset, start: Start, splits: Splits, *, config: Config, labels: LabelSet, encoder: Encoder
) -> datasets.Dataset:
    """Return the tokenised training split with what the teachers say of it, and with what they say of other text."""
    data = add_teachers(data, start.teachers, splits.train)
    if start.unlabelled:
        context = config.model.context
        more = label_text(start.unlabelled, start.teachers, labels=labels, encoder=encoder, context=context)
        data = require("datasets", extra="train").concatenate_datasets([data, more])
    # The loss of a step has a part of the teachers' only where it counts.
    return data if config.distillation.weight else data.remove_columns(TEACHER_LOGITS)


def _save_weights(
    model: transformers.PreTrainedModel, tokenizer: transformers.PreTrainedTokenizerFast, folder: Path
) -> None:
    """Write weights, config and tokenizer: first beside the folder's files, then each moved into its place."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".weights-") as name:
        temporary = Path(name)
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        for path in temporary.iterdir():
            path.chmod(0o644)  # safetensors writes files that only their owner may read
            path.replace(folder / path.name)
