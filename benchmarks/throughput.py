"""Speed, cold start and memory of tagging beside `transformers.pipeline`, measured in one run.

Run it with ``make bench``, or ``python benchmarks/throughput.py MODEL_FOLDER [--fast STUDENT_FOLDER] [--write]``.
Absolute numbers depend on the machine and what else it does; the ratios of one run are what to compare.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chart import draw_chart
from eventroles import Tagger
from eventroles.inference import split_sentences
from eventroles.labels.errors import EventRolesError, ModelError
from findings import Findings
from invariance import Invariance, compare_pipeline, compare_tagger
from machine import describe_machine
from news import Sample, multiply, sample_news, token_lengths, write_articles
from peak import Shape, Share, count_operations, measure_peak
from performance_page import ENGINES, Section, describe_run, render_page, sections
from processes import measure_cold_start, measure_memory
from rich import box
from rich.console import Console
from rich.table import Table
from speeds import (
    FAST,
    FOLDER,
    FOLDER_ENGINE,
    FP32,
    INT8,
    PIPELINE_1,
    PIPELINE_32,
    TORCH,
    Contestant,
    Speed,
    folder_contestant,
    layout_contestants,
    load_pipeline,
    pipeline_contestant,
    race,
    scoring_contestant,
    tagger_contestant,
)

_DOCS = Path(__file__).parents[1] / "docs"
_CHART, _PAGE = "performance.svg", "performance.md"


@dataclass(frozen=True)
class Sizes:
    """How much each part measures, in sentences or documents: enough for a second or more a round."""

    sentences: int

    @property
    def one_by_one(self) -> int:
        """Sentences for the slowest engine, and for scoring them one by one."""
        return max(1, self.sentences // 5)

    @property
    def torch(self) -> int:
        """Sentences for the other engines on torch."""
        return max(1, self.sentences * 2 // 5)

    @property
    def files(self) -> int:
        """Files of ten sentences, for the folder."""
        return self.sentences

    @property
    def documents(self) -> int:
        """Documents of the smallest corpus that memory is measured on; the largest has a hundred times as many."""
        return max(1, self.sentences // 8)  # fills the sentences that tagging looks ahead


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a trained model folder with its ONNX exports")
    parser.add_argument("--fast", metavar="FOLDER", help="the distilled student, if there is one")
    parser.add_argument("--sentences", type=int, default=2000, help="for the fast engines; the rest follows from it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=_DOCS,
        metavar="FOLDER",
        help=f"write {_PAGE} and {_CHART}, by default to docs/",
    )
    arguments = parser.parse_args()
    try:
        taggers = load_taggers(arguments.model, arguments.fast)
    except EventRolesError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory() as folder:
        findings = measure(
            arguments.model, taggers, Path(folder), sizes=Sizes(arguments.sentences), rounds=arguments.rounds
        )
    console = Console(width=130)
    console.print(describe_run(findings), highlight=False)
    for section in sections(findings):
        _print(section, console)
    if arguments.write:
        write(findings, arguments.write)


def measure(model: str, taggers: dict[str, Tagger], folder: Path, *, sizes: Sizes, rounds: int) -> Findings:
    """Measure everything; ``folder`` is for files that come and go."""
    machine = describe_machine()
    sample = sample_news(taggers[INT8].encoder, sizes.sentences)
    cold_start = measure_cold_start(model, sample.texts[:3], folder, runs=rounds, note=_note)
    memory = measure_memory(model, sample.texts, folder, documents=sizes.documents, note=_note)
    classify = load_pipeline(model)
    speeds = measure_speeds(taggers, classify, sample, folder, sizes=sizes, rounds=rounds)
    encoded = taggers[INT8].encoder.encode(sample.texts)
    exported = taggers[INT8].bundle
    layouts = race(
        layout_contestants(exported.folder / str(exported.manifest.exports["int8"].file), encoded), rounds, note=_note
    )
    return Findings(
        machine=machine,
        rounds=rounds,
        mean=sample.mean,
        deciles=sample.deciles,
        speeds=speeds,
        layouts=list(layouts.values()),
        shares=measure_shares(taggers, sample, rounds=rounds),
        cold_start=cold_start,
        memory=memory,
        invariance=measure_invariance(taggers, classify, sample.texts[: sizes.one_by_one]),
        contracts={
            name: export.comparison
            for name in (INT8, FAST)
            if name in taggers and (export := taggers[name].bundle.manifest.exports["int8"]).comparison is not None
        },
    )


def load_taggers(model: str, fast: str | None) -> dict[str, Tagger]:
    """Load a model for each engine, and the student if there is one, by the names of their rows.

    Raises:
        EventRolesError: a model cannot be loaded, or an export of it that is to be measured is missing.
    """
    taggers = {
        TORCH: Tagger.from_pretrained(model, backend="torch", device="cpu"),
        FP32: Tagger.from_pretrained(model, backend="onnx", exact=True),
        INT8: Tagger.from_pretrained(model, backend="onnx"),
    }
    if fast:
        taggers[FAST] = Tagger.from_pretrained(fast, backend="onnx")
    for row, tagger in taggers.items():
        wanted = "int8" if row in (INT8, FAST) else "fp32"
        if tagger.engine.precision != wanted:
            name = tagger.bundle.name
            raise ModelError(f"{name} has no {wanted} export; make one with: eventroles export {name}")
    return taggers


def measure_speeds(
    taggers: dict[str, Tagger], classify: Any, sample: Sample, folder: Path, *, sizes: Sizes, rounds: int
) -> dict[str, Speed]:
    """Race the engines, and a folder of files against the same sentences without files."""
    texts, some = sample.texts, sample.texts[: sizes.torch]
    articles = write_articles(folder / "articles", multiply(texts, 10 * sizes.files))
    split = [sentence.text for article in articles for sentence in split_sentences(article)]
    contestants = [
        pipeline_contestant(PIPELINE_1, classify, texts[: sizes.one_by_one], batch_size=1),
        pipeline_contestant(PIPELINE_32, classify, some, batch_size=32),
        *(tagger_contestant(name, tagger, some if name == TORCH else texts) for name, tagger in taggers.items()),
        folder_contestant(FOLDER, taggers[INT8], folder / "articles", folder / "articles.jsonl"),
        tagger_contestant(FOLDER_ENGINE, taggers[INT8], split),
    ]
    return race(contestants, rounds, note=_note)


def measure_shares(taggers: dict[str, Tagger], sample: Sample, *, rounds: int) -> list[Share]:
    """Compare what the exports reach, tokens being ready, with the peak of the machine."""
    exports = {name: tagger for name, tagger in taggers.items() if name != TORCH}
    contestants: list[Contestant] = [scoring_contestant(name, tagger, sample.texts) for name, tagger in exports.items()]
    before = measure_peaks()
    speeds = race(contestants, rounds, note=_note)
    after = measure_peaks()
    return [
        Share(
            name,
            count_operations(Shape.load(tagger.bundle.folder), token_lengths(tagger.encoder, sample.texts)),
            speed=speeds[name].median,
            peak=max(peaks[tagger.engine.precision] for peaks in (before, after)),
        )
        for name, tagger in exports.items()
    ]


def measure_peaks() -> dict[str, float]:
    """Return the peak of the machine, in operations per second, by precision."""
    _note("peak of the machine")
    return {precision: measure_peak(precision, seconds=0.3) for precision in ("fp32", "int8")}


def measure_invariance(taggers: dict[str, Tagger], classify: Any, texts: Sequence[str]) -> list[Invariance]:
    """Score sentences alone and together with the pipeline and with every engine."""
    _note("alone and together")
    pipeline = compare_pipeline(PIPELINE_32, classify, texts, tagger=taggers[TORCH])
    return [pipeline, *(compare_tagger(name, tagger, texts) for name, tagger in taggers.items())]


def write(findings: Findings, folder: Path) -> None:
    """Write the page and its chart."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = f"{findings.machine.processor}, {findings.machine.cores} cores, {findings.machine.date}"
    chart = draw_chart(
        [findings.speeds[name] for name in ENGINES if name in findings.speeds],
        title="Sentences per second on a CPU",
        note=f"Median of {findings.rounds} rounds; the lines go from the lowest to the highest. {machine}.",
    )
    (folder / _CHART).write_text(chart, encoding="utf-8")
    (folder / _PAGE).write_text(render_page(findings, chart=_CHART), encoding="utf-8")


def _print(section: Section, console: Console) -> None:
    console.print(f"\n{section.heading}", style="bold")
    console.print(section.text, highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(section.columns):
        table.add_column(column, justify="right" if number else "left")
    for row in section.rows:
        table.add_row(*row)
    console.print(table)


_note: Callable[[str], None] = Console(stderr=True).print


if __name__ == "__main__":
    main()
