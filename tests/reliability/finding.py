"""What a check found: a row of the table of reliability, and whatever went against the promise."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

_MOST_SHOWN = 60
HEADER = "| what | how much | found |\n| --- | --- | --- |"


@dataclass(frozen=True)
class Finding:
    """One row.

    Attributes:
        what: what was tried.
        count: on how much.
        problems: one line each; none if all went as promised.
        found: what came out, if it says more than the number of problems.
    """

    what: str
    count: str
    problems: tuple[str, ...] = ()
    found: str = ""

    @property
    def row(self) -> str:
        """The row in Markdown."""
        verdict = f"**{len(self.problems):,} failed**" if self.problems else "all as promised"
        return f"| {self.what} | {self.count} | {'; '.join(filter(None, (self.found, verdict)))} |"


def tell(findings: Iterable[Finding]) -> int:
    """Print the rows, and what failed to standard error; return the exit code."""
    found = list(findings)
    for finding in found:
        print(finding.row, flush=True)
        for problem in finding.problems[:_MOST_SHOWN]:
            print(f"{finding.what}: {problem}", file=sys.stderr)
        if len(finding.problems) > _MOST_SHOWN:
            print(f"{finding.what}: … and {len(finding.problems) - _MOST_SHOWN:,} more", file=sys.stderr)
    return int(any(finding.problems for finding in found))
