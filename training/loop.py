"""Trainer wiring: arguments, masked loss, learning rates, batch order, checkpoints; and nothing else."""

from __future__ import annotations

import itertools
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import numpy as np
import torch
import transformers
from torch.nn import functional
from transformers.utils.hub import PushInProgress

from ..configs.schema import Config, DistillationConfig
from ..labels.errors import ConfigError
from ..labels.labelset import LabelSet
from .data import MASKED
from .distill import TEACHER_LOGITS, soft_loss
from .metrics import macro_f1
from .precision import settle_precision

# Steps whose sentences are sorted together: more saves padding, fewer keeps a batch closer to a random sample.
_STEPS_SORTED = 8


@dataclass(frozen=True)
class Fit:
    """How a training run went.

    Attributes:
        epochs: epochs run, early stopping counted in.
        best_epoch: the epoch whose weights were kept; None where the last ones are.
        seconds: wall time of the loop.
        main_process: False in all but one of several processes; only the main one goes on to write.
    """

    epochs: float
    best_epoch: float | None
    seconds: float
    main_process: bool


def fit(
    model: transformers.PreTrainedModel,
    tokenizer: transformers.PreTrainedTokenizerFast,
    train: datasets.Dataset,
    validation: datasets.Dataset,
    *,
    config: Config,
    labels: LabelSet,
    folder: Path,
    resume: bool,
    push: bool = False,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> Fit:
    """Fine-tune ``model`` in place.

    Args:
        model: the model, as `load_base` gives it.
        tokenizer: pads the batches.
        train: tokenised sentences (`tokenise`), with a column of the teacher's logits where there is one.
        validation: the same, to choose the best epoch on.
        config: the training config.
        labels: the label set.
        folder: where checkpoints and logs go.
        resume: go on from the last complete checkpoint in it, if there is one.
        push: send the model to the Hub after every epoch, where the config asks for it.
        callbacks: of the Trainer, such as a progress display.

    Raises:
        ConfigError: the arguments under ``trainer`` do not fit together.
    """
    arguments = _arguments(config, folder, push=push and config.hub.every_epoch)
    if config.training.early_stopping_patience is not None:
        callbacks = [*callbacks, transformers.EarlyStoppingCallback(config.training.early_stopping_patience)]
    trainer = RolesTrainer(
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=validation,
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda prediction: _metrics(prediction, labels),
        callbacks=list(callbacks),
        head_learning_rate=config.training.head_learning_rate,
        group_by_length=config.training.group_by_length,
        distillation=config.distillation,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.remove_callback(transformers.ProgressCallback)
    done = checkpoints(folder) if resume else []
    if resume and trainer.is_world_process_zero():
        # The Trainer would take one that was cut off for the newest, and delete a whole one in its stead.
        for path in set(folder.glob("checkpoint-*")) - set(done):
            shutil.rmtree(path, ignore_errors=True)
    output = trainer.train(resume_from_checkpoint=str(done[-1]) if done else None)
    trainer.accelerator.wait_for_everyone()
    # Together and now: a process that leaves with its group's threads still running is aborted at times.
    trainer.accelerator.end_training()
    return Fit(
        epochs=float(trainer.state.epoch or 0),
        best_epoch=_best_epoch(trainer.state) if config.training.keep_best else None,
        seconds=float(output.metrics.get("train_runtime", math.nan)),
        main_process=trainer.is_world_process_zero(),
    )


class RolesTrainer(transformers.Trainer):
    """The Hugging Face Trainer with a masked loss, a teacher, a learning rate for the head, and batches by length.

    The loss of a step is the sum over its decisions that count, divided by how many there are in all micro-batches
    and processes of the step. So it is the same however a step is cut up; the Trainer's own mean of means is not
    where rows are masked, and for classification models it is even multiplied by the number of cuts.
    """

    # compute_loss divides by the decisions of the whole step: the Trainer must not divide once more.
    loss_is_scaled_for_ga = True

    def __init__(
        self, *, head_learning_rate: float, group_by_length: bool, distillation: DistillationConfig, **options: Any
    ) -> None:
        super().__init__(**options)
        # Makes the Trainer count the labels that are not -100 over the whole step and hand the number to compute_loss.
        self.model_accepts_loss_kwargs = True
        self._head_learning_rate = head_learning_rate
        self._group_by_length = group_by_length
        self._distillation = distillation

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the masked loss, and the model's outputs if asked for; a teacher counts in training only."""
        targets = inputs["labels"]
        outputs = model(**{name: value for name, value in inputs.items() if name not in ("labels", TEACHER_LOGITS)})
        total = masked_loss(outputs.logits, targets)
        if TEACHER_LOGITS in inputs:
            weight, temperature = self._distillation.weight, self._distillation.temperature
            soft = soft_loss(outputs.logits, inputs[TEACHER_LOGITS], targets, temperature=temperature)
            total = (1 - weight) * total + weight * soft
        if num_items_in_batch is None:
            count = (targets != MASKED).sum()
        else:  # one number, repeated for each device under DataParallel
            count = torch.as_tensor(num_items_in_batch, device=total.device).flatten()[0]
        # Gradients are averaged over processes, so each one's share is scaled up to make that a sum.
        loss = total / count.clamp(min=1) * (self.accelerator.num_processes if num_items_in_batch is not None else 1)
        return (loss, outputs) if return_outputs else loss

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        columns: Any = self._signature_columns
        if TEACHER_LOGITS not in columns:  # a column that the model does not know would be taken out
            columns.append(TEACHER_LOGITS)

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Make the optimizer: the head learns at its own rate; norms and biases do not decay."""
        if self.optimizer is None:
            network: Any = self.model if model is None else model
            optimizer_class, options = self.get_optimizer_cls_and_kwargs(self.args, network)
            self.optimizer = optimizer_class(self._parameter_groups(network, float(options["lr"])), **options)
        return self.optimizer

    def _parameter_groups(self, network: torch.nn.Module, learning_rate: float) -> list[dict[str, Any]]:
        decaying = set(self.get_decay_parameter_names(network))
        encoder = f"{getattr(network, 'base_model_prefix', '')}."
        groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                rate = learning_rate if name.startswith(encoder) else self._head_learning_rate
                decay = self.args.weight_decay if name in decaying else 0.0
                groups.setdefault((rate, decay), []).append(parameter)
        return [
            {"params": parameters, "lr": rate, "weight_decay": decay} for (rate, decay), parameters in groups.items()
        ]

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        """Send what loads the model; the Trainer would send all that lies around it, a pickle and logs included."""
        if self.is_world_process_zero():
            sent = huggingface_hub.HfApi().upload_folder(
                repo_id=str(self.hub_model_id),
                folder_path=checkpoint_folder,
                allow_patterns=["config.json", "*.safetensors", "tokenizer*", "special_tokens_map.json", "vocab*"],
                commit_message=f"Training in progress, epoch {self.state.epoch:g}",
                run_as_future=True,
            )
            self._finish_current_push()
            jobs: Any = [sent]  # as the Trainer gives them, though its types want one
            in_progress: Any = PushInProgress(jobs)
            self.push_in_progress = in_progress

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int]:  # noqa: ARG002
        # Not the argument: the Trainer has taken the column out of that one, which the model does not know.
        dataset: Any = self.train_dataset
        return EpochOrder(
            dataset["length"],
            seed=self.args.seed,
            # Whole steps, so that one process and several, or one batch and several accumulated, see the same ones.
            step=self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size,
            group_by_length=self._group_by_length,
        )


class EpochOrder(torch.utils.data.Sampler[int]):
    """The order of training sentences, a function of seed and epoch alone, so that a resumed run repeats it.

    Grouped by length, the steps come in random order. The Trainer's own length-grouped sampler goes from long to short
    again and again, and length tells of labels, so that training swings (macro F1 fell by 0.1 here); it also draws
    from the global random state, which differs after a resume and between processes.

    Args:
        lengths: tokens of each sentence.
        seed: of the order.
        step: sentences of one optimizer step.
        group_by_length: put sentences of similar length next to each other.
    """

    def __init__(self, lengths: Sequence[int], *, seed: int, step: int, group_by_length: bool) -> None:
        self._lengths = list(lengths)
        self._seed = seed
        self._step = step
        self._group_by_length = group_by_length
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration is for."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = torch.randperm(len(self._lengths), generator=generator).tolist()
        if not self._group_by_length:
            return iter(order)
        window = _STEPS_SORTED * self._step
        for start in range(0, len(order), window):
            order[start : start + window] = sorted(order[start : start + window], key=self._lengths.__getitem__)
        steps = [order[start : start + self._step] for start in range(0, len(order), self._step)]
        short = [steps.pop()] if len(steps[-1]) < self._step else []
        shuffled = torch.randperm(len(steps), generator=generator).tolist()
        return itertools.chain.from_iterable([*(steps[index] for index in shuffled), *short])

    def __len__(self) -> int:
        return len(self._lengths)


def masked_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the sum of the losses of all targets that are not `MASKED`.

    Args:
        logits: ``[n, n_labels]``.
        targets: ``[n, n_labels]`` floats for any number of labels (binary cross-entropy), or ``[n]`` label indices
            for exactly one (cross-entropy).
    """
    if targets.dim() == 1:
        return functional.cross_entropy(logits.float(), targets.long(), ignore_index=MASKED, reduction="sum")
    counts = (targets != MASKED).float()
    losses = functional.binary_cross_entropy_with_logits(logits.float(), targets.clamp(min=0), reduction="none")
    return (losses * counts).sum()


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in ``folder`` that were written to their end, oldest first."""
    # The Trainer writes trainer_state.json last: a checkpoint without it was cut off.
    complete = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json") if path.stat().st_size > 0]
    return sorted(complete, key=lambda path: int(path.name.rpartition("-")[2]))


def remove_checkpoints(folder: Path) -> None:
    """Delete all checkpoints in ``folder``, complete or not, and nothing else."""
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path, ignore_errors=True)


def _arguments(config: Config, folder: Path, *, push: bool) -> transformers.TrainingArguments:
    training = settle_precision(config).training
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    options: dict[str, Any] = {
        "output_dir": str(folder),
        "num_train_epochs": training.epochs,
        "per_device_train_batch_size": training.batch_size,
        "per_device_eval_batch_size": training.eval_batch_size,
        "gradient_accumulation_steps": training.gradient_accumulation,
        "learning_rate": training.learning_rate,
        "weight_decay": training.weight_decay,
        "warmup_steps": training.warmup,
        "lr_scheduler_type": training.schedule,
        "bf16": training.precision == "bf16",
        "seed": training.seed,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "logging_strategy": "epoch",
        # The Trainer counts the best checkpoint in, wherever it lies; the last are needed beside it.
        "save_total_limit": training.average_epochs + 1,
        "load_best_model_at_end": training.keep_best,
        "metric_for_best_model": "macro_f1",
        "greater_is_better": True,
        "restore_callback_states_from_checkpoint": True,  # or early stopping would count anew after a resume
        "report_to": "none",
        "disable_tqdm": True,
        "label_names": ["labels"],
        "dataloader_pin_memory": torch.cuda.is_available(),
    }
    if not torch.accelerator.is_available():
        options["use_cpu"] = True  # the Trainer refuses bf16 on a CPU that was not asked for
    if push:
        options |= {
            "push_to_hub": True,
            "hub_model_id": config.hub.push_to,
            "hub_private_repo": config.hub.private,
            "hub_strategy": "every_save",
        }
    if several and not torch.cuda.is_available():
        options |= {"use_cpu": True, "ddp_backend": "gloo"}
    try:
        arguments = transformers.TrainingArguments(**(options | config.trainer))
    except (TypeError, ValueError, ImportError, RuntimeError) as error:
        raise ConfigError(f"trainer: the Hugging Face Trainer refuses its arguments: {error}") from error
    kept, averaged = arguments.save_total_limit, training.average_epochs
    if averaged > 1 and kept is not None and kept <= averaged:
        raise ConfigError(
            f"trainer.save_total_limit: the mean of {averaged} epochs needs {averaged + 1} checkpoints, and {kept} are "
            "kept; leave it out"
        )
    return arguments


def _metrics(prediction: transformers.EvalPrediction, labels: LabelSet) -> dict[str, float]:
    logits, wanted = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)
    if labels.exclusive:
        columns = np.arange(len(labels))
        given = columns[None, :] == logits.argmax(axis=1)[:, None]
        matrix = np.where(wanted[:, None] == MASKED, MASKED, columns[None, :] == wanted[:, None])
        return {"macro_f1": macro_f1(matrix, given, labels)}
    return {"macro_f1": macro_f1(wanted, logits >= 0, labels)}


def _best_epoch(state: transformers.TrainerState) -> float | None:
    steps = [entry for entry in state.log_history if entry.get("step") == state.best_global_step]
    return next((float(entry["epoch"]) for entry in steps if "eval_macro_f1" in entry), None)
