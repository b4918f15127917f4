"""The findings as sections of text and tables: for a terminal, and as the page ``docs/performance.md``."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from findings import MEGABYTE, Findings, judge
from speeds import FAST, FOLDER, FOLDER_ENGINE, FP32, INT8, PIPELINE_1, PIPELINE_32, TORCH, Speed

ENGINES = (PIPELINE_1, PIPELINE_32, TORCH, FP32, INT8, FAST)
_GIGA = 1e9


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph and a table; the first column of the table has words, the others have figures."""

    heading: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def render_page(findings: Findings, *, chart: str) -> str:
    """Return the page as Markdown; ``chart`` is the file name of the chart beside it."""
    parts = [
        "<!-- Written by benchmarks/throughput.py (make bench). Changes by hand are lost. -->",
        "# Performance",
        _wrap(
            "This page is written by `make bench`, which takes about a quarter of an hour on two cores once the models "
            "are trained. Absolute figures depend on the machine and on what else it does. The ratios of one run are "
            "what to compare."
        ),
        *(_wrap(paragraph) for paragraph in describe_run(findings).split("\n\n")),
        f"![Sentences per second of each engine, with the spread of the rounds]({chart})",
    ]
    for section in sections(findings):
        parts += [f"## {section.heading}", _wrap(section.text), _markdown(section)]
    return "\n\n".join(part for part in parts if part) + "\n"


def describe_run(findings: Findings) -> str:
    """Return the machine, the date, the versions and the kind of sentences, in two paragraphs."""
    machine = findings.machine
    instructions = ", ".join(machine.instructions) or "no instruction sets known"
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    deciles = ", ".join(map(str, findings.deciles))
    return (
        f"Measured on {machine.date}: {machine.processor}, {machine.cores} usable cores ({instructions}), "
        f"{machine.system}, load average {machine.load:.1f} at the start. {versions}.\n\n"
        f"The sentences are drawn from the seed corpus so that their lengths are those of real news: "
        f"{findings.mean:.1f} tokens on average, deciles {deciles}."
    )


def sections(findings: Findings) -> list[Section]:
    """Return everything found, most wanted first."""
    found = [
        _targets(findings),
        _speeds(findings),
        _folder(findings),
        _cold_start(findings),
        _memory(findings),
        _invariance(findings),
        _contracts(findings),
        _layouts(findings),
        _shares(findings),
    ]
    return [section for section in found if section.rows]


def _targets(findings: Findings) -> Section:
    verdicts = {True: "met", False: "missed", None: "not measured"}
    rows = tuple((target.name, target.wanted, target.found, verdicts[target.met]) for target in judge(findings))
    return Section("Targets", "", ("target", "wanted", "found", ""), rows)


def _speeds(findings: Findings) -> Section:
    speeds = findings.speeds
    rows = tuple(
        (*_rate_cells(speeds[name]), *(f"{speeds[name].median / speeds[to].median:.1f} ×" for to in ENGINES[:2]))
        for name in ENGINES
        if name in speeds
    )
    return Section(
        "Sentences per second",
        "Engines take ready sentences, so tokenising and deciding are included and reading files is not. They take "
        f"turns, {findings.rounds} rounds; slow ones get fewer of the same sentences. The pipeline runs with torch's "
        "default threads.",
        (*_RATE_COLUMNS, "to batch 1", "to batch 32"),
        rows,
    )


def _folder(findings: Findings) -> Section:
    names = [name for name in (FOLDER, FOLDER_ENGINE) if name in findings.speeds]
    rows = tuple(
        (*_rate_cells(findings.speeds[name]), f"{findings.speeds[name].median / findings.speeds[names[-1]].median:.0%}")
        for name in names
    )
    return Section(
        "A folder of small files",
        "Reading files of ten sentences, splitting, scoring and writing one row a sentence, beside the same sentences "
        "given to the same engine at once. The sentences differ, so the cache has next to nothing to give.",
        (*_RATE_COLUMNS, "share"),
        rows,
    )


