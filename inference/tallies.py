"""Adding tagged rows up: sentences, roles and scores of each period and group, without holding the rows."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..labels.errors import ConfigError, DataError, nearest
from .dataset.folder import LEDGER
from .dataset.ledger import Ledger
from .dataset.parts import ROWS
from .dataset.storage import open_storage
from .remote import is_remote
from .rows import Kind, columns_of
from .sinks import column_names, read_rows

UNITS = ("day", "week", "month", "year")
NO_DATE = "(no date)"
_NONE = "(none)"
_CLUSTER = "sentence_cluster"
_ISO_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?|(\d\d)(\d\d))?(?![\d-])")


@dataclass(frozen=True)
class TaggedRows:
    """The rows that a run wrote.

    Attributes:
        name: what the user calls them.
        paths: files, in order.
        columns: what their columns hold, by name.
        precision: of the model that tagged them, where the folder says so.
    """

    name: str
    paths: tuple[Path, ...]
    columns: Mapping[str, Kind]
    precision: str | None

    @property
    def label_names(self) -> list[str]:
        """The labels that have a column of scores."""
        return [name for name, kind in self.columns.items() if kind == "number"]

    def read(self, names: set[str]) -> Iterator[dict[str, Any]]:
        """Yield the rows with at least the columns named."""
        for path in self.paths:
            # Parquet files give single columns, which saves most of the time; the others are read whole.
            is_columnar = path.suffix == ".parquet"
            columns = {n: kind for n, kind in self.columns.items() if n in names} if is_columnar else self.columns
            yield from read_rows(path, columns)


def find_rows(tagged: str) -> TaggedRows:
    """Return the rows of a dataset folder, of which only finished parts count, or of a file of rows.

    Raises:
        ConfigError: it is not there, or has another format.
        DataError: it cannot be read, or was not written by `eventroles tag`.
    """
    paths, precision = _parts(tagged) if is_remote(tagged) or Path(tagged).is_dir() else ([Path(tagged)], None)
    if not paths[0].is_file():
        raise ConfigError(f"{tagged}: no such file or folder")
    try:
        return TaggedRows(tagged, tuple(paths), columns_of(column_names(paths[0])), precision)
    except DataError as error:
        raise DataError(f"{tagged}: {error}") from error


@dataclass
class Tally:
    """Sums over the sentences of one cell; ``given`` and ``scores`` by label, in the order of the columns."""

    given: list[int]
    scores: list[float]
    sentences: int = 0


@dataclass
class Tallies:
    """What tagged rows add up to.

    Attributes:
        by: names of the columns of a cell's key.
        label_names: the labels.
        cells: sums by key, such as ``("2026-03", "north")``.
        models: name and revision of every model in the rows.
        unscored: rows left out as they have no scores: boilerplate.
        unread_dates: rows whose date is there, but not in ISO 8601 and as precise as the period.
    """

    by: tuple[str, ...]
    label_names: tuple[str, ...]
    cells: dict[tuple[str, ...], Tally] = field(default_factory=dict)
    models: set[tuple[str, str]] = field(default_factory=set)
    unscored: int = 0
    unread_dates: int = 0

    def ordered(self) -> list[tuple[str, ...]]:
        """Return the keys of all cells in order, those without a date last."""
        return sorted(self.cells, key=lambda key: [(value in (NO_DATE, _NONE), value) for value in key])


def key_names(by: Sequence[str]) -> list[str]:
    """Return the names of the columns of a cell's key: ``period`` comes first, if one is asked for.

    Raises:
        ConfigError: several periods, or one name twice.
    """
    units = [name for name in by if name in UNITS]
    if len(units) > 1 or len(set(by)) < len(by):
        raise ConfigError(f"--by {' --by '.join(by)}: one period, and each column once")
    return ["period"] * len(units) + [name for name in by if name not in UNITS]


def add_up(
    rows: TaggedRows, *, by: Sequence[str], where: Mapping[str, str] | None = None, unique: bool = False
) -> Tallies:
    """Add rows up by period and group, one row at a time.

    Args:
        rows: the rows.
        by: ``day``, ``week``, ``month`` or ``year`` of the date, and names of columns or of entries of ``metadata``.
        where: count only rows with these values, by column or entry of ``metadata``.
        unique: count one sentence of each cluster of near-duplicates, the first.

    Raises:
        ConfigError: a column is not there.
        DataError: a file cannot be read.
    """
    names = key_names(by)
    units = [name for name in by if name in UNITS]
    if unique and _CLUSTER not in rows.columns:
        raise ConfigError(f"--unique: {rows.name} has no column {_CLUSTER}; tag into a folder with --deduplicate")
    groups, wanted, labels = [name for name in by if name not in UNITS], dict(where or {}), rows.label_names
    tallies = Tallies(tuple(names), tuple(labels))
    met: set[str] = set()  # names that some row had
    clusters: set[int] = set()  # the one thing that grows with the rows: 8 bytes of hash each
    needed = {"roles", "date", "model", "revision", _CLUSTER, *groups, *wanted, *labels}
    if needed - rows.columns.keys() - {_CLUSTER}:
        needed.add("metadata")  # as JSON, which takes longer to read than all the rest
    seen = False
    for row in rows.read(needed):
        seen = True
        values = {name: _value(row, name, met) for name in (*wanted, *groups)}
        if any(values[name] != value for name, value in wanted.items()):
            continue
        if labels and row[labels[0]] is None:
            tallies.unscored += 1
            continue
        if unique and row[_CLUSTER]:
            cluster = int(row[_CLUSTER], 16)
            if cluster in clusters:
                continue
            clusters.add(cluster)
        period = [period_of(row["date"], unit) for unit in units]
        tallies.unread_dates += bool(row["date"]) and NO_DATE in period
        tallies.models.add((row["model"], row["revision"]))
        _add(tallies, (*period, *(values[name] for name in groups)), row)
    missing = [name for name in (*wanted, *groups) if name not in met]
    if missing and seen:
        hint = nearest(missing[0], [*UNITS, *rows.columns])
        raise ConfigError(f"no column or entry of metadata is called {missing[0]!r}.{hint}")
    return tallies


def _add(tallies: Tallies, key: tuple[str, ...], row: Mapping[str, Any]) -> None:
    cell = tallies.cells.get(key)
    if cell is None:
        count = len(tallies.label_names)
        cell = tallies.cells[key] = Tally([0] * count, [0.0] * count)
    cell.sentences += 1
    for k, name in enumerate(tallies.label_names):
        cell.given[k] += name in row["roles"]
        cell.scores[k] += row[name]


@lru_cache(maxsize=4096)
def period_of(date: str | None, unit: str) -> str:
    """Return the period of a date in ISO 8601, or `NO_DATE` if it is none or does not say so much.

    >>> period_of("2026-03-01T06:00:00+00:00", "week"), period_of("2026-03", "day")
    ('2026-W09', '(no date)')
    """
    found = _ISO_DATE.match(date or "")
    if not found:
        return NO_DATE
    year, month, day = found[1], found[2] or found[4], found[3] or found[5]
    try:
        valid = datetime.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return NO_DATE
    if unit == "year":
        return year
    if unit == "month":
        return f"{year}-{month}" if month else NO_DATE
    if not day:
        return NO_DATE
    if unit == "day":
        return valid.isoformat()
    of_year, week, _ = valid.isocalendar()
    return f"{of_year:04}-W{week:02}"


def _value(row: Mapping[str, Any], name: str, met: set[str]) -> str:
    metadata = row.get("metadata") or {}
    if name not in row and name not in metadata:
        return _NONE
    met.add(name)
    value = row[name] if name in row else metadata[name]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "|".join(map(str, value))
    return _NONE if value is None or value == "" else str(value)


def _parts(folder: str) -> tuple[list[Path], str | None]:
    """Return the files of rows of a dataset folder, and the precision of its model."""
    storage = open_storage(folder)
    path = storage.local(LEDGER)
    if not path.is_file():
        raise ConfigError(f"{folder}: no {LEDGER} in it; expected a folder that `eventroles tag` has written")
    ledger = Ledger(path)
    try:
        identity = ledger.get("identity") or {}
        names = [f"{ROWS}/part-{number:05}.{identity.get('format')}" for number in ledger.parts()]
    finally:
        ledger.close()
    if not names:
        raise DataError(f"{folder}: no rows in it yet")
    return [storage.local(name) for name in names], identity.get("precision")
