"""What a person at a terminal sees of a training run: loss, F1 and time left; nothing where no one watches."""

from __future__ import annotations

from typing import Any

import transformers
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class RichProgress(transformers.TrainerCallback):
    """A Trainer callback that draws one bar for the whole run and prints a line after every epoch.

    Args:
        console: where to draw; it stays quiet if that is not a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._loss = "–"

    def on_train_begin(
        self, args: transformers.TrainingArguments, state: transformers.TrainerState, control: Any, **kwargs: Any
    ) -> None:
        """Open the bar, at the step that a resumed run goes on from."""
        if not self._console.is_terminal or not state.is_world_process_zero:
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} steps"),
        )
        self._progress = Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self._console)
        self._task = self._progress.add_task("training", total=state.max_steps, completed=state.global_step)
        self._progress.start()

    def on_step_end(
        self, args: transformers.TrainingArguments, state: transformers.TrainerState, control: Any, **kwargs: Any
    ) -> None:
        """Move the bar."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=state.global_step)

    def on_log(
        self,
        args: transformers.TrainingArguments,
        state: transformers.TrainerState,
        control: Any,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep the loss of the epoch for the line that its evaluation prints."""
        if logs and "loss" in logs:
            self._loss = f"{float(logs['loss']):.4f}"

    def on_evaluate(
        self,
        args: transformers.TrainingArguments,
        state: transformers.TrainerState,
        control: Any,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Print loss and macro F1 after an epoch."""
        if self._progress is not None and metrics and "eval_macro_f1" in metrics:
            f1 = metrics["eval_macro_f1"]
            epoch = f"epoch {state.epoch:.0f}"
            self._progress.console.print(
                f"{epoch}: loss {self._loss}, validation loss {metrics['eval_loss']:.4f}, macro F1 {f1:.3f}"
            )

    def on_train_end(
        self, args: transformers.TrainingArguments, state: transformers.TrainerState, control: Any, **kwargs: Any
    ) -> None:
        """Close the bar."""
        if self._progress is not None:
            self._progress.stop()
