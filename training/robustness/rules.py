"""Rows that stand for a rule, as behavioural tests of a model.

Ribeiro, Wu, Guestrin and Singh (2020), Beyond Accuracy: Behavioral Testing of NLP Models with CheckList.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...labels.records import Record

RULE, GROUP = "rule", "group"


@dataclass(frozen=True)
class RuleResult:
    """How a model does on the rows of one rule.

    Attributes:
        rule: name of the rule.
        sentences: rows with that rule.
        passed: rows with every decision right.
        groups: contrasts: rows of one ``group``, nearly alike, with different labels; 0 if the data names none.
        groups_passed: contrasts with every row right: who gets one of two right may have guessed.
    """

    rule: str
    sentences: int
    passed: int
    groups: int
    groups_passed: int

    @property
    def pass_rate(self) -> float:
        """Share of rows with every decision right."""
        return self.passed / self.sentences


def check_rules(records: Sequence[Record], right: npt.NDArray[np.bool_]) -> tuple[RuleResult, ...]:
    """Return the result of every rule that the rows name in their column ``rule``, worst first.

    Args:
        records: the rows; those without a rule are left out.
        right: ``[n_records] bool``, whether every decision on a row is right.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row, record in enumerate(records):
        if record.extra.get(RULE) not in (None, ""):
            rows[str(record.extra[RULE])].append(row)
    results = []
    for rule, members in rows.items():
        groups: dict[str, list[bool]] = defaultdict(list)
        for row in members:
            if records[row].extra.get(GROUP) not in (None, ""):
                groups[str(records[row].extra[GROUP])].append(bool(right[row]))
        passed = sum(all(rows_right) for rows_right in groups.values())
        results.append(RuleResult(rule, len(members), int(right[members].sum()), len(groups), passed))
    return tuple(sorted(results, key=lambda result: (result.pass_rate, result.rule)))
