"""All checks of reliability one after the other, and their table in `docs/reliability.md`."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from machine import describe_machine
from reliability.check_bad_inputs import check_bad_inputs
from reliability.check_kills import check_kills
from reliability.check_memory import check_memory
from reliability.check_ray import check_ray
from reliability.finding import HEADER, Finding, tell

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
START = "<!-- From here on written by tests/reliability/run_all.py (make reliability). Changes by hand are lost. -->"
END = "<!-- Until here. -->"


def put_between_marks(page: str, written: str) -> str:
    """Return the page with what stands between its two marks replaced.

    Raises:
        ValueError: the page lacks a mark, or has one twice.
    """
    if page.count(START) != 1 or page.count(END) != 1 or page.index(START) > page.index(END):
        raise ValueError(f"the page needs these two lines once, in this order: {START} {END}")
    before, _, rest = page.partition(START)
    return f"{before}{START}\n\n{written}\n\n{END}{rest.partition(END)[2]}"


def render(rows: Sequence[str], model: str) -> str:
    """Return the machine, the date and the table, with the command behind each row."""
    machine = describe_machine()
    versions = ", ".join(f"{name} {version}" for name, version in {**machine.versions, **_more_versions()}.items())
    head, line = HEADER.split("\n")
    checked = (
        f"Checked on {machine.date} with the model `{model}`: {machine.processor}, {machine.cores} usable cores, "
        f"{machine.system}. {versions}."
    )
    return "\n".join([*textwrap.wrap(checked, 120), "", f"{head} command |", f"{line} --- |", *rows])


def _more_versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("lxml", "pyarrow", "pypdfium2", "ray", "trafilatura")}


def _checks(options: argparse.Namespace) -> Iterator[tuple[str, Sequence[Finding]]]:
    """Run the checks, each when it is asked for, and name the command that repeats it."""
    model = options.model
    yield "check_bad_inputs", check_bad_inputs(model)
    yield f"check_kills --kills {options.kills}", check_kills(model, kills=options.kills)
    yield "check_ray", check_ray(model)
    yield f"check_memory --sentences {options.sentences}", check_memory(model, sentences=options.sentences)


def main() -> int:
    """Check, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a model folder, exported to ONNX")
    parser.add_argument("--kills", type=int, default=100, help="how many kills must hit")
    parser.add_argument("--sentences", type=int, default=1_000_000, help="of the large run that memory is measured on")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.parent.name}/{PAGE.name}")
    options = parser.parse_args()
    if options.write:
        put_between_marks(PAGE.read_text(encoding="utf-8"), "")  # to fail now, not in half an hour
    rows: list[str] = []
    failed = 0
    for command, findings in _checks(options):
        failed |= tell(findings)
        rows += [f"{finding.row} `{command}` |" for finding in findings]
    table = render(rows, options.model)
    print(f"\n{table}")
    if options.write:
        PAGE.write_text(put_between_marks(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main())
