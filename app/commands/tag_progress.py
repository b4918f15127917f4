"""What `eventroles tag` says while it runs, and what Ctrl-C does to it."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import asdict
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from ..inference import RunSummary, TaggedDocument, TaggedSentence
    from ..inference.outcome import Progress as Counts

_SECONDS = 5.0  # between two lines of JSON


class Feedback:
    """A bar on the terminal or lines of JSON on standard error, and the first sentences with a role.

    Args:
        console: on standard error.
        keep: sentences to remember in `excerpt`.
        quiet: say nothing.
        as_json: lines of JSON in place of the bar.
    """

    def __init__(self, console: Console, *, keep: int, quiet: bool, as_json: bool) -> None:
        self.excerpt: list[tuple[str, TaggedSentence]] = []
        self._keep = keep
        self._lines = as_json and not quiet
        self._last = time.monotonic()
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or as_json or not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, text="reading …")

    def __enter__(self) -> Feedback:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def advance(self, counts: Counts, tagged: TaggedDocument | None) -> None:
        """Show the counts, after a document or, with None, a failure."""
        if tagged is not None and len(self.excerpt) < self._keep:
            found = [(tagged.document.id, sentence) for sentence in tagged.sentences if sentence.roles]
            self.excerpt += found[: self._keep - len(self.excerpt)]
        if not self._bar.disable:
            speed = counts.sentences / counts.seconds if counts.seconds else 0.0
            failures = f", {counts.failed:,} failures" if counts.failed else ""
            text = f"{counts.documents:,} documents, {speed:,.0f} sentences/s{failures}"
            self._bar.update(self._task, completed=counts.read, total=counts.size or None, text=text)
        elif self._lines and time.monotonic() - self._last >= _SECONDS:
            self._last = time.monotonic()
            to_come = max(0, counts.size - counts.read)
            left = counts.seconds * to_come / counts.read if counts.read and counts.size else None
            _print_json(
                event="progress",
                documents=counts.documents,
                sentences=counts.sentences,
                failures=counts.failed,
                seconds=round(counts.seconds, 1),
                seconds_left=None if left is None else round(left),
            )

    def finish(self, summary: RunSummary) -> None:
        """Say what came of it, as JSON if lines of JSON are asked for."""
        if self._lines:
            for failure in summary.failures:
                _print_json(event="failure", **asdict(failure))
            _print_json(
                event="finished" if summary.is_complete else "stopped",
                output=str(summary.output),
                documents=summary.documents,
                sentences=summary.sentences,
                roles=dict(summary.roles),
                failures=summary.failed,
                passed_over=dict(summary.passed_over),
                truncated=summary.truncated,
                repeated=summary.repeated,
                seconds=round(summary.seconds, 1),
                sentences_per_second=round(summary.sentences_per_second),
                engine=summary.engine,
            )


class Interrupt:
    """Ctrl-C and the end signal, taken as a wish to stop after the part under way; a second one ends at once.

    A context manager; called, it says whether there is such a wish.
    """

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._wished = False
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._wished

    def __enter__(self) -> Interrupt:
        """Listen."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the signals as they were."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is KeyboardInterrupt and not self._quiet:
            self._console.print("stopped; run the same command again to go on after the last part", style="yellow")

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  the shape of a handler
        if self._wished:
            raise KeyboardInterrupt
        self._wished = True
        if not self._quiet:
            self._console.print("finishing the part under way; once more to stop at once", style="yellow")


def _print_json(**fields: object) -> None:
    print(json.dumps(fields, ensure_ascii=False), file=sys.stderr, flush=True)
