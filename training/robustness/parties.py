"""Which actors to swap in labelled sentences: the parties with one another, and each with others of its kind."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from ...labels.records import Record
from .actors import Actor, load_lexicon
from .mentions import find_mentions
from .swaps import swap_actors

EXCHANGED, REPLACED = "exchanged", "replaced"
_MOST_SIDES = 3  # of a sentence that are exchanged in pairs: a list of ten countries would make 45 swaps


@dataclass(frozen=True)
class Swap:
    """A sentence with other actors.

    Attributes:
        row: number of its record.
        kind: `EXCHANGED` (two parties change places) or `REPLACED` (one gives place to a stranger).
        source: who was replaced.
        target: by whom.
        text: the sentence with the other actors.
        context: the sentences before it, with the same change.
    """

    row: int
    kind: str
    source: str
    target: str
    text: str
    context: str


def named(text: str) -> list[str]:
    """Return the actors that a text names, each once, in its order."""
    return list(dict.fromkeys(mention.actor for mention in find_mentions(text)))


def make_swaps(records: Sequence[Record], contexts: Sequence[str], *, partners: int, seed: int) -> Iterator[Swap]:
    """Yield the swaps of all sentences that name an actor.

    The parties of a sentence are the sides it names (Hamas and Gaza are one side). Every two of the first three are
    exchanged; a sentence of one side takes the other from its document: the one named most often there that fits.

    Args:
        records: the sentences.
        contexts: the text before each that the model sees; may be empty.
        partners: strangers of the same kind that each actor is replaced with.
        seed: of the choice of strangers.
    """
    in_document: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        in_document[record.document].update(named(record.text))
    for row, (record, context) in enumerate(zip(records, contexts, strict=True)):
        present = named(record.text)
        known = [*present, *(name for name in named(context) if name not in present)]
        for kind, pair, mapping in [
            *_exchanges(present, in_document[record.document]),
            *_replacements(present, known, partners, random.Random(f"{seed} {record.text}")),
        ]:
            text = swap_actors(record.text, mapping)
            if text != record.text and not _stutters(text):
                yield Swap(row, kind, *pair, text, swap_actors(context, mapping))


def _stutters(text: str) -> bool:
    """Whether the same actor is named twice in a row: "Yemen's Houthis" after both have become Britain."""
    mentions = find_mentions(text)
    return any(
        one.actor == other.actor and not text[one.end : other.start].strip(" (-") for one, other in pairwise(mentions)
    )


_Planned = tuple[str, tuple[str, str], Mapping[str, str]]


def _exchanges(present: Sequence[str], document: Mapping[str, int]) -> Iterator[_Planned]:
    sides = _by_side(present)
    if len(sides) == 1:
        others = _by_side(sorted(document, key=lambda name: (-document[name], name)))
        (own,) = sides.values()
        fitting = [(side, names) for side, names in others.items() if side not in sides and _fits(own, names)]
        sides |= dict(fitting[:1])
    for first, second in combinations(list(sides)[:_MOST_SIDES], 2):
        one, other = sides[first], sides[second]
        mapping = {**_counterparts(one, other), **_counterparts(other, one)}
        yield EXCHANGED, (one[0].name, mapping[one[0].name]), mapping


def _fits(actors: Sequence[Actor], others: Sequence[Actor]) -> bool:
    """Whether another side may speak for this one: a country's ministers and ports cannot become an armed group's."""
    kinds = {actor.kind for actor in others}
    return all(actor.kind == "group" or "country" in kinds for actor in actors)


def _by_side(names: Sequence[str]) -> dict[str, list[Actor]]:
    sides: dict[str, list[Actor]] = {}
    for name in names:
        actor = load_lexicon().actors[name]
        sides.setdefault(actor.side, []).append(actor)
    return sides


def _counterparts(actors: Sequence[Actor], others: Sequence[Actor]) -> dict[str, str]:
    """Return whom each actor of a side becomes: one of the other side, of its own kind if it has one."""
    taken: Counter[str] = Counter()
    found = {}
    for actor in actors:
        chosen = min(others, key=lambda other: (other.kind != actor.kind, taken[other.name]))
        taken[chosen.name] += 1
        found[actor.name] = chosen.name
    return found


def _replacements(
    present: Sequence[str], known: Sequence[str], partners: int, random: random.Random
) -> Iterator[_Planned]:
    actors = load_lexicon().actors
    for name in present:
        strangers = [other for other, actor in actors.items() if actor.kind == actors[name].kind and other not in known]
        for other in random.sample(strangers, min(partners, len(strangers))):
            yield REPLACED, (name, other), {name: other}
