"""One training run, start to end: data, model, loop, decision rule, evaluation, model folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..configs.load import check_config, dump_config
from ..configs.schema import Config
from ..inference.bundle import load_bundle, write_manifest
from ..inference.decision import DecisionRule
from ..inference.engines.engine import FP32, INT8
from ..inference.errorrates import LabelErrors
from ..inference.manifest import MANIFEST, Export
from ..inference.push import Pushed, PushOptions, prepare_repository, push_model
from ..labels.check import check_both_classes
from ..labels.errors import ConfigError, HubError, ModelError
from ..labels.labelset import LabelSet
from .abstain import AutomaticShare, automatic_share, fit_bands, warn_of_bands
from .card import write_card
from .data import TRAINING_CONFIG, TrainingData, load_splits, targets
from .decide import fit_rule
from .distill import describe_descent, saw_other_rows
from .ensemble import refuse_ensemble_in_processes, remove_teachers, with_ensemble
from .errorrates import error_rates
from .evaluate import fit_baseline, score_baseline
from .export import export_model, refused
from .finetune import FineTuned, Start, find_start, fine_tune
from .leakage import ApartScores, Leakage, find_leaks, refuse_leaks, score_apart, warn_of_leaks
from .metrics import Scores, score_logits
from .outoffold import JudgedRecords, cut_decision_folds, judge_out_of_fold, warn_of_folds
from .page import report_run
from .precision import settle_precision
from .runmanifest import describe_run
from .splits import Splits
from .unlabelled import UnlabelledText, warn_of_unlabelled

if TYPE_CHECKING:
    import transformers

    from ..inference.tagger import Tagger
    from .series import OnStep


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
        averaged_epochs: epochs that the weights are the mean of.
        seconds: wall time of the training loop.
        warnings: what the user should know, one sentence each.
        exports: the ONNX files that the config asks for, by precision, or why one was not kept.
        review: what the review bands leave to the model on the test split; None without review bands.
        errors: how often the model is wrong on the test split, by label, for counts to be corrected with.
        leakage: what the splits share.
        leaked: the model's scores on the rows of the test split that leak; None if none does.
        clean: the model's scores on the other rows of the test split; None if all leak.
        unlabelled: the sentences of the user's archive that were added to the training split; None if none were.
        report: the page that tells all of this and more; None if none was asked for.
        pushed: what went to the Hub; None if nothing was to go.
    """

    folder: Path
    model: Scores
    baseline: Scores
    rule: DecisionRule
    labels: LabelSet
    truncated: int
    epochs: float
    best_epoch: float | None
    averaged_epochs: int
    seconds: float
    warnings: tuple[str, ...]
    exports: Mapping[str, Export] = field(default_factory=dict)
    review: AutomaticShare | None = None
    errors: Mapping[str, LabelErrors] = field(default_factory=dict)
    leakage: Leakage | None = None
    leaked: Scores | None = None
    clean: Scores | None = None
    unlabelled: UnlabelledText | None = None
    report: Path | None = None
    pushed: Pushed | None = None

    @property
    def weights(self) -> str:
        """Which epochs the weights are of, in words."""
        if self.averaged_epochs > 1:
            return f"mean of the weights of the last {self.averaged_epochs}"
        return f"weights of epoch {self.best_epoch or self.epochs:g}"


