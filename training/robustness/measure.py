"""The robustness of a model: what changes its decisions that should not, and which rules it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...inference.tagger import Tagger
from ...labels.records import Record
from ..data import MASKED, contexts
from ..metrics import macro_f1
from ..numbers import plain
from .actorswaps import ActorSwaps, measure_swaps
from .flips import Flips
from .judge import Judge, Judged
from .perturb import PERTURBATIONS, perturb
from .rules import RuleResult, check_rules


@dataclass(frozen=True)
class Perturbed:
    """What happens to the decisions when sentences are written another way.

    Attributes:
        name: of the perturbation.
        flips: decisions that changed, counted in the sentences that it changes.
        macro_f1: over all sentences, written that way; NaN if no sentence has a role.
    """

    name: str
    flips: Flips
    macro_f1: float


@dataclass(frozen=True)
class Robustness:
    """The robustness of a model on labelled sentences.

    Attributes:
        sentences: how many.
        documents: in how many documents.
        seed: that swaps and typos were drawn with.
        partners: strangers that each actor was replaced with.
        macro_f1: of the sentences as they stand; NaN if none has a role.
        actors: actor swaps; None if no sentence names an actor of the lexicon that could be swapped.
        perturbations: in the order they were asked for.
        rules: pass rates by rule, worst first; empty if the data names no rules.
    """

    sentences: int
    documents: int
    seed: int
    partners: int
    macro_f1: float
    actors: ActorSwaps | None
    perturbations: tuple[Perturbed, ...]
    rules: tuple[RuleResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        return dict(plain(self))


def measure_robustness(
    tagger: Tagger,
    records: Sequence[Record],
    *,
    seed: int,
    partners: int,
    perturbations: Iterable[str] = tuple(PERTURBATIONS),
    resamples: int = 1000,
    progress: Callable[[str], None] = lambda _: None,
) -> Robustness:
    """Measure how often decisions flip that should not, and test the rules that the rows name.

    Unsure decisions are left out everywhere. Intervals are 95 % intervals of a bootstrap over documents.

    Args:
        tagger: the model.
        records: labelled sentences; those with a column ``rule`` are behavioural tests too.
        seed: of swaps, typos and intervals.
        partners: strangers of the same kind that each actor is replaced with.
        perturbations: names of those to try, of `PERTURBATIONS`.
        resamples: draws of documents for the intervals.
        progress: called with what begins.

    Raises:
        KeyError: there is no perturbation of a name.
        ModelError: the weights are damaged.
    """
    progress("sentences as they stand")
    judge = Judge(tagger, records, seed=seed, resamples=resamples)
    progress("actor swaps")
    actors = measure_swaps(judge, partners=partners, seed=seed)
    perturbed = []
    for name in perturbations:
        progress(name)
        perturbed.append(_perturb(judge, name))
    right = (((judge.wanted == 1) == judge.plain.given) | (judge.wanted == MASKED)).all(axis=1)
    return Robustness(
        sentences=len(records),
        documents=len({record.document for record in records}),
        seed=seed,
        partners=partners,
        macro_f1=_f1(judge, judge.plain),
        actors=actors,
        perturbations=tuple(perturbed),
        rules=check_rules(records, right),
    )


def _perturb(judge: Judge, name: str) -> Perturbed:
    old = judge.records
    new = [replace(record, text=perturb(record.text, name, seed=judge.seed)) for record in old]
    # Context is written the same way, but only sentences that change themselves are counted.
    before = contexts(new, judge.tagger.bundle.manifest.context)
    judged = judge.judge([record.text for record in new], before)
    rows = np.flatnonzero([after.text != record.text for after, record in zip(new, old, strict=True)])
    changed = Judged(judged.probabilities[rows], judged.given[rows])
    return Perturbed(name, judge.count(rows, judge.flipped(rows, changed)), _f1(judge, judged))


def _f1(judge: Judge, judged: Judged) -> float:
    if not (judge.wanted[:, judge.columns] == 1).any():
        return float("nan")
    return macro_f1(judge.wanted, judged.given, judge.tagger.labels)
