"""Evaluation results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table

from ..inference.decision import DecisionRule
from ..inference.manifest import Export
from ..labels.labelset import LabelSet
from .abstain import AutomaticShare
from .bootstrap import Estimate
from .calibration import Calibration
from .compare import Difference, ModelComparison
from .confusion import Confusion
from .leakage import KINDS, Leakage
from .metrics import Scores
from .robustness import Robustness
from .robustness.actorswaps import ActorSwaps
from .robustness.flips import Flips
from .robustness.rules import RuleResult
from .slices import Group

_MOST_PAIRS = 10


def scores_table(model: Scores, baseline: Scores | None, *, title: str) -> Table:
    """Return a table of the model's scores, each with its 95 % interval, beside the baseline's."""
    table = plain_table(title, "", "precision", "recall", "F1", "AP", "n")
    table.caption = (
        f"{model.sentences} sentences in {model.documents} documents; AP: average precision; n: sentences with the "
        "label; ranges: 95 % bootstrap intervals by document; example F1: mean over the sentences with any role, real "
        "or given; at 0.5: before calibration, with every threshold at 0.5, as in published tables"
    )
    if baseline is not None:
        table.add_column("TF-IDF F1", justify="right")
    for name, scores in model.labels.items():
        cells = [scores.precision, scores.recall, scores.f1, scores.average_precision]
        row = [name, *map(_cell, cells), str(scores.support)]
        table.add_row(*row, *([_cell(baseline.labels[name].f1)] if baseline else []))
    table.add_section()
    for name, attribute in _TOTALS.items():
        row = [name, "", "", _cell(getattr(model, attribute)), "", str(model.sentences)]
        table.add_row(*row, *([_cell(getattr(baseline, attribute))] if baseline else []))
    return table


_TOTALS = {
    "macro F1": "macro_f1",
    "micro F1": "micro_f1",
    "exact match": "exact_match",
    "example F1": "example_f1",
    "example F1 at 0.5": "example_f1_at_half",
}


def calibration_table(calibration: Mapping[str, Calibration]) -> Table:
    """Return a table of expected calibration error and Brier score of each label, before and after the fitted rule."""
    table = plain_table("Calibration", "", "ECE before", "after", "by chance", "Brier before", "after")
    table.caption = (
        "ECE: expected calibration error, 10 bins of equal width; by chance: what it would be on these sentences if "
        "the probabilities after were right; Brier: mean squared error of the probability; before: temperature 1; "
        "after: with the temperatures and biases of the decision rule"
    )
    for name, found in calibration.items():
        before, after = found.before, found.after
        chance = Estimate(after.by_chance, float("nan"), float("nan"))
        table.add_row(name, *map(_cell, (before.error, after.error, chance, before.brier, after.brier)))
    return table


def confusion_table(confusion: Confusion) -> Table:
    """Return a table of the ten most frequent pairs of a label that was missed and one that was given wrongly."""
    table = plain_table("Given in place of each other", "missed", "sentences")
    table.add_column("given wrongly")
    names = [*confusion.names[:-1], "–"]
    pairs = [
        (count, missed, given)
        for row, missed in enumerate(names)
        for column, given in enumerate(names)
        if row != column and (count := confusion.matrix[row][column]) > 0
    ]
    pairs.sort(key=lambda pair: -pair[0])
    for count, missed, given in pairs[:_MOST_PAIRS]:
        table.add_row(missed, f"{count:.1f}".removesuffix(".0"), given)
    more = f"the {_MOST_PAIRS} most frequent of {len(pairs)} pairs; " if len(pairs) > _MOST_PAIRS else ""
    table.caption = f"{more}a sentence with several mistakes is shared out among its pairs"
    return table


def comparison_table(found: ModelComparison) -> Table:
    """Return a table of two models' scores on the same sentences, their difference and whether it may be chance."""
    table = plain_table("Two models on the same sentences", "", "first", "second", "second - first", "p")
    table.caption = (
        f"first: {found.first}; second: {found.second}; F1 if not said otherwise; {found.sentences} sentences in "
        f"{found.documents} documents, {found.decisions} decisions differ; ranges: 95 % paired bootstrap intervals by "
        f"document; p: approximate randomisation, {found.swaps} random swaps by document"
    )
    for name, difference in found.labels.items():
        table.add_row(name, *_difference(difference))
    table.add_section()
    totals = {"macro F1": found.macro_f1, "example F1": found.example_f1, "exact match": found.exact_match}
    for name, difference in totals.items():
        table.add_row(name, *_difference(difference))
    return table


