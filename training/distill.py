"""Distillation: a trained model as the teacher of a smaller one, which learns its scores beside the labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..configs.load import shipped_configs
from ..configs.schema import DistillationConfig
from ..inference.tagger import Tagger
from ..labels.errors import ConfigError, HubError, ModelError
from ..labels.labelset import LabelSet
from ..labels.records import Record
from .data import MASKED, contexts, records_sha256
from .model import Base

if TYPE_CHECKING:
    import torch

TEACHER_LOGITS = "teacher_logits"
"""The column of the training data with what the teacher says of each sentence."""


def load_teacher(config: DistillationConfig, labels: LabelSet) -> Tagger | None:
    """Load the teacher that a config names; None if it names none.

    Raises:
        ConfigError: it is not there, or it has other labels than the run.
        HubError: the Hub refuses, or cannot be reached.
        ModelError: it is not a whole model folder of eventroles.
    """
    if config.teacher is None:
        return None
    _check_trained(config.teacher)
    try:
        # On the CPU in full precision, so that the same teacher says the same in every process and after a resume.
        teacher = Tagger.from_pretrained(config.teacher, device="cpu", exact=True)
    except (HubError, ModelError) as error:
        raise type(error)(f"distillation.teacher: {error}") from error
    differences = _differences(teacher.labels, labels)
    if differences:
        raise ConfigError(
            f"distillation.teacher: {config.teacher} does not have the labels of this run: {'; '.join(differences)}. "
            "Train a teacher with this label set first"
        )
    return teacher


def start_from(teacher: Tagger, config: DistillationConfig) -> Base:
    """Return the teacher as the base of a student that is made of its layers."""
    return Base(teacher.bundle.folder, config.teacher or "", teacher.bundle.revision)


def describe_descent(base: Base, teacher: Tagger | None, config: DistillationConfig) -> dict[str, str | None]:
    """Return what the manifest says of a model's origin: its pretrained encoder, and its teacher if it had one.

    A student made of its teacher's layers has the teacher's pretrained encoder, whose licence it inherits.
    """
    if teacher is None:
        return base.describe()
    bundle = teacher.bundle
    origin = bundle.manifest.base_model if config.layers else base.describe()
    return origin | {
        "teacher": bundle.name,
        "teacher_revision": bundle.revision,
        "teacher_layers": ", ".join(map(str, config.layers)) or None,
    }


def teacher_logits(teacher: Tagger, records: Sequence[Record]) -> npt.NDArray[np.float32]:
    """Return what the teacher says of records, ``[n_records, n_labels] float32`` logits, each in its context."""
    context = contexts(records, teacher.bundle.manifest.context)
    return teacher.logits([record.text for record in records], context)


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