def train(
    config: Config,
    *,
    resume: bool = False,
    on_step: OnStep | None = None,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> TrainResult | None:
    """Train a model as a config says, score it on its test split, and write its folder.

    Run by several processes (``torchrun``), the main one returns the result and the others None.

    Args:
        config: a loaded config; ``output.folder`` must be set.
        resume: go on from the last checkpoint of an interrupted run of the same config.
        on_step: called before each of the trainings that ``decision.folds`` and ``distillation.ensemble`` ask for.
        callbacks: of the Hugging Face Trainer, such as a progress display.

    Raises:
        ConfigError: the config does not fit the data or this machine, its folder holds a model already, or the splits
            share what they must not and ``leakage`` is ``refuse``.
        DataError: problems in the data, with ``file:line``.
        EventRolesError: an extra is not installed.
        HubError: the Hub refuses, or cannot be reached; a model that cannot be sent is whole in its folder.
        ModelError: the base model cannot be loaded.
    """
    folder = Path(config.output.folder or "")
    labels = check_config(config)
    refuse_ensemble_in_processes(config)
    splits = load_splits(config, labels)
    check_both_classes(splits.train, labels, split="train")
    leakage = find_leaks(splits)
    if config.leakage == "refuse":
        refuse_leaks(leakage, config)
    folds = cut_decision_folds(splits, config, labels)
    if config.hub.push_to:  # or a quarter of an hour of training ends at a closed door
        prepare_repository(config.hub.push_to, private=config.hub.private)
    # Only now what takes seconds to import: problems of config and data are told at once.
    start = find_start(config, labels, known=splits.texts)
    config = settle_precision(config)  # what was chosen travels with the model
    checkpoints = folder / "checkpoints"
    if os.environ.get("RANK", "0") == "0":  # of several processes only the main one writes
        _prepare_folder(folder, checkpoints, config, resume=resume)
    more = None
    if folds:
        more = judge_out_of_fold(
            start,
            folds,
            splits,
            config=config,
            labels=labels,
            folder=checkpoints / "folds",
            resume=resume,
            on_step=on_step,
            callbacks=callbacks,
        )
    start = with_ensemble(
        start,
        splits,
        config=config,
        labels=labels,
        folder=folder,
        resume=resume,
        on_step=on_step,
        callbacks=callbacks,
    )
    model = fine_tune(
        start,
        splits,
        config=config,
        labels=labels,
        folder=folder,
        checkpoints=checkpoints,
        resume=resume,
        push=True,
        callbacks=callbacks,
    )
    if model is None:
        return None
    result = finish(model, start, splits, config=config, labels=labels, leakage=leakage, more=more)
    warnings = (*result.warnings, *warn_of_folds(folds))
    result = replace(result, exports=_export(folder, config, splits), warnings=warnings)
    report = None
    if config.output.report:
        apart = ApartScores(result.leaked, result.clean)
        run = TrainingData(config, splits)
        report = report_run(folder, run, leakage=leakage, apart=apart, warnings=warnings)
        result = replace(result, report=report.page)
    # Anew: only now is known what was exported, how well it is calibrated and what it bears.
    write_card(folder, load_bundle(folder).manifest, result, report)
    if config.hub.push_to:
        result = replace(result, pushed=_push(folder, config))
    if not config.output.keep_checkpoints:
        from .loop import remove_checkpoints

        remove_checkpoints(checkpoints)
        remove_teachers(folder)
        shutil.rmtree(checkpoints / "folds", ignore_errors=True)
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


def finish(
    model: FineTuned,
    start: Start,
    splits: Splits,
    *,
    config: Config,
    labels: LabelSet,
    leakage: Leakage,
    more: JudgedRecords | None = None,
) -> TrainResult:
    """Fit the decision rule and score, both through the inference engine, then write card and manifest.

    Args:
        model: the model, in the folder that is to be finished.
        start: what it was made from.
        splits: the rule is fitted on ``validation``, the scores are those on ``test``.
        config: the training config.
        labels: the label set.
        leakage: what the splits share.
        more: sentences that the rule is fitted on too, judged by models that have not seen them.

    Raises:
        ConfigError: thresholds cannot reach the objective.
    """
    on_validation = model.logits(splits.validation)
    fitted_on = JudgedRecords(splits.validation, on_validation).joined(more)
    wanted = targets(fitted_on.records, labels)
    rule = fit_rule(
        fitted_on.logits,
        wanted,
        labels=labels,
        documents=[record.document for record in fitted_on.records],
        objective=config.decision.objective,
        calibrate=config.decision.calibrate,
        seed=config.training.seed,
    )
    rule = fit_bands(rule, fitted_on.logits, wanted, max_error=config.decision.max_error)
    on_test, true = model.logits(splits.test), targets(splits.test, labels)
    probabilities = rule.probabilities(on_test)
    errors = error_rates(
        true,
        probabilities,
        rule.decide(probabilities),
        documents=[record.document for record in splits.test],
        labels=labels,
    )
    baseline = fit_baseline(config, splits, labels)
    apart = score_apart(leakage, on_test, splits.test, rule=rule, labels=labels)
    result = TrainResult(
        folder=model.folder,
        model=score_logits(on_test, splits.test, rule, labels),
        baseline=score_baseline(baseline, splits.test, labels),
        rule=rule,
        labels=labels,
        truncated=model.truncated,
        epochs=model.fit.epochs,
        best_epoch=model.fit.best_epoch,
        averaged_epochs=model.averaged_epochs,
        seconds=model.fit.seconds,
        warnings=(
            *_warn_of_teachers(start.teachers, splits),
            *warn_of_unlabelled(start.unlabelled),
            *_warnings(on_validation, splits, labels, model.truncated, config),
            *warn_of_bands(rule, wanted, labels),
            *warn_of_leaks(leakage, apart),
        ),
        review=automatic_share(rule, true, probabilities, labels=labels),
        errors=errors,
        leakage=leakage,
        leaked=apart.leaked,
        clean=apart.clean,
        unlabelled=start.unlabelled,
    )
    origin = describe_descent(start.base, start.teachers, config.distillation)
    manifest = describe_run(config, labels, splits, origin, result, model)
    write_card(model.folder, manifest, result)
    write_manifest(model.folder, manifest)
    return result


def _export(folder: Path, config: Config, splits: Splits) -> Mapping[str, Export]:
    """Make the exports that the config asks for; the model is finished and good without them."""
    precisions = [name for name, wanted in ((FP32, config.export.fp32), (INT8, config.export.int8)) if wanted]
    try:
        return export_model(folder, TrainingData(config, splits), precisions=precisions) if precisions else {}
    except ModelError as error:
        return {name: refused(str(error)) for name in precisions}


def _push(folder: Path, config: Config) -> Pushed:
    """Send the finished model to the Hub."""
    repository = str(config.hub.push_to)
    try:
        return push_model(load_bundle(folder), repository, PushOptions(private=config.hub.private))
    except HubError as error:
        raise HubError(
            f"{error}\nThe model is whole in {folder}; send it later: eventroles push {folder} {repository}"
        ) from error


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


def _warn_of_teachers(teachers: Sequence[Tagger], splits: Splits) -> list[str]:
    return [
        f"the teacher {teacher.bundle.name} was trained on other sentences than this run's train split: it may have "
        "seen this run's test sentences, and the scores on them may be too high"
        for teacher in teachers
        if saw_other_rows(teacher, splits.train)
    ]
