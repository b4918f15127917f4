"""What a command says while it trains several models: which one begins, of how many, and how long it will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from ..training.series import Step


class StepLines:
    """Prints a line before each training of a series.

    Args:
        console: on standard error.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = 0.0
        self._first: int | None = None

    def __call__(self, step: Step) -> None:
        """Say which training begins, and how long is left, once one has shown how long they take."""
        now, left = time.monotonic(), ""
        if self._first is None or step.done == 0:  # a training may have one series after another
            self._begun, self._first = now, step.done
        else:
            each = (now - self._begun) / max(step.done - self._first, 1)
            left = f", about {_duration(each * (step.total - step.done))} left"
        self._console.print(f"{step.name} (training {step.done + 1} of {step.total}{left})", soft_wrap=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