def _difference(found: Difference) -> list[str]:
    by = found.difference
    if by.value != by.value:
        return ["–" if score != score else f"{score:.3f}" for score in (found.first, found.second)] + ["–", "–"]
    span = "" if by.low != by.low else f" {by.low:+.3f} to {by.high:+.3f}"
    p_value = "<0.001" if found.p_value < 0.001 else f"{found.p_value:.3f}"
    return [f"{found.first:.3f}", f"{found.second:.3f}", f"{by.value:+.3f}{span}", p_value]


def rule_table(rule: DecisionRule, labels: LabelSet) -> Table:
    """Return a table of the decision rule: threshold, temperature and bias of each label."""
    table = plain_table(f"Decision rule (objective {rule.objective})", "", "threshold", "temperature", "bias")
    for k, name in enumerate(labels.names):
        threshold = "most probable" if rule.exclusive else f"{rule.thresholds[k]:.3f}"
        bias = f"{rule.biases[k]:+.3f}" if rule.biases else "–"
        table.add_row(name, threshold, f"{rule.temperatures[0 if rule.exclusive else k]:.3f}", bias)
    return table


def review_table(review: AutomaticShare) -> Table:
    """Return a table of what the review bands leave to the model, on the sentences they were measured on."""
    table = plain_table(f"Review bands (max_error {review.max_error:g})", "", "band", "automatic", "error, all")
    table.add_column("error, automatic", justify="right")
    table.caption = (
        "band: probabilities that go to review; automatic: share of sentences decided without it; error: share of "
        f"wrong decisions, among all sentences and among those. No label in review: {review.automatic:.1%} of sentences"
    )
    for name, found in review.labels.items():
        band = "none" if found.band is None else f"{found.band.low:.3f}–{found.band.high:.3f}"
        shares = (found.automatic, found.error_all, found.error_automatic)
        table.add_row(name, band, *("–" if share != share else f"{share:.1%}" for share in shares))
    return table


def exports_table(exports: Mapping[str, Export]) -> Table:
    """Return a table of ONNX exports: what each changes on the validation split, or why it was not kept."""
    table = plain_table("ONNX exports, compared on the validation split", "", "decisions that differ", "largest change")
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


def leakage_table(leakage: Leakage, leaked: Scores | None, clean: Scores | None) -> Table:
    """Return a table of what the splits share, and of the test scores on leaked and on clean sentences."""
    columns = ("validation in train", "test in train", "test in validation")
    table = plain_table("Leakage: sentences of one split that have in an earlier one", "", *columns)
    table.columns[0].no_wrap = False
    counts = {(leak.kind, f"{leak.later} in {leak.earlier}"): leak for leak in (*leakage.leaks, *leakage.repeats)}
    for kind, meaning in KINDS.items():
        found = [counts.get((kind, column)) for column in columns]
        table.add_row(meaning, *(f"{leak.rows} of {leak.of}" if leak else "–" for leak in found))
    table.add_section()
    table.add_row("[bold]test split[/]", "[bold]leaked[/]", "[bold]clean[/]", "")
    for name, attribute in _TOTALS.items():
        cells = [_cell(getattr(scores, attribute)) if scores else "–" for scores in (leaked, clean)]
        table.add_row(name, *cells, "")
    table.add_row("sentences", *(str(scores.sentences) if scores else "0" for scores in (leaked, clean)), "")
    return table


def groups_table(groups: Sequence[Group], *, by: str) -> Table:
    """Return a table of pass rates: the share of sentences with every decision right, for each value of a column."""
    columns = ("sentences", "passed", "pass rate", "macro F1")
    table = plain_table(f"Sentences with every label right, by {by}", by, *columns)
    for group in sorted(groups, key=lambda group: (group.pass_rate, group.value)):
        numbers = (str(group.sentences), str(group.passed), f"{group.pass_rate:.1%}", _cell(group.macro_f1))
        table.add_row(group.value, *numbers)
    sentences, passed = sum(group.sentences for group in groups), sum(group.passed for group in groups)
    table.add_section()
    table.add_row("all", str(sentences), str(passed), f"{passed / sentences:.1%}", "")
    return table


