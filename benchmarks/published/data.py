"""Where the published data sets come from, and their files as the JSON Lines that the configs here read.

None of them may be redistributed by us: their text belongs to newspapers and to the projects that collected it.

    python benchmarks/published/data.py                       # where to get them
    python benchmarks/published/data.py DOWNLOADS --data DIR  # convert what is there
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """One file to fetch and what it becomes.

    Attributes:
        address: where it can be had.
        file: its name in the folder of downloads.
        becomes: its name in the folder of data.
        read: its rows: ``document``, ``id``, ``text``, ``labels``.
    """

    address: str
    file: str
    becomes: str
    read: Callable[[Path], Iterator[Row]]


def tab_separated(*labels: str) -> Callable[[Path], Iterator[Row]]:
    """Return a reader of the ConfliBERT project's files: the text and a 0 or 1 for each label, between tabs."""

    def read(path: Path) -> Iterator[Row]:
        with path.open(encoding="utf-8", newline="") as file:
            for number, cells in enumerate(csv.reader(file, delimiter="\t")):
                text, flags = cells[0].strip(), cells[1:]
                if len(flags) != len(labels) or not set(flags) <= {"0", "1"}:
                    raise SystemExit(f"{path}:{number + 1}: expected a text and {len(labels)} columns of 0 and 1")
                given = [label for label, flag in zip(labels, flags, strict=True) if flag == "1"]
                if text:
                    yield {
                        "document": f"{path.stem}-{number}",
                        "id": f"{path.stem}-{number}",
                        "text": text,
                        "labels": given,
                    }

    return read


def police_sentences(path: Path) -> Iterator[Row]:
    """Read ``sents.jsonl`` of IndiaPoliceEvents, which knows the document of each sentence."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = f"ipe-{row['doc_id']}"
        if row["sent_text"].strip():
            labels = sorted(row["sent_labels"])
            yield {
                "document": name,
                "id": f"{name}-{row['sent_id']}",
                "text": row["sent_text"].strip(),
                "labels": labels,
            }


def causal_news(path: Path) -> Iterator[Row]:
    """Read ``*_subtask1.csv`` of the Causal News Corpus: ``index``, ``text`` and a ``label`` of 0 or 1."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            labels = ["causal"] if row["label"] == "1" else []
            yield {"document": row["index"], "id": row["index"], "text": row["text"].strip(), "labels": labels}


_CONFLIBERT = "https://github.com/eventdata/ConfliBERT/tree/main/data"
_POLICE = tab_separated("KILL", "ARREST", "ANY_ACTION", "FAIL", "FORCE")
_SATP = tab_separated("armed_assault", "bombing_explosion", "kidnapping", "other")
SOURCES = (
    *(
        Source(f"{_CONFLIBERT}/IndiaPoliceEvents_sents/{part}.tsv", f"ipe/{part}.tsv", f"ipe_{part}.jsonl", _POLICE)
        for part in ("train", "dev", "test")
    ),
    Source(
        "https://github.com/slanglab/IndiaPoliceEvents/blob/main/data/final/sents.jsonl",
        "ipe/sents.jsonl",
        "ipe_sentences.jsonl",
        police_sentences,
    ),
    *(
        Source(f"{_CONFLIBERT}/satp_relevant/{part}.tsv", f"satp/{part}.tsv", f"satp_rel_{part}.jsonl", _SATP)
        for part in ("train", "dev", "test")
    ),
    *(
        Source(
            f"https://github.com/tanfiona/CausalNewsCorpus/blob/master/data/V2/{part}_subtask1.csv",
            f"cnc/{part}_subtask1.csv",
            f"cnc_v2_{part}.jsonl",
            causal_news,
        )
        for part in ("train", "dev")
    ),
)


def convert(downloads: Path, data: Path) -> list[Source]:
    """Write every file of ``downloads`` as JSON Lines into ``data``; return the sources that are not there."""
    missing = []
    data.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        if not (downloads / source.file).is_file():
            missing.append(source)
            continue
        rows = [json.dumps(row, ensure_ascii=False) for row in source.read(downloads / source.file)]
        temporary = data / f".{source.becomes}"
        temporary.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        temporary.replace(data / source.becomes)
        print(f"{data / source.becomes}: {len(rows):,} rows")
    return missing


def main() -> int:
    """Convert what is there, and tell where to get the rest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("downloads", nargs="?", type=Path, default=Path("benchmarks/published/downloads"))
    parser.add_argument("--data", type=Path, default=Path("benchmarks/published/data"))
    arguments = parser.parse_args()
    missing = convert(arguments.downloads, arguments.data)
    for source in missing:
        print(f"not there: {arguments.downloads / source.file}\n  get it from {source.address}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
