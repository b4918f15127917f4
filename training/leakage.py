"""The leakage gate: what validation and test share with the sentences before them, and refusing to train on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from ..configs.schema import Config
from ..inference.decision import DecisionRule
from ..labels.errors import ConfigError
from ..labels.labelset import LabelSet
from ..labels.records import Record
from .metrics import Scores, score_logits
from .splits import PARTS, STORY, Splits
from .stories import LEAST_WORDS, Ties, find_ties

EXACT, NEAR, DOCUMENT, SAME_STORY, SHORT = "exact", "near", "document", "story", "short"
KINDS: Mapping[str, str] = {
    EXACT: "the same sentence",
    NEAR: "nearly the same sentence",
    DOCUMENT: "a sentence of the same document",
    SAME_STORY: "a sentence of the same story",
    SHORT: f"the same few words (below {LEAST_WORDS}; no leak)",
}
"""What each kind means: the row of the later split has such a one in the earlier split."""
_MOST_EXAMPLES = 3  # of each kind and pair of splits
_EXAMPLES_SHOWN = 9  # by an error, of all kinds together; at least one of each
_LONGEST_EXAMPLE = 80  # characters


@dataclass(frozen=True)
class Example:
    """A row of the later split and one of the earlier that it is bound to: their places and shortened texts.

    Where a document or a story binds them, the texts are the names of their documents.
    """

    place: str
    text: str
    other_place: str
    other_text: str


@dataclass(frozen=True)
class Leak:
    """What one split shares with an earlier one in one way.

    Attributes:
        kind: a key of `KINDS`.
        earlier: the split that is seen first: train, or validation where test is the later one.
        later: the split whose rows leak.
        rows: how many of them.
        of: how many rows the later split has.
        examples: at most three.
    """

    kind: str
    earlier: str
    later: str
    rows: int
    of: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Leakage:
    """What the splits of a data set share.

    Attributes:
        leaks: by kind and pair of splits, those with rows only. A row counts as an exact or as a near duplicate, and
            as one of the same document or of the same story; it may count as one of each.
        repeats: short sentences that stand on both sides. Headings and credits recur; they are counted, and no leak.
        validation: ``[n_validation]``, whether the row leaks from train.
        test: ``[n_test]``, whether the row leaks from train or validation.
    """

    leaks: tuple[Leak, ...]
    repeats: tuple[Leak, ...]
    validation: tuple[bool, ...]
    test: tuple[bool, ...]

    def to_dict(self, *, texts: bool = True) -> dict[str, Any]:
        """Return plain data for JSON; without texts, examples have their places alone."""
        return {
            "leaked": {name: sum(getattr(self, name)) for name in PARTS[1:]},
            "sentences": {name: len(getattr(self, name)) for name in PARTS[1:]},
            "leaks": [_plain(leak, texts) for leak in self.leaks],
            "repeats": [_plain(leak, texts) for leak in self.repeats],
        }


@dataclass(frozen=True)
class ApartScores:
    """A model's scores on the rows of a split that leak and on those that do not; None where there are none."""

    leaked: Scores | None
    clean: Scores | None


def find_leaks(splits: Splits) -> Leakage:
    """Find what the splits share: sentences, nearly equal sentences, documents and stories.

    20,000 sentences take a few seconds. See `Ties` for what each kind is.

    Raises:
        EventRolesError: rensa is not installed.
    """
    parts = [getattr(splits, name) for name in PARTS]
    records = [record for part in parts for record in part]
    ties = find_ties(records)
    ends = list(accumulate(map(len, parts), initial=0))
    rows = {name: range(start, end) for name, start, end in zip(PARTS, ends, ends[1:], strict=False)}
    found: list[Leak] = []
    leaked: set[int] = set()
    for earlier, later in combinations(PARTS, 2):
        for kind, pairs in _pair(rows[earlier], rows[later], ties).items():
            if pairs:
                found.append(Leak(kind, earlier, later, len(pairs), len(rows[later]), _examples(kind, pairs, records)))
            if kind != SHORT:
                leaked |= pairs.keys()
    return Leakage(
        leaks=tuple(leak for leak in found if leak.kind != SHORT),
        repeats=tuple(leak for leak in found if leak.kind == SHORT),
        validation=tuple(row in leaked for row in rows["validation"]),
        test=tuple(row in leaked for row in rows["test"]),
    )


