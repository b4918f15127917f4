"""Sentences per second: `Tagger` beside `transformers.pipeline`, interleaved in one run, on news-like sentences.

Run it with ``make bench``, or ``python benchmarks/throughput.py MODEL_FOLDER [--sentences 400] [--rounds 5]``. Absolute
numbers depend on the machine and what else it does; the ratios of one run are what to compare.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from eventroles import LabelSet, Tagger
from eventroles.labels import read_records
from rich import box
from rich.console import Console
from rich.table import Table


def corpus_sentences(count: int) -> list[str]:
    """Return ``count`` sentences of the seed corpus in a fixed random order, repeated if it has fewer."""
    folder = Path(str(resources.files("eventroles.seeds.corpus")))
    labels = LabelSet.load("roles")
    texts = [record.text for path in sorted(folder.glob("*.jsonl")) for record in read_records(path, labels)]
    random.Random(0).shuffle(texts)
    return [texts[index % len(texts)] for index in range(count)]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a trained model folder")
    parser.add_argument("--sentences", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    from transformers import pipeline
    from transformers.utils import logging

    logging.disable_progress_bar()
    texts = corpus_sentences(arguments.sentences)
    tagger = Tagger.from_pretrained(arguments.model, device="cpu")
    classify = pipeline("text-classification", model=arguments.model, top_k=None, device="cpu")
    engines: dict[str, Callable[[], object]] = {
        "transformers.pipeline, batch 1": lambda: classify(texts, batch_size=1),
        "transformers.pipeline, batch 32": lambda: classify(texts, batch_size=32),
        "eventroles Tagger (torch, length-sorted batches)": lambda: tagger.tag_sentences(texts),
    }
    speeds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(arguments.rounds):
        for name, run in engines.items():  # interleaved, so that a slow minute of the machine meets them all
            started = time.perf_counter()
            run()
            speeds[name].append(len(texts) / (time.perf_counter() - started))

    first = statistics.median(next(iter(speeds.values())))
    table = Table(box=box.SIMPLE_HEAD, title=f"{len(texts)} sentences, {arguments.rounds} rounds", title_justify="left")
    table.add_column("engine")
    for column in ("sentences/s, median", "lowest – highest", "ratio"):
        table.add_column(column, justify="right")
    for name, found in speeds.items():
        median = statistics.median(found)
        table.add_row(name, f"{median:.0f}", f"{min(found):.0f} – {max(found):.0f}", f"{median / first:.1f}")
    console = Console(width=110)
    console.print(table)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    console.print(f"{datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d}, {machine}")


if __name__ == "__main__":
    main()
