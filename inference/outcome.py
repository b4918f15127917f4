"""What a run comes to: the counts while it goes on, and the summary at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .dataset.folder import Dataset, Plan
from .dataset.ledger import Counts, Part
from .documents import Failure, Found
from .results import TaggedDocument

_FAILURES_KEPT = 1000  # in memory; the ledger of a dataset folder has all


@dataclass(frozen=True, slots=True)
class Origin:
    """The model of a run.

    Attributes:
        label_names: its labels, in order.
        model: what the user calls it.
        revision: its Hub commit, or the hash of its manifest.
        engine: what runs it, for people: ``onnx int8 on cpu``.
        precision: ``fp32`` or ``int8``.
        max_error: the target error whose review bands mark rows for review; None without review bands.
    """

    label_names: Sequence[str]
    model: str
    revision: str
    engine: str
    precision: str
    max_error: float | None = None


class Progress:
    """The counts of a run as it goes on.

    Attributes:
        documents: documents tagged, those without a sentence among them.
        sentences: rows written.
        roles: sentences per role; a sentence with two roles counts for both.
        without_role: sentences that no role was given to.
        truncated: sentences whose end the model did not read.
        repeated: sentences that have the scores of an equal one met before, and were not scored again.
        failed: what gave no document.
        stages: failures by stage.
        failures: the first 1,000 of them.
        passed_over: files of folders that are of no kind we read, counted by extension.
        size: bytes to read in all; 0 if that is not known.
        read: bytes of the files that were read to their end.
    """

    def __init__(self, on_progress: Callable[[Progress, TaggedDocument | None], None] | None) -> None:
        self._tell = on_progress
        self._started = time.perf_counter()
        self.documents = self.sentences = self.without_role = self.truncated = self.repeated = 0
        self.failed = self.size = self.read = 0
        self.roles: Counter[str] = Counter()
        self.stages: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.passed_over: Mapping[str, int] = {}

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.perf_counter() - self._started

    def begin(self, found: Found) -> None:
        """Count what could not even be looked at, or was passed over."""
        self.passed_over = found.passed_over
        for failure in found.failures:
            self.fail(failure)

    def advance(self, tagged: TaggedDocument) -> None:
        """Count a document."""
        self.documents += 1
        self.sentences += len(tagged.sentences)
        self.repeated += tagged.repeated
        for sentence in tagged.sentences:
            self.roles.update(sentence.roles)
            self.without_role += not sentence.roles
            self.truncated += sentence.truncated
        if self._tell is not None:
            self._tell(self, tagged)

    def add(self, part: Part, *, read: int, truncated: int, repeated: int) -> None:
        """Count a part that another process wrote, with the bytes it read to their end."""
        self.documents += sum(part.documents.values())
        self.sentences += part.counts.rows
        self.roles.update(part.counts.roles)
        self.without_role += part.counts.without_role
        self.read += read
        self.truncated += truncated
        self.repeated += repeated
        for failure in part.failures:
            self.fail(failure)
        if self._tell is not None:
            self._tell(self, None)

    def fail(self, failure: Failure) -> None:
        """Count what gave no document."""
        self.failed += 1
        self.stages[failure.stage] += 1
        if len(self.failures) < _FAILURES_KEPT:
            self.failures.append(failure)
        if self._tell is not None:
            self._tell(self, None)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did; in a dataset folder the first counts are those of all runs that wrote it.

    Attributes:
        output: the file or folder with the rows, ``-`` for standard output.
        documents: documents tagged, those without a sentence among them.
        sentences: rows written.
        roles: sentences per role, in label order; a sentence with two roles counts for both.
        without_role: sentences that no role was given to.
        failed: what gave no document.
        failed_stages: the same by stage: ``find``, ``unpack``, ``read``, ``split``.
        failures: the first 1,000 of them.
        truncated: sentences of this run whose end the model did not read.
        repeated: sentences of this run that have the scores of an equal one met before, and were not scored again.
        tagged: sentences of this run.
        seconds: from the first look at the inputs until the output was in place.
        engine: what ran the model.
        is_complete: whether all inputs are done; false after an interruption.
        passed_over: files of folders that are of no kind we read, counted by extension.
        plan: what there was to do in a dataset folder.
    """

    output: str | Path
    documents: int
    sentences: int
    roles: Mapping[str, int]
    without_role: int
    failed: int
    failed_stages: Mapping[str, int]
    failures: tuple[Failure, ...]
    truncated: int
    repeated: int
    tagged: int
    seconds: float
    engine: str
    is_complete: bool = True
    passed_over: Mapping[str, int] = field(default_factory=dict)
    plan: Plan | None = None

    @property
    def sentences_per_second(self) -> float:
        """Speed of this run, reading and writing included; 0 for a run that took no time."""
        return self.tagged / self.seconds if self.seconds else 0.0


def summarise(
    progress: Progress,
    *,
    output: str | Path,
    origin: Origin,
    dataset: Dataset | None = None,
    plan: Plan | None = None,
    is_complete: bool = True,
) -> RunSummary:
    """Return the summary of a run, with what earlier runs wrote into the same dataset folder."""
    if dataset is None:
        documents, failures = progress.documents, progress.failures
        stages: Mapping[Any, int] = dict(sorted(progress.stages.items()))
        counts = Counts(progress.sentences, progress.without_role, progress.roles)
    else:
        documents, failures = dataset.ledger.documents(), list(dataset.ledger.failures(most=_FAILURES_KEPT))
        stages = dataset.ledger.failures_by_stage()
        counts = dataset.ledger.counts()
    return RunSummary(
        output=output,
        documents=documents,
        sentences=counts.rows,
        roles={name: counts.roles[name] for name in origin.label_names},
        without_role=counts.without_role,
        failed=sum(stages.values()),
        failed_stages=stages,
        failures=tuple(failures),
        truncated=progress.truncated,
        repeated=progress.repeated,
        tagged=progress.sentences,
        seconds=progress.seconds,
        engine=origin.engine,
        is_complete=is_complete,
        passed_over=progress.passed_over,
        plan=plan,
    )