def refuse_leaks(leakage: Leakage, config: Config) -> None:
    """Refuse to train where a split leaks into another.

    Raises:
        ConfigError: one does; says what is shared, gives examples with their places, and what to do.
    """
    if not leakage.leaks:
        return
    shares = [f"{sum(rows)} of {len(rows)} {name}" for name in PARTS[1:] if any(rows := getattr(leakage, name))]
    lines = [
        f"leakage: {' and '.join(shares)} sentences have something in train or validation that gives them away; "
        "scores on them would be too good"
    ]
    for leak in leakage.leaks:
        lines.append(f"{leak.rows} of {leak.of} {leak.later} sentences have {KINDS[leak.kind]} in {leak.earlier}")
        lines += [f"  {_shown(example)}" for example in leak.examples[: max(1, _EXAMPLES_SHOWN // len(leakage.leaks))]]
    raise ConfigError("\n".join([*lines, *_remedies(leakage, config)]))


def score_apart(
    leakage: Leakage,
    logits: npt.NDArray[np.float32],
    records: Sequence[Record],
    *,
    rule: DecisionRule,
    labels: LabelSet,
) -> ApartScores:
    """Score the leaked and the clean rows of the test split, each for themselves.

    Args:
        leakage: what `find_leaks` found for the splits.
        logits: ``[n_test, n_labels] float32``, the model's for the test split.
        records: the test split.
        rule: the decision rule.
        labels: the label set.
    """
    leaked = np.array(leakage.test, dtype=bool)

    def scores(rows: npt.NDArray[np.bool_]) -> Scores | None:
        some = [record for record, yes in zip(records, rows, strict=True) if yes]
        return score_logits(logits[rows], some, rule, labels) if some else None

    return ApartScores(leaked=scores(leaked), clean=scores(~leaked))


def warn_of_leaks(leakage: Leakage, apart: ApartScores) -> list[str]:
    """Return what the user should know of a test split that leaks, in one sentence; nothing if it does not."""
    if apart.leaked is None:
        return []
    clean = "none is clean" if apart.clean is None else f"{_macro(apart.clean)} on the others"
    return [
        f"{apart.leaked.sentences} of {len(leakage.test)} test sentences share a text, a document or a story with "
        f"train or validation, and the scores are too good by that: macro F1 {_macro(apart.leaked)} on these, {clean}"
    ]


def _macro(scores: Scores) -> str:
    return "not defined" if math.isnan(scores.macro_f1.value) else f"{scores.macro_f1.value:.3f}"


def _remedies(leakage: Leakage, config: Config) -> list[str]:
    named = [name for name in PARTS[1:] if getattr(config.data, name)]
    cut = {name for name in PARTS if name not in named}  # parts of data.train
    remedies = []
    if config.split.group != STORY and any({leak.earlier, leak.later} <= cut for leak in leakage.leaks):
        remedies.append("--set split.group=story keeps together what belongs together, and splits anew")
    fixed = [name for name in named if any(name in (leak.earlier, leak.later) for leak in leakage.leaks)]
    if fixed:
        files = " and ".join(f"data.{name}" for name in fixed)
        remedies.append(
            f"{files} {'are' if len(fixed) > 1 else 'is'} used as given: take the shared rows out of one side, or put "
            f"everything into data.train, leave {files} empty and --set split.group=story"
        )
    remedies.append("--set leakage=report goes on and gives the scores on leaked and on clean sentences side by side")
    return ["What to do:", *(f"  {remedy}" for remedy in remedies)]


def _pair(earlier: range, later: range, ties: Ties) -> dict[str, dict[int, int]]:
    """Return for each kind the rows of the later split that are bound to the earlier one, each with a row there."""

    def first(numbers: Sequence[int | None]) -> dict[int | None, int]:
        return {numbers[row]: row for row in reversed(earlier)}

    text, near, document, story = first(ties.text), first(ties.near), first(ties.document), first(ties.story)
    found: dict[str, dict[int, int]] = {kind: {} for kind in KINDS}
    for row in later:
        if ties.text[row] in text:
            found[SHORT if ties.short[row] else EXACT][row] = text[ties.text[row]]
        elif ties.near[row] is not None and ties.near[row] in near:
            found[NEAR][row] = near[ties.near[row]]
        if ties.document[row] in document:
            found[DOCUMENT][row] = document[ties.document[row]]
        elif ties.story[row] in story:
            found[SAME_STORY][row] = story[ties.story[row]]
    return found


def _examples(kind: str, pairs: Mapping[int, int], records: Sequence[Record]) -> tuple[Example, ...]:
    found: dict[tuple[str, str], Example] = {}  # by what is shown, so that each document is an example once
    for row, other in pairs.items():
        texts = (records[row], records[other])
        by_document = kind in (DOCUMENT, SAME_STORY)
        ours, theirs = (record.document if by_document else _shorten(record.text) for record in texts)
        found.setdefault((ours, theirs), Example(records[row].place, ours, records[other].place, theirs))
        if len(found) == _MOST_EXAMPLES:
            break
    return tuple(found.values())


def _shown(example: Example) -> str:
    other = "" if example.other_text == example.text else f", {example.other_text!r}"
    return f"{example.place} and {example.other_place}: {example.text!r}{other}"


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[: _LONGEST_EXAMPLE - 1]}…"


def _plain(leak: Leak, texts: bool) -> dict[str, Any]:
    plain = asdict(leak)
    if not texts:
        for example in plain["examples"]:
            del example["text"], example["other_text"]
    return plain | {"examples": list(plain["examples"])}
