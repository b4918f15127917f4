"""What happens to the decisions when only the actors change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .flips import Bools, Flips
from .judge import Judge, Judged
from .parties import Swap, make_swaps, named

_EXAMPLES = 3
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True)
class Example:
    """One decision that flipped.

    Attributes:
        role: which.
        given: whether the role is given to the sentence as it stands.
        before: its probability for the sentence as it stands.
        after: its probability for the sentence with other actors.
        text: the sentence as it stands.
        swapped: the sentence with other actors.
        document: its document.
    """

    role: str
    given: bool
    before: float
    after: float
    text: str
    swapped: str
    document: str


@dataclass(frozen=True)
class Pair:
    """What happens where one actor takes another's place.

    Attributes:
        kind: ``exchanged`` with each other, or ``replaced``.
        source: who was replaced.
        target: by whom.
        swaps: sentences with that swap.
        flips: decisions that changed in them.
        decisions: decisions compared in them.
        examples: some of the flips, the largest changes first.
    """

    kind: str
    source: str
    target: str
    swaps: int
    flips: int
    decisions: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class ActorFlips:
    """What happens where an actor goes, or where it comes.

    Attributes:
        actor: which.
        swaps: sentences with such a swap.
        flips: decisions that changed in them.
        decisions: decisions compared in them.
    """

    actor: str
    swaps: int
    flips: int
    decisions: int


@dataclass(frozen=True)
class ActorSwaps:
    """Decisions on sentences with other actors, beside those on the sentences as they stand.

    Attributes:
        sentences: sentences that name an actor.
        swaps: sentences with other actors that were made of them.
        all: flips over all swaps.
        kinds: flips by kind of swap, ``exchanged`` and ``replaced``.
        pairs: every pair with a flip, most flips first.
        going: flips by the actor that was replaced, those with a flip, most first.
        coming: flips by the actor in its place, likewise.
    """

    sentences: int
    swaps: int
    all: Flips
    kinds: dict[str, Flips]
    pairs: tuple[Pair, ...]
    going: tuple[ActorFlips, ...]
    coming: tuple[ActorFlips, ...]


def measure_swaps(judge: Judge, *, partners: int, seed: int) -> ActorSwaps | None:
    """Swap the actors of all sentences and count flips; None if no sentence names one that could be swapped."""
    swaps = list(make_swaps(judge.records, judge.contexts, partners=partners, seed=seed))
    if not swaps:
        return None
    judged = judge.judge([swap.text for swap in swaps], [swap.context for swap in swaps])
    rows = np.array([swap.row for swap in swaps])
    flipped = judge.flipped(rows, judged)
    kinds = _members(swaps, lambda swap: swap.kind)
    return ActorSwaps(
        sentences=sum(bool(named(record.text)) for record in judge.records),
        swaps=len(swaps),
        all=judge.count(rows, flipped),
        kinds={kind: judge.count(rows[numbers], flipped[numbers]) for kind, numbers in kinds.items()},
        pairs=_pairs(judge, swaps, judged, flipped),
        going=_by_actor(judge, swaps, flipped, lambda swap: swap.source),
        coming=_by_actor(judge, swaps, flipped, lambda swap: swap.target),
    )


def _members(swaps: Sequence[Swap], key: Callable[[Swap], _Key]) -> dict[_Key, list[int]]:
    members: dict[_Key, list[int]] = defaultdict(list)
    for number, swap in enumerate(swaps):
        members[key(swap)].append(number)
    return members


def _by_actor(
    judge: Judge, swaps: Sequence[Swap], flipped: Bools, key: Callable[[Swap], str]
) -> tuple[ActorFlips, ...]:
    compared = judge.compared(np.array([swap.row for swap in swaps]))
    found = [
        ActorFlips(actor, len(numbers), int(flipped[numbers].sum()), int(compared[numbers].sum()))
        for actor, numbers in _members(swaps, key).items()
        if flipped[numbers].any()
    ]
    return tuple(sorted(found, key=lambda one: (-one.flips, -one.flips / one.decisions, one.actor)))


def _pairs(judge: Judge, swaps: Sequence[Swap], judged: Judged, flipped: Bools) -> tuple[Pair, ...]:
    compared = judge.compared(np.array([swap.row for swap in swaps]))
    found = []
    for (kind, source, target), numbers in _members(swaps, lambda swap: (swap.kind, swap.source, swap.target)).items():
        if not flipped[numbers].any():
            continue
        examples = [
            example
            for number in numbers
            for example in _examples(judge, swaps[number], judged.probabilities[number], flipped[number])
        ]
        examples.sort(key=lambda one: -abs(one.after - one.before))
        counts = int(flipped[numbers].sum()), int(compared[numbers].sum())
        found.append(Pair(kind, source, target, len(numbers), *counts, tuple(examples[:_EXAMPLES])))
    return tuple(sorted(found, key=lambda pair: (-pair.flips, -pair.flips / pair.decisions, pair.source, pair.target)))


def _examples(judge: Judge, swap: Swap, after: npt.NDArray[np.float32], flipped: Bools) -> Iterator[Example]:
    for role in np.flatnonzero(flipped):
        column = judge.columns[role]
        yield Example(
            role=judge.roles[role],
            given=bool(judge.plain.given[swap.row, column]),
            before=float(judge.plain.probabilities[swap.row, column]),
            after=float(after[column]),
            text=judge.records[swap.row].text,
            swapped=swap.text,
            document=judge.records[swap.row].document,
        )