def robustness_table(found: Robustness) -> Table:
    """Return a table of the share of decisions that flip in each test, worst first."""
    table = plain_table("Decisions that flip though they should not", "", "sentences", "flips", "share", "macro F1")
    table.caption = (
        f"{found.sentences} sentences in {found.documents} documents; sentences: those with other actors, or that are "
        f"written another way; macro F1 as they stand: {found.macro_f1:.3f}; ranges: 95 % bootstrap intervals by "
        "document"
    )
    f1 = {one.name: f"{one.macro_f1:.3f}" for one in found.perturbations}
    for name, flips in _tests(found).items():
        overall = flips.overall
        count = str(overall.flips), _percent(overall.share)
        table.add_row(name, str(flips.sentences), *count, f1.get(name, ""))
    return table


def robustness_by_role_table(found: Robustness) -> Table:
    """Return a table of the share of decisions on each role that flip in each test, in the same order."""
    tests = _tests(found)
    table = plain_table(
        "The same by role", "", *dict.fromkeys(role for flips in tests.values() for role in flips.roles)
    )
    for name, flips in tests.items():
        shares = [one.share.value for one in flips.roles.values()]
        table.add_row(name, *("–" if share != share else f"{share:.1%}" for share in shares))
    return table


def pairs_table(actors: ActorSwaps, *, rows: int) -> Table:
    """Return a table of the first ``rows`` pairs of actors, of those whose swap flips most decisions."""
    table = plain_table("Actors whose swap flips most decisions", "who was there", "flips", "of")
    table.add_column("who came instead", overflow="fold")
    for pair in actors.pairs[:rows]:
        table.add_row(pair.source, str(pair.flips), str(pair.decisions), f"{pair.target} ({pair.kind})")
    return table


def rules_table(rules: Sequence[RuleResult]) -> Table:
    """Return a table of behavioural tests: rows with every label right, and contrasts with every row right."""
    table = plain_table("Behavioural tests by rule", "rule", "rows", "passed", "pass rate", "contrasts", "passed")
    table.caption = "contrasts: rows of one group, nearly alike, with different labels; passed if all of them are right"
    for one in rules:
        contrasts = (str(one.groups), str(one.groups_passed)) if one.groups else ("–", "–")
        table.add_row(one.rule, str(one.sentences), str(one.passed), f"{one.pass_rate:.1%}", *contrasts)
    rows, passed = sum(one.sentences for one in rules), sum(one.passed for one in rules)
    groups, groups_passed = sum(one.groups for one in rules), sum(one.groups_passed for one in rules)
    table.add_section()
    contrasts = (str(groups), str(groups_passed)) if groups else ("–", "–")
    table.add_row("all", str(rows), str(passed), f"{passed / rows:.1%}", *contrasts)
    return table


def _tests(found: Robustness) -> dict[str, Flips]:
    """Return the flips of each test, worst first, those that change no sentence last."""
    tests = {one.name: one.flips for one in found.perturbations}
    if found.actors:
        tests |= {"all actor swaps": found.actors.all}
        tests |= {f"actors {kind}": flips for kind, flips in found.actors.kinds.items()}
    shares = {name: flips.overall.share.value for name, flips in tests.items()}
    return {name: tests[name] for name in sorted(tests, key=lambda name: (shares[name] != shares[name], -shares[name]))}


def _percent(estimate: Estimate) -> str:
    if estimate.value != estimate.value:
        return "–"
    return f"{estimate.value:.1%} {100 * estimate.low:.1f}–{100 * estimate.high:.1f}"


def plain_table(title: str, first: str, *numbers: str) -> Table:
    """Return an empty table as all of ours look: a first column of names, then columns of numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", caption_justify="left", box=box.SIMPLE_HEAD)
    # Two lines a cell, score over range, fit a terminal of 80 columns if no padding is spent at the edges.
    table.pad_edge, table.collapse_padding = False, True
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _cell(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value != estimate.value:
        return "–"
    if estimate.low != estimate.low:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} {estimate.low:.2f}–{estimate.high:.2f}"
