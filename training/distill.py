"""Distillation: trained models as the teachers of another one, which learns their scores beside the labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..configs.load import shipped_configs
from ..configs.schema import DistillationConfig
from ..inference.decision import DecisionRule
from ..inference.encoding import Encoder
from ..inference.tagger import Tagger
from ..labels.errors import ConfigError, HubError, ModelError
from ..labels.labelset import LabelSet
from ..labels.records import Record
from .data import MASKED, as_dataset, contexts, records_sha256
from .model import Base
from .unlabelled import UnlabelledText

if TYPE_CHECKING:
    import datasets
    import torch

TEACHER_LOGITS = "teacher_logits"
"""The column of the training data with what the teachers say of each sentence."""


def load_teachers(config: DistillationConfig, labels: LabelSet) -> tuple[Tagger, ...]:
    """Load the teachers that a config names.

    Raises:
        ConfigError: one is not there, or has other labels than the run: all such.
        HubError: the Hub refuses, or cannot be reached.
        ModelError: one is not a whole model folder of eventroles.
    """
    teachers, problems = [], []
    for name in config.teacher:
        try:
            teachers.append(_load_teacher(name, labels))
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return tuple(teachers)


def load_as_teacher(name: str | Path) -> Tagger:
    """Load a model to be a teacher: it says the same of a sentence in every process, and after a resume.

    Raises:
        ConfigError: it cannot run here.
        HubError: the Hub refuses, or cannot be reached.
        ModelError: it is not a whole model folder of eventroles.
    """
    return Tagger.from_pretrained(name, device="cpu", exact=True)


def start_from(teacher: Tagger) -> Base:
    """Return the teacher as the base of a student that is made of its layers."""
    return Base(teacher.bundle.folder, teacher.bundle.name, teacher.bundle.revision)


def describe_descent(base: Base, teachers: Sequence[Tagger], config: DistillationConfig) -> dict[str, str | None]:
    """Return what the manifest says of a model's origin: its pretrained encoder, and its teachers if it had some.

    A student made of its teacher's layers has the teacher's pretrained encoder, whose licence it inherits. Several
    teachers stand in one text, with commas between them.
    """
    if not teachers:
        return base.describe()
    bundles = [teacher.bundle for teacher in teachers]
    origin = bundles[0].manifest.base_model if config.layers else base.describe()
    return origin | {
        "teacher": ", ".join(bundle.name for bundle in bundles),
        "teacher_revision": ", ".join(bundle.revision for bundle in bundles),
        "teacher_layers": ", ".join(map(str, config.layers)) or None,
    }


def add_teachers(data: datasets.Dataset, teachers: Sequence[Tagger], records: Sequence[Record]) -> datasets.Dataset:
    """Return tokenised records with what the teachers say of each, in its context, as another column."""
    logits = mean_logits(teachers, [record.text for record in records], lambda count: contexts(records, count))
    return data.add_column(TEACHER_LOGITS, logits.tolist())


def label_text(
    text: UnlabelledText, teachers: Sequence[Tagger], *, labels: LabelSet, encoder: Encoder, context: int
) -> datasets.Dataset:
    """Return unlabelled sentences tokenised, with the teachers' probabilities, or best labels, as their labels.

    The columns are those of `tokenise` and that of the teachers' logits.
    """
    logits = mean_logits(teachers, text.texts, text.contexts)
    probabilities = DecisionRule.uncalibrated(len(labels), exclusive=labels.exclusive).probabilities(logits)
    encoded = encoder.encode(text.texts, text.contexts(context))
    return as_dataset(encoded, probabilities, labels).add_column(TEACHER_LOGITS, logits.tolist())


def mean_logits(
    teachers: Sequence[Tagger], texts: Sequence[str], contexts_of: Callable[[int], Sequence[str]]
) -> npt.NDArray[np.float32]:
    """Return what teachers say on average, ``[n_texts, n_labels] float32``: the mean of their calibrated logits.

    Each teacher's logits get its own temperatures and biases first. They are on one scale then, that of the log odds
    of being right, and one that is only louder than the others does not count more. The mean of log odds is the
    normalised geometric mean of probabilities: a teacher that is sure moves it further than one that does not know.

    Args:
        teachers: one or more.
        texts: the sentences.
        contexts_of: returns so many sentences before each; teachers may see different numbers of them.
    """
    total = np.zeros((len(texts), len(teachers[0].labels)))
    for teacher in teachers:
        logits = teacher.logits(texts, contexts_of(teacher.bundle.manifest.context))
        total += teacher.bundle.rule_for(teacher.engine.precision).log_odds(logits)
    return np.asarray(total / len(teachers), dtype=np.float32)


def saw_other_rows(teacher: Tagger, train: Sequence[Record]) -> bool:
    """Whether the teacher was trained on other sentences than these."""
    return bool(teacher.bundle.manifest.data["train_sha256"] != records_sha256(train))


def soft_loss(
    logits: torch.Tensor, teacher: torch.Tensor, targets: torch.Tensor, *, temperature: float
) -> torch.Tensor:
    """Return the sum, over all targets that are not `MASKED`, of the cross-entropy to the teacher's scores.

    Both sides' logits are divided by the temperature, and the sum is multiplied by its square, so that the gradients
    keep their size (Hinton et al., 2015, "Distilling the knowledge in a neural network").

    Args:
        logits: the student's, ``[n, n_labels]``.
        teacher: the teacher's, ``[n, n_labels]``.
        targets: as in `masked_loss`; only which are masked counts.
        temperature: above 1 the teacher's scores are softer, and tell more of how sure it is.
    """
    from torch.nn import functional

    counts = (targets != MASKED).float()
    soft = logits.float() / temperature
    if targets.dim() == 1:
        wanted = (teacher.float() / temperature).softmax(dim=1)
        losses = functional.cross_entropy(soft, wanted, reduction="none")
    else:
        wanted = (teacher.float() / temperature).sigmoid()
        losses = functional.binary_cross_entropy_with_logits(soft, wanted, reduction="none")
    return (losses * counts).sum() * temperature**2


def _load_teacher(name: str, labels: LabelSet) -> Tagger:
    _check_trained(name)
    try:
        teacher = load_as_teacher(name)
    except (HubError, ModelError) as error:
        raise type(error)(f"distillation.teacher: {error}") from error
    differences = _differences(teacher.labels, labels)
    if differences:
        raise ConfigError(
            f"distillation.teacher: {name} does not have the labels of this run: {'; '.join(differences)}. "
            "Train a teacher with this label set first"
        )
    return teacher


def _check_trained(name: str) -> None:
    """Refuse a teacher that one of our own configs makes and that is not here yet; the Hub has no such model."""
    path = Path(name)
    if path.parent == Path("runs") and path.name in shipped_configs() and not path.is_dir():
        raise ConfigError(
            f"distillation.teacher: there is no {name} (looked in {Path.cwd()}); train it first with: eventroles train "
            f"{path.name}"
        )


def _differences(teacher: LabelSet, student: LabelSet) -> list[str]:
    found = []
    for ours, theirs, verb in ((student, teacher, "lacks"), (teacher, student, "also has")):
        names = [name for name in ours.names if name not in theirs.names]
        if names:
            found.append(f"it {verb} {', '.join(names)}")
    if not found and teacher.names != student.names:
        found.append(f"its order is {', '.join(teacher.names)} and should be {', '.join(student.names)}")
    if teacher.exclusive != student.exclusive:
        kinds = {True: "exactly one label", False: "any number of labels"}
        found.append(f"it gives {kinds[teacher.exclusive]} a sentence and should give {kinds[student.exclusive]}")
    return found
