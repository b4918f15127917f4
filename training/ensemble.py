"""Seed ensembles: models that differ in their seed alone, trained first, to be the teachers of one."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ..configs.load import dump_config
from ..configs.schema import Config
from ..inference.bundle import write_manifest
from ..inference.manifest import MANIFEST, DecisionManifest, Manifest
from ..inference.tagger import Tagger
from ..labels.errors import ConfigError, ModelError
from ..labels.labelset import LabelSet
from .data import records_sha256, targets
from .decide import fit_rule
from .distill import load_as_teacher
from .finetune import FineTuned, Start, fine_tune
from .series import OnStep, Step
from .splits import PARTS, Splits

if TYPE_CHECKING:
    import transformers

TEACHERS = "teachers"
"""Folder in that of a model with the ensemble that it learns from."""
_SEEDS = 2**32


def refuse_ensemble_in_processes(config: Config) -> None:
    """Refuse to train an ensemble in several processes (``torchrun``).

    Raises:
        ConfigError: this is one of several.
    """
    if config.distillation.ensemble and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(
            "distillation.ensemble: in several processes (torchrun) the teachers are trained one by one: give each a "
            "seed and a folder of its own (--set training.seed=14 --set distillation.ensemble=0 --output "
            "runs/teacher-14), then name the folders in distillation.teacher with distillation.ensemble: 0"
        )


def with_ensemble(
    start: Start,
    splits: Splits,
    *,
    config: Config,
    labels: LabelSet,
    folder: Path,
    resume: bool = False,
    on_step: OnStep | None = None,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> Start:
    """Train the teachers that ``distillation.ensemble`` asks for, and return the start with them.

    Models of the same kind that started from different seeds err in different places. What they say on average is
    better than what each says, and one model of that kind can learn it: Hinton et al., 2015, "Distilling the knowledge
    in a neural network"; Furlanello et al., 2018, "Born-again neural networks". The teachers themselves have no
    teacher, and see no unlabelled text.

    Args:
        start: what the model starts from.
        splits: as the model's own; ``test`` is not looked at.
        config: the training config.
        labels: the label set.
        folder: that of the model; each teacher gets one in ``teachers/``, which is a model folder without scores.
        resume: keep the teachers that an interrupted run has finished, and go on with the one it was at.
        on_step: called before each training that is to come, the model's own included.
        callbacks: of the Hugging Face Trainer.

    Raises:
        ConfigError: the config does not fit the base model, or the objective cannot be reached.
        ModelError: the base model cannot be loaded.
    """
    count = config.distillation.ensemble
    if not resume:
        remove_teachers(folder)
    teachers = []
    for place in range(count):
        own = _config_of(config, place)
        path = folder / TEACHERS / f"seed-{own.training.seed}"
        teacher = _finished(path, own, splits) if resume else None
        if teacher is None:
            if on_step is not None:
                on_step(Step(place, count + 1, f"teacher {place + 1} of {count}, seed {own.training.seed}"))
            teacher = _train(start, splits, path, own, labels, resume=resume, callbacks=callbacks)
        teachers.append(teacher)
    if count and on_step is not None:
        on_step(Step(count, count + 1, "the model that learns from them"))
    return replace(start, teachers=(*start.teachers, *teachers))


def remove_teachers(folder: Path) -> None:
    """Delete the ensemble in a model's folder, finished or not."""
    shutil.rmtree(folder / TEACHERS, ignore_errors=True)


def _config_of(config: Config, place: int) -> Config:
    """Return the config of a teacher: the model's own with another seed, and without all that makes it a student."""
    seed = (config.training.seed + 1 + place) % _SEEDS
    return config.model_copy(
        update={
            "data": config.data.model_copy(update={"unlabelled": []}),
            "training": config.training.model_copy(update={"seed": seed}),
            "distillation": config.distillation.model_copy(update={"teacher": [], "ensemble": 0, "layers": []}),
            "output": config.output.model_copy(update={"folder": None}),
        }
    )


def _train(
    start: Start,
    splits: Splits,
    path: Path,
    config: Config,
    labels: LabelSet,
    *,
    resume: bool,
    callbacks: Sequence[transformers.TrainerCallback],
) -> Tagger:
    path.mkdir(parents=True, exist_ok=True)
    checkpoints = path / "checkpoints"
    model = fine_tune(
        Start(start.base),
        splits,
        config=config,
        labels=labels,
        folder=path,
        checkpoints=checkpoints,
        resume=resume,
        callbacks=callbacks,
    )
    assert model is not None, "an ensemble is trained in one process"
    write_manifest(path, _manifest(model, start, splits, config, labels))
    shutil.rmtree(checkpoints, ignore_errors=True)
    return _load(path)


def _finished(path: Path, config: Config, splits: Splits) -> Tagger | None:
    """Return a teacher that an interrupted run has finished, with the same config and sentences; None otherwise."""
    if not (path / MANIFEST).is_file():
        return None
    try:
        teacher = _load(path)
    except ModelError:
        return None
    manifest = teacher.bundle.manifest
    same = manifest.config_sha256 == _config_sha256(config) and manifest.data == _describe_data(splits)
    return teacher if same else None


def _load(path: Path) -> Tagger:
    teacher = load_as_teacher(path)
    # The folder is deleted in the end: the manifest of the model calls its teachers by their seeds.
    return Tagger(replace(teacher.bundle, name=path.name), teacher.engine, teacher.encoder)


def _manifest(model: FineTuned, start: Start, splits: Splits, config: Config, labels: LabelSet) -> Manifest:
    """Return the manifest of a teacher: its rule is fitted, as its temperatures count; it is not scored."""
    rule = fit_rule(
        model.logits(splits.validation),
        targets(splits.validation, labels),
        labels=labels,
        documents=[record.document for record in splits.validation],
        objective=config.decision.objective,
        calibrate=config.decision.calibrate,
        seed=config.training.seed,
    )
    return Manifest(
        format=1,
        label_set=labels.to_dict(),
        decision=DecisionManifest.of(rule),
        context=config.model.context,
        window=config.model.max_length,
        base_model=start.base.describe(),
        data=_describe_data(splits),
        config_sha256=_config_sha256(config),
        metrics={},
        versions={"python": platform.python_version(), "eventroles": metadata.version("eventroles")},
        files={},
    )


def _describe_data(splits: Splits) -> dict[str, str]:
    return {f"{name}_sha256": records_sha256(getattr(splits, name)) for name in PARTS[:2]}


def _config_sha256(config: Config) -> str:
    return hashlib.sha256(dump_config(config).encode()).hexdigest()
