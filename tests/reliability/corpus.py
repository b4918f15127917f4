"""Many small files of several formats and long tables, made of the sentences of the seed corpus."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from reliability.bad_input import PNG
from reliability.formats import make_html

_ROWS_A_FILE = 5_000
_BAD_EVERY = 50  # files
_SENTENCES = 3  # of a small document


def corpus_documents() -> list[list[str]]:
    """Return the sentences of each document of the seed corpus."""
    found: dict[str, list[str]] = {}
    for file in sorted(resources.files("eventroles.seeds.corpus").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".jsonl"):
            for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
                found.setdefault(row["document"], []).append(row["text"])
    return list(found.values())


def write_mixed_files(folder: Path, files: int, *, seed: int) -> int:
    """Write texts, tables of a few rows and pages, and one bad file among 50; return the characters of the text."""
    rng = random.Random(seed)
    documents = corpus_documents()
    rng.shuffle(documents)
    endless = itertools.cycle(documents)
    characters = 0
    for number in range(files):
        part = folder / f"{number // 100:02}"
        part.mkdir(parents=True, exist_ok=True)
        if number % _BAD_EVERY == _BAD_EVERY - 1:
            (part / f"{number:04}.txt").write_bytes(PNG)
            continue
        # A number in the first sentence makes each text another one.
        texts = [f"Report {number}.{row}. {' '.join(next(endless)[:_SENTENCES])}" for row in range(rng.randint(1, 3))]
        if number % 3 == 0:
            texts = texts[:1]
            (part / f"{number:04}.txt").write_text(texts[0], encoding="utf-8")
        elif number % 3 == 1:
            rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
            (part / f"{number:04}.jsonl").write_text(rows, encoding="utf-8")
        else:
            (part / f"{number:04}.html").write_bytes(make_html(f"Report {number}", texts))
        characters += sum(map(len, texts))
    return characters


def write_tables(folder: Path, sentences: int) -> int:
    """Write JSON Lines of at least so many sentences, repeating the corpus; return how many."""
    folder.mkdir(parents=True)
    rows = _endless_rows()
    written = 0
    for number in itertools.count():
        if written >= sentences:
            return written
        with (folder / f"{number:04}.jsonl").open("w", encoding="utf-8") as file:
            for count, row in itertools.islice(rows, _ROWS_A_FILE):
                file.write(row)
                written += count
                if written >= sentences:
                    break
    return written


def _endless_rows() -> Iterator[tuple[int, str]]:
    documents = corpus_documents()
    for number, sentences in enumerate(itertools.cycle(documents)):
        yield len(sentences), json.dumps({"id": f"row-{number}", "text": "\n\n".join(sentences)}) + "\n"