def _cold_start(findings: Findings) -> Section:
    cold = findings.cold_start
    named = (("eventroles tag, int8", cold.tag), ("a script with transformers.pipeline", cold.pipeline))
    rows = tuple(
        (name, f"{median:.2f}", f"{min(times):.2f} – {max(times):.2f}", f"{median / cold.pipeline_median:.2f}")
        for (name, times), median in zip(named, (cold.tag_median, cold.pipeline_median), strict=True)
    )
    return Section(
        "Cold start",
        f"Seconds from the start of the process until the rows of a short file are written. {len(cold.tag)} runs, "
        "with the files in the system's cache.",
        ("process", "median, s", "lowest – highest", "ratio"),
        rows,
    )


def _memory(findings: Findings) -> Section:
    first = findings.memory[0].peak
    rows = tuple(
        (one.name, f"{one.documents:,}", f"{one.sentences:,}", f"{one.peak / MEGABYTE:.0f}", f"{one.peak / first:.2f}")
        for one in findings.memory
    )
    return Section(
        "Peak memory",
        "The most memory that the process held (resident set), on corpora of different sentences.",
        ("process", "documents", "sentences", "MB", "to the first"),
        rows,
    )


def _invariance(findings: Findings) -> Section:
    rows = tuple(
        (one.name, f"{one.sentences:,}", f"{one.changed:.1%}", f"{one.largest:.1e}" if one.largest else "0")
        for one in findings.invariance
    )
    return Section(
        "Alone and among others",
        "The same sentences scored one by one and all together: how many get logits of other bits, and how far a "
        "calibrated score moves at most.",
        ("engine", "sentences", "other bits", "largest change"),
        rows,
    )


def _contracts(findings: Findings) -> Section:
    rows = tuple(
        (
            name,
            f"{found.sentences:,}",
            f"{sum(found.flips.values())} of {found.decisions:,} ({found.flip_share:.2%})",
            ", ".join(f"{label} {count}" for label, count in found.flips.items()),
            f"{found.largest_change:.3f}",
            f"{found.mean_change:.4f}",
            f"{found.macro_f1_change:+.4f}",
        )
        for name, found in findings.contracts.items()
    )
    return Section(
        "What int8 changes",
        "Measured on the validation split when the model was exported, and kept in its `eventroles.json`: decisions "
        "that differ from fp32, changes of calibrated scores and of macro F1.",
        ("model", "sentences", "flips", "by label", "largest change", "mean change", "macro F1"),
        rows,
    )


def _layouts(findings: Findings) -> Section:
    best = max((layout.median for layout in findings.layouts), default=1.0)
    rows = tuple((*_rate_cells(layout), f"{layout.median / best:.0%}") for layout in findings.layouts)
    return Section(
        "Threads and batches",
        "The int8 engine with tokens that are ready. Callers that each run whole batches on one thread, or one session "
        "whose threads share every matrix product.",
        (*_RATE_COLUMNS, "to the best"),
        rows,
    )


def _shares(findings: Findings) -> Section:
    rows = tuple(
        (
            share.name,
            f"{share.operations.full / 1e6:,.0f}",
            f"{share.operations.needed / 1e6:,.0f}",
            f"{share.reached / _GIGA:,.0f}",
            f"{share.peak / _GIGA:,.0f}",
            f"{share.share:.0%}",
        )
        for share in findings.shares
    )
    return Section(
        "Share of the machine's peak",
        "Operations are those of the matrix products, in millions a sentence: of the whole model, and those needed "
        "when the last layer is computed for the first token only, as our exports do. The peak is that of large "
        "products in onnxruntime or numpy on all cores, in 10⁹ operations a second. An int8 model computes the "
        "products of attention in fp32, which counts as if they were int8, and softmax, GELU and norms count nothing.",
        ("engine, tokens ready", "whole model", "needed", "reached", "peak", "share"),
        rows,
    )


_RATE_COLUMNS = ("", "sentences", "sentences/s, median", "lowest – highest")


def _rate_cells(speed: Speed) -> tuple[str, str, str, str]:
    spread = f"{min(speed.rates):,.0f} – {max(speed.rates):,.0f}"
    return (speed.name, f"{speed.sentences:,}", f"{speed.median:,.0f}", spread)


def _wrap(paragraph: str) -> str:
    return textwrap.fill(paragraph, width=120, break_long_words=False, break_on_hyphens=False)


def _markdown(section: Section) -> str:
    rule = ("---", *("---:" for _ in section.columns[1:]))
    lines: Sequence[Sequence[str]] = [section.columns, rule, *section.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
