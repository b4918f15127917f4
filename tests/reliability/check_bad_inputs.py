"""Check that every bad input ends in the failure ledger, and that every good one beside it is tagged all the same."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reliability.bad_inputs import DOCUMENT_LIMIT, BadInput, write_bad_inputs
from reliability.command import SOME_FAILED, Done, read_lines, read_rows, run_command, tag_command
from reliability.finding import Finding, tell
from reliability.good_inputs import write_good_inputs
from reliability.odd_inputs import write_odd_inputs

_DOCUMENT_TIMEOUT = 10  # seconds
_STAGES = {"find", "unpack", "read", "split"}
Row = dict[str, Any]


def check_bad_inputs(model: str, *, count: int | None = None, seed: int = 1, timeout: float = 3600) -> list[Finding]:
    """Run the command once over good and bad files in one folder.

    Args:
        model: a model folder.
        count: of the bad inputs take about so many, evenly; None takes all.
        seed: for the garbage in them.
        timeout: for the whole run, in seconds; one that hangs is stopped then.

    Raises:
        subprocess.TimeoutExpired: the run hangs.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder, output = Path(scratch, "in"), Path(scratch, "out")
        good = {f"good/{name}": phrase for name, phrase in write_good_inputs(folder / "good").items()}
        good |= {f"odd/{name}": phrase for name, phrase in write_odd_inputs(folder / "odd").items()}
        bad = _thin_out(folder / "bad", write_bad_inputs(folder / "bad", seed=seed), count)
        limits = ("--document-timeout", str(_DOCUMENT_TIMEOUT), "--max-document-size", str(DOCUMENT_LIMIT))
        done = run_command(tag_command(folder, model, output, "--keep-text", *limits), timeout=timeout)
        ledger = read_lines(output / "failures.jsonl")
        texts, rows = read_rows(output / "text"), read_rows(output / "rows")
        if problems := _run_problems(done):
            return [Finding("bad inputs, one run", f"{len(bad)} inputs", tuple(problems))]
    found = f"{len(ledger):,} entries in the ledger, {done.seconds:.0f} s"
    return [
        Finding("bad inputs, each with stage and reason", f"{len(bad)} inputs", tuple(_missing(bad, ledger)), found),
        Finding("good documents beside or inside bad ones", f"{len(good)} files", tuple(_lost(good, bad, texts, rows))),
        Finding("text of each row, cut out by its offsets", f"{len(rows):,} rows", tuple(_moved(texts, rows))),
    ]


def _thin_out(folder: Path, bad: Sequence[BadInput], count: int | None) -> list[BadInput]:
    if count is None or count >= len(bad):
        return list(bad)
    chosen = {index * len(bad) // count for index in range(count)}
    for index, item in enumerate(bad):
        path = folder / item.name
        if index not in chosen:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
    return [item for index, item in enumerate(bad) if index in chosen]


def _run_problems(done: Done) -> list[str]:
    problems = []
    if done.code != SOME_FAILED:
        problems.append(f"exit code {done.code}, expected {SOME_FAILED}; its last words: {done.errors[-1500:]!r}")
    if "Traceback" in done.errors:
        at = done.errors.index("Traceback")
        problems.append(f"a traceback on standard error: {done.errors[at : at + 1500]!r}")
    return problems


def _missing(bad: Sequence[BadInput], ledger: Sequence[Row]) -> Iterable[str]:
    by_source: dict[str, list[Row]] = defaultdict(list)
    for entry in ledger:
        by_source[_plain(entry["source"] or entry["document"])].append(entry)
        if entry["stage"] not in _STAGES:
            yield f"{entry['document']}: stage {entry['stage']!r}"
        reason = entry["reason"]
        # An address in memory differs from run to run, and so would the bytes of the ledger.
        if not reason.strip() or len(reason.splitlines()) != 1 or "Traceback" in reason or " at 0x" in reason:
            yield f"{entry['document']}: reason {reason!r}"
    for item in bad:
        if not by_source[_plain(f"bad/{item.name}")]:
            yield f"not in the ledger: {item.name!r} ({item.kind})"


def _lost(good: Mapping[str, str], bad: Sequence[BadInput], texts: Sequence[Row], rows: Sequence[Row]) -> Iterable[str]:
    tagged = {(row["source"], row["document"]) for row in rows}
    by_source: dict[str, list[Row]] = defaultdict(list)
    for text in texts:
        by_source[_plain(text["source"])].append(text)
    for name, phrase in good.items():
        found = by_source[_plain(name)]
        holds = [text for text in found if phrase in " ".join(text["text"].split())]
        if not holds:
            yield f"{name}: {phrase!r} is in none of its {len(found)} documents"
        elif (holds[0]["source"], holds[0]["document"]) not in tagged:
            yield f"{name}: its text was kept, but no row is there"
    for item in bad:
        documents = [text["text"] for text in by_source[_plain(f"bad/{item.name}")] if text["text"].strip()]
        if item.also_good is not None and len(documents) != item.also_good:
            shown = ", ".join(repr(text[:60]) for text in documents[:3])
            yield f"{item.name!r} ({item.kind}): {len(documents)} documents, expected {item.also_good}: {shown}"


def _moved(texts: Sequence[Row], rows: Sequence[Row]) -> Iterable[str]:
    kept = {(text["source"], text["document"]): text["text"] for text in texts}
    for row in rows:
        text = kept.get((row["source"], row["document"]))
        if text is None:
            yield f"{row['document']}: a row without text"
        elif text[row["start"] : row["end"]] != row["text"]:
            yield f"{row['document']}: row {row['index']} is not what its offsets say"
    for (_, document, index), times in Counter((row["source"], row["document"], row["index"]) for row in rows).items():
        if times > 1:
            yield f"{document}: row {index} is there {times} times"


def _plain(name: str) -> str:
    """Return a name without the characters that a ledger may have to write in another way."""
    return re.sub(r"\\(x|udc)[0-9a-f]{2}|[^ -~]", "", name)


def main() -> int:
    """Check, and print the rows of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--count", type=int, help="take about so many of the bad inputs, evenly")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return tell(check_bad_inputs(options.model, count=options.count, seed=options.seed))


if __name__ == "__main__":
    sys.exit(main())
