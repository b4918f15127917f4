"""Evaluation results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table

from ..inference.bundle import Export
from ..inference.decision import DecisionRule
from ..labels.labelset import LabelSet
from .evaluate import Group
from .metrics import Estimate, Scores


def scores_table(model: Scores, baseline: Scores | None, *, title: str) -> Table:
    """Return a table of the model's scores, each with its 95 % interval, beside the baseline's."""
    table = _table(title, "", "precision", "recall", "F1", "AP", "n")
    table.caption = (
        f"{model.sentences} sentences in {model.documents} documents; AP: average precision; n: sentences with the "
        "label; ranges: 95 % bootstrap intervals by document"
    )
    if baseline is not None:
        table.add_column("TF-IDF F1", justify="right")
    for name, scores in model.labels.items():
        cells = [scores.precision, scores.recall, scores.f1, scores.average_precision]
        row = [name, *map(_cell, cells), str(scores.support)]
        table.add_row(*row, *([_cell(baseline.labels[name].f1)] if baseline else []))
    table.add_section()
    for name, attribute in (("macro F1", "macro_f1"), ("micro F1", "micro_f1"), ("exact match", "exact_match")):
        row = [name, "", "", _cell(getattr(model, attribute)), "", str(model.sentences)]
        table.add_row(*row, *([_cell(getattr(baseline, attribute))] if baseline else []))
    return table


def rule_table(rule: DecisionRule, labels: LabelSet) -> Table:
    """Return a table of the decision rule: the threshold and the temperature of each label."""
    table = _table(f"Decision rule (objective {rule.objective})", "", "threshold", "temperature")
    for k, name in enumerate(labels.names):
        threshold = "most probable" if rule.exclusive else f"{rule.thresholds[k]:.3f}"
        table.add_row(name, threshold, f"{rule.temperatures[0 if rule.exclusive else k]:.3f}")
    return table


def exports_table(exports: Mapping[str, Export]) -> Table:
    """Return a table of ONNX exports: what each changes on the validation split, or why it was not kept."""
    table = _table("ONNX exports, compared on the validation split", "", "decisions that differ", "largest change")
    table.add_column("macro F1", justify="right")
    table.add_column("file, or why there is none", overflow="fold")
    for name, export in exports.items():
        found = export.comparison
        cells = ["", "", ""]
        if found is not None:
            cells = [f"{sum(found.flips.values())} of {found.decisions}", f"{found.largest_change:.3f}"]
            cells.append(f"{found.macro_f1:.3f} ({found.macro_f1_change:+.3f})")
        kept = f", with {', '.join(export.kept_fp32)} in fp32" if export.file and export.kept_fp32 else ""
        table.add_row(name, *cells, f"{export.file}{kept}" if export.file else export.reason)
    return table


def groups_table(groups: Sequence[Group], *, by: str) -> Table:
    """Return a table of pass rates: the share of sentences with every decision right, for each value of a column."""
    columns = ("sentences", "passed", "pass rate", "macro F1")
    table = _table(f"Sentences with every label right, by {by}", by, *columns)
    for group in sorted(groups, key=lambda group: (group.pass_rate, group.value)):
        f1 = "–" if group.macro_f1 != group.macro_f1 else f"{group.macro_f1:.3f}"
        table.add_row(group.value, str(group.sentences), str(group.passed), f"{group.pass_rate:.1%}", f1)
    sentences, passed = sum(group.sentences for group in groups), sum(group.passed for group in groups)
    table.add_section()
    table.add_row("all", str(sentences), str(passed), f"{passed / sentences:.1%}", "")
    return table


def _table(title: str, first: str, *numbers: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", caption_justify="left", box=box.SIMPLE_HEAD)
    # Two lines a cell, score over range, fit a terminal of 80 columns if no padding is spent at the edges.
    table.pad_edge, table.collapse_padding = False, True
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _cell(estimate: Estimate) -> str:
    if estimate.value != estimate.value:
        return "–"
    if estimate.low != estimate.low:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} {estimate.low:.2f}–{estimate.high:.2f}"
