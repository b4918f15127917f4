"""One training run, start to end: data, model, loop, decision rule, evaluation, model folder."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..configs.load import check_config, dump_config
from ..configs.schema import Config
from ..inference.bundle import MANIFEST, DecisionManifest, Export, Manifest, write_manifest
from ..inference.decision import DecisionRule
from ..inference.encoding import Encoder
from ..inference.engines.engine import FP32, INT8
from ..inference.engines.torch import load_torch_engine
from ..labels.check import check_both_classes
from ..labels.errors import ConfigError, ModelError, require
from ..labels.labelset import LabelSet
from .card import write_card
from .data import TRAINING_CONFIG, TrainingData, contexts, load_splits, records_sha256, targets, tokenise
from .decide import fit_rule
from .distill import TEACHER_LOGITS, describe_descent, load_teacher, saw_other_rows, start_from, teacher_logits
from .evaluate import fit_baseline, score_baseline, score_logits
from .export import export_model, refused
from .metrics import Scores
from .model import find_base, load_base, load_tokenizer
from .splits import Splits

if TYPE_CHECKING:
    import transformers

    from ..inference.tagger import Tagger
    from .loop import Fit

_PACKAGES = ("eventroles", "torch", "transformers", "tokenizers", "datasets", "accelerate", "scikit-learn", "numpy")


@dataclass(frozen=True)
class TrainResult:
    """What a training run made.

    Attributes:
        folder: the model folder.
        model: the model's scores on the test split.
        baseline: the baseline's scores on the same sentences.
        rule: the fitted decision rule.
        labels: the label set.
        truncated: training sentences longer than the window, whose end was not read.
        epochs: epochs run.
        best_epoch: the epoch whose weights were kept, None for the last.
        seconds: wall time of the training loop.
        warnings: what the user should know, one sentence each.
        exports: the ONNX files that the config asks for, by precision, or why one was not kept.
    """

    folder: Path
    model: Scores
    baseline: Scores
    rule: DecisionRule
    labels: LabelSet
    truncated: int
    epochs: float
    best_epoch: float | None
    seconds: float
    warnings: tuple[str, ...]
    exports: Mapping[str, Export] = field(default_factory=dict)


def train(
    config: Config, *, resume: bool = False, callbacks: Sequence[transformers.TrainerCallback] = ()
) -> TrainResult | None:
    """Train a model as a config says, score it on its test split, and write its folder.

    Run by several processes (``torchrun``), the main one returns the result and the others None.

    Args:
        config: a loaded config; ``output.folder`` must be set.
        resume: go on from the last checkpoint of an interrupted run of the same config.
        callbacks: of the Hugging Face Trainer, such as a progress display.

    Raises:
        ConfigError: the config does not fit the data or this machine, or its folder holds a model already.
        DataError: problems in the data, with ``file:line``.
        EventRolesError: an extra is not installed.
        ModelError: the base model cannot be loaded.
    """
    folder = Path(config.output.folder or "")
    labels = check_config(config)
    splits = load_splits(config, labels)
    check_both_classes(splits.train, labels, split="train")
    # Only now what takes seconds to import: problems of config and data are told at once.
    for module in ("torch", "transformers", "datasets", "accelerate", "sklearn"):
        require(module, extra="train")
    teacher = load_teacher(config.distillation, labels)
    base = (
        start_from(teacher, config.distillation) if teacher and config.distillation.layers else find_base(config.model)
    )
    checkpoints = folder / "checkpoints"
    if os.environ.get("RANK", "0") == "0":  # of several processes only the main one writes
        _prepare_folder(folder, checkpoints, config, resume=resume)

    from transformers import set_seed
    from transformers.utils import logging

    from . import loop

    # Or every checkpoint would draw a bar of its own.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    set_seed(config.training.seed)
    model = load_base(base, config.model, labels, layers=config.distillation.layers)
    tokenizer = load_tokenizer(base, config.model)
    encoder = Encoder.parse(tokenizer.backend_tokenizer.to_str(), window=config.model.max_length)
    data = tokenise(splits.train, labels, encoder, context=config.model.context)
    if teacher and config.distillation.weight:
        data = data.add_column(TEACHER_LOGITS, teacher_logits(teacher, splits.train).tolist())
    validation = tokenise(splits.validation, labels, encoder, context=config.model.context)
    fitted = loop.fit(
        model,
        tokenizer,
        data.remove_columns("truncated"),
        validation.remove_columns("truncated"),
        config=config,
        labels=labels,
        folder=checkpoints,
        resume=resume,
        callbacks=callbacks,
    )
    if not fitted.main_process:
        return None
    _save_weights(model, tokenizer, folder)
    origin = describe_descent(base, teacher, config.distillation)
    warnings = _warn_of_teacher(teacher, splits)
    result = _finish(
        folder, config, labels, splits, origin, fitted, truncated=sum(data["truncated"]), warnings=warnings
    )
    result = replace(result, exports=_export(folder, config, splits))
    if not config.output.keep_checkpoints:
        loop.remove_checkpoints(checkpoints)
        if not any(checkpoints.iterdir()):
            checkpoints.rmdir()
    return result


def _prepare_folder(folder: Path, checkpoints: Path, config: Config, *, resume: bool) -> None:
    """Make the model folder and the one for checkpoints ready, and put the config of the run into it."""
    saved = folder / TRAINING_CONFIG
    text = dump_config(config)
    if (folder / MANIFEST).exists() and not config.output.overwrite:
        raise ConfigError(
            f"{folder} holds a finished model already; choose another --output, or replace it with "
            "--set output.overwrite=true"
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; choose another --output")
    if not (folder / MANIFEST).exists() and folder.is_dir() and not saved.is_file() and any(folder.iterdir()):
        raise ConfigError(f"{folder} holds other files; choose an empty or new folder as --output")
    if resume and saved.is_file() and saved.read_text(encoding="utf-8") != text:
        raise ConfigError(
            f"--resume: the run in {folder} was started with another config ({saved}); give the same one, or start "
            "anew without --resume"
        )
    try:
        checkpoints.mkdir(parents=True, exist_ok=True)
        if not resume:
            (folder / MANIFEST).unlink(missing_ok=True)
            for path in checkpoints.glob("checkpoint-*"):
                shutil.rmtree(path)
        saved.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot write there: {error.strerror or error}") from error


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


def _finish(
    folder: Path,
    config: Config,
    labels: LabelSet,
    splits: Splits,
    origin: dict[str, str | None],
    fitted: Fit,
    *,
    truncated: int,
    warnings: list[str],
) -> TrainResult:
    """Fit the decision rule and score, both through the inference engine, then write card and manifest."""
    encoder = Encoder.load(folder, window=config.model.max_length)
    engine = load_torch_engine(folder)

    def logits(part: str) -> Any:
        records = getattr(splits, part)
        return engine.logits(
            encoder.encode([record.text for record in records], contexts(records, config.model.context))
        )

    on_validation = logits("validation")
    rule = fit_rule(
        on_validation,
        targets(splits.validation, labels),
        labels=labels,
        documents=[record.document for record in splits.validation],
        objective=config.decision.objective,
        calibrate=config.decision.calibrate,
        seed=config.training.seed,
    )
    baseline = fit_baseline(config, splits, labels)
    result = TrainResult(
        folder=folder,
        model=score_logits(logits("test"), splits.test, rule, labels),
        baseline=score_baseline(baseline, splits.test, labels),
        rule=rule,
        labels=labels,
        truncated=truncated,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        seconds=fitted.seconds,
        warnings=(*warnings, *_warnings(on_validation, splits, labels, truncated, config)),
    )
    manifest = _manifest(config, labels, splits, origin, result)
    write_card(folder, manifest, result)
    write_manifest(folder, manifest)
    return result


def _export(folder: Path, config: Config, splits: Splits) -> Mapping[str, Export]:
    """Make the exports that the config asks for; the model is finished and good without them."""
    precisions = [name for name, wanted in ((FP32, config.export.fp32), (INT8, config.export.int8)) if wanted]
    try:
        return export_model(folder, TrainingData(config, splits), precisions=precisions) if precisions else {}
    except ModelError as error:
        return {name: refused(str(error)) for name in precisions}


def _warnings(logits: Any, splits: Splits, labels: LabelSet, truncated: int, config: Config) -> list[str]:
    found = []
    if truncated:
        found.append(
            f"{truncated} of {len(splits.train)} training sentences are longer than the window of "
            f"{config.model.max_length} tokens and were cut; raise model.max_length to read them whole"
        )
    given = DecisionRule.uncalibrated(len(labels), exclusive=labels.exclusive)
    said = given.decide(given.probabilities(logits))
    if (said == said[0]).all():
        always = ", ".join(name for name, yes in zip(labels.names, said[0], strict=True) if yes) or "no label"
        found.append(
            f"the model gives every validation sentence the same ({always}) before thresholds are fitted: it has "
            "learned nothing; lower training.learning_rate (a third, say) or raise training.epochs"
        )
    for part, records in (("validation", splits.validation), ("test", splits.test)):
        lacking = [name for name in labels.roles if not any(name in record.roles for record in records)]
        if lacking:
            found.append(f"the {part} split has no sentence with {', '.join(lacking)}: {_CONSEQUENCE[part]}")
    return found


_CONSEQUENCE = {
    "validation": "the threshold stays at 0.5; label more sentences, or raise split.validation",
    "test": "nothing is known about it; label more sentences, or raise split.test",
}


def _warn_of_teacher(teacher: Tagger | None, splits: Splits) -> list[str]:
    if teacher is None or not saw_other_rows(teacher, splits.train):
        return []
    return [
        f"the teacher {teacher.bundle.name} was trained on other sentences than this run's train split: it may have "
        "seen this run's test sentences, and the scores on them may be too high"
    ]


def _manifest(
    config: Config, labels: LabelSet, splits: Splits, origin: dict[str, str | None], result: TrainResult
) -> Manifest:
    parts = {name: getattr(splits, name) for name in ("train", "validation", "test")}
    data: dict[str, Any] = {f"{name}_sha256": records_sha256(records) for name, records in parts.items()}
    for name, records in parts.items():
        counts = Counter(role for record in records for role in record.roles)
        data[name] = {
            "sentences": len(records),
            "documents": len({record.document for record in records}),
            "roles": {role: counts[role] for role in labels.roles},
            "without_role": sum(not record.roles for record in records),
            "with_unsure": sum(bool(record.unsure) for record in records),
        }
    data["sources"] = [config.data.hub_dataset] if config.data.hub_dataset else list(config.data.train)
    return Manifest(
        format=1,
        label_set=labels.to_dict(),
        decision=DecisionManifest.of(result.rule),
        context=config.model.context,
        window=config.model.max_length,
        base_model=origin,
        data=data,
        config_sha256=hashlib.sha256(dump_config(config).encode()).hexdigest(),
        metrics={
            "model": result.model.to_dict(),
            "baseline": result.baseline.to_dict(),
            "best_epoch": result.best_epoch,
        },
        versions={"python": platform.python_version()} | {name: metadata.version(name) for name in _PACKAGES},
        files={},
    )
