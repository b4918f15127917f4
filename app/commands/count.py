"""`eventroles count`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich import box
from rich.table import Table

from ..console import notes, results
from ..labels.errors import ConfigError

if TYPE_CHECKING:
    from ..inference.counts import Estimate, RoleCount
    from ..inference.errorrates import LabelErrors
    from ..inference.rows import Kind
    from ..inference.tallies import TaggedRows, Tallies

_DECIMALS = 3


def count_command(
    tagged: Annotated[
        str,
        typer.Argument(metavar="TAGGED", help="What `eventroles tag` wrote: a dataset folder, .jsonl, .csv, .parquet."),
    ],
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PERIOD|COLUMN",
            help="day, week, month or year of the date; document, source or another column, or an entry of the "
            "metadata; may be given often [default: month].",
        ),
    ] = None,
    errors: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|MODEL",
            help="Error rates: a file of `eventroles evaluate --json`, or a model [default: the one that tagged].",
        ),
    ] = None,
    precision: Annotated[
        Literal["fp32", "int8"] | None,
        typer.Option(help="Of the model that tagged [default: what a dataset folder says, or tagging on a CPU does]."),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Count only these rows; may be given often.")
    ] = None,
    unique: Annotated[
        bool, typer.Option("--unique", help="Count near-duplicate sentences once; needs tag --deduplicate.")
    ] = False,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Share of intervals that hold the truth.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws that the intervals are made of.")] = 0,
    output: Annotated[Path | None, typer.Option(help="Write rows: .csv, .jsonl or .parquet.")] = None,
) -> None:
    """Count roles by period and group, corrected for the model's measured errors.

    Beside the sentences that were given a role stand two corrected counts with intervals, one from the decisions and
    one from the probabilities. They hold for text on which the model errs as it did on its test set: measure it on
    your own archive, and give that with --errors. On a terminal it prints a table, into a pipe CSV.

    \b
    eventroles count tags --by month --by source
    eventroles count tags.parquet --by week --errors evaluation.json --output counts.csv
    """
    from ..inference.counts import correct, problems
    from ..inference.sinks import open_sink
    from ..inference.tallies import add_up, find_rows

    by = by or ["month"]
    columns = _columns(by)
    sink = open_sink(output, columns) if output is not None else None
    console = notes()
    rows = find_rows(tagged)
    tallies = add_up(rows, by=by, where=_conditions(where or []), unique=unique)
    if not tallies.cells:
        raise ConfigError(f"{tagged}: no row to count")
    measured = _errors(rows, tallies, errors, precision)
    counts = list(correct(tallies, measured, level=level, seed=seed))
    if sink is not None:
        with sink:
            for count in counts:
                sink.write(_row(count, columns))
    elif sys.stdout.isatty():
        results().print(_table(counts, tallies.by, level))
    else:
        lines = csv.writer(sys.stdout, lineterminator="\n")
        lines.writerow(columns)
        lines.writerows(_row(count, columns).values() for count in counts)
    for line in [*_left_out(tallies), *problems(counts, measured)]:
        console.print(f"warning: {line}", style="yellow", soft_wrap=True)


def _conditions(texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigError(f"--where {text}: expected COLUMN=VALUE, such as --where review=false")
        found[name] = value
    return found


def _errors(
    rows: TaggedRows, tallies: Tallies, errors: str | None, precision: Literal["fp32", "int8"] | None
) -> Mapping[str, LabelErrors]:
    """Return the error rates of the file or model named, or of the model that the rows name."""
    from ..inference.counts import measured_errors
    from ..inference.errorrates import read_errors

    if errors is not None and Path(errors).is_file():
        return read_errors(Path(errors))
    if len(tallies.models) > 1:
        names = ", ".join(sorted(f"{name} ({revision})" for name, revision in tallies.models))
        raise ConfigError(f"{rows.name} was tagged by several models: {names}; name error rates with --errors")
    model, revision = next(iter(tallies.models))
    found = measured_errors(errors or model, precision=precision or rows.precision)
    if found.revision != revision:
        notes().print(
            f"warning: the rows are of {model} at revision {revision}, the error rates of {found.name} at "
            f"{found.revision}",
            style="yellow",
            soft_wrap=True,
        )
    return found.errors


def _columns(by: Sequence[str]) -> dict[str, Kind]:
    from ..inference.tallies import key_names

    keys: dict[str, Kind] = dict.fromkeys(key_names(by), "text")
    columns: dict[str, Kind] = {"role": "text", "sentences": "integer", "counted": "integer"}
    columns |= dict.fromkeys(("adjusted", "low", "high"), "number")
    columns |= dict.fromkeys(("probability_count", "probability_low", "probability_high"), "number")
    if twice := [name for name in keys if name in columns]:
        raise ConfigError(f"--by {twice[0]}: a column of the counts has this name; rename the column of the rows")
    return keys | columns


def _row(count: RoleCount, columns: Mapping[str, Kind]) -> dict[str, Any]:
    values = [*count.key, count.role, count.sentences, count.counted]
    values += [value for found in (count.adjusted, count.probability) for value in _numbers(found)]
    return dict(zip(columns, values, strict=True))


def _numbers(found: Estimate | None) -> list[float | None]:
    if found is None:
        return [None, None, None]
    return [None if value is None else round(value, _DECIMALS) for value in (found.value, found.low, found.high)]


def _table(counts: Sequence[RoleCount], by: Sequence[str], level: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD, caption_justify="left", pad_edge=False, collapse_padding=True)
    for name in by:
        table.add_column(name, overflow="fold")
    table.add_column("role", no_wrap=True)
    for name in ("sentences", "counted", "adjusted", "by probability"):
        table.add_column(name, justify="right")
    table.caption = (
        f"counted: sentences given the role; adjusted: corrected for misses and false alarms; by probability: from the "
        f"sum of the probabilities; ranges: {100 * level:g} % intervals"
    )
    last: tuple[str, ...] = ()
    for count in counts:
        key = count.key if count.key != last else ("",) * len(by)
        sentences = f"{count.sentences:,}" if count.key != last else ""
        last = count.key
        cells = [_cell(count.adjusted), _cell(count.probability)]
        table.add_row(*key, count.role, sentences, f"{count.counted:,}", *cells)
    return table


def _cell(found: Estimate | None) -> str:
    if found is None:
        return "–"
    value = "–" if found.value is None else f"{found.value:,.0f}"
    return f"{value} ({found.low:,.0f}–{found.high:,.0f})"


def _left_out(tallies: Tallies) -> list[str]:
    found = []
    if tallies.unscored:
        found.append(f"{tallies.unscored:,} rows have no scores (boilerplate) and are not counted")
    if tallies.unread_dates:
        found.append(
            f"{tallies.unread_dates:,} rows have a date that is not in ISO 8601 (2026-03-01) or says less than the "
            "period; they stand under (no date)"
        )
    return found
