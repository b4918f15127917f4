"""Results of several trainings, cross-validations and learning curves, as tables and lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from .crossvalidate import CrossValidation
from .foldscores import Spread
from .label_errors import ADD, LabelError
from .learning_curve import LearningCurve, PointScore
from .report import plain_table

_MOST_ERRORS = 10
_LONGEST = 90  # characters of a sentence


def spreads_table(found: CrossValidation) -> Table:
    """Return a table of the F1 of each label over folds and seeds, beside the baseline's."""
    models = found.folds * len(found.seeds)
    title = f"Cross-validation: {found.folds} folds, {len(found.seeds)} seeds, {models} models"
    table = plain_table(title, "", "F1", "± runs", "± seeds", "TF-IDF F1", "± folds", "n")
    table.caption = (
        f"{found.sentences} sentences in {found.documents} documents, each held out once per seed; means over all "
        "models; ± runs: standard deviation over folds and seeds; ± seeds: the part of it that is luck of training; "
        "n: sentences with the label"
    )
    for name, spread in found.model.labels.items():
        support = found.pooled.labels[name].support
        table.add_row(name, *_cells(spread), *_cells(found.baseline.labels[name])[:2], str(support))
    table.add_section()
    table.add_row("macro F1", *_cells(found.model.macro_f1), *_cells(found.baseline.macro_f1)[:2], "")
    return table


def label_errors_table(errors: Sequence[LabelError]) -> Table:
    """Return a table of the labels that are most likely wrong, ten at most."""
    table = plain_table("Labels that are most likely wrong", "place")
    table.add_column("change", no_wrap=True)
    table.add_column("score", justify="right")
    table.add_column("sentence", overflow="fold")
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"
    for error in errors[:_MOST_ERRORS]:
        sign = "+" if error.change == ADD else "-"
        text = error.text if len(error.text) <= _LONGEST else f"{error.text[: _LONGEST - 1]}…"
        table.add_row(
            error.place or f"{error.document} {error.index}", f"{sign}{error.label}", f"{error.score:.2f}", text
        )
    table.caption = (
        f"the first {min(_MOST_ERRORS, len(errors))} of {len(errors)}; by models that have not seen the sentence; "
        "+ add, - remove; score: probability of what is given less that of what is suggested, so -1 is the surest"
    )
    return table


def learning_curve_table(found: LearningCurve) -> Table:
    """Return a table of F1 at each share of the training sentences."""
    names = list(found.labels.names)
    table = plain_table("Learning curve: F1 on the test split", "share", "sentences", "macro F1", *names)
    for point in found.points:
        scores = [point.macro_f1, *(point.f1[name] for name in names)]
        table.add_row(f"{point.share:.0%}", f"{point.sentences:.0f}", *map(_point, scores))
    table.caption = (
        f"means over {len(found.seeds)} seeds, each with sentences of its own; ±: standard deviation over them; the "
        f"same {found.validation} validation and {found.test} test sentences everywhere"
    )
    return table


def outlook_lines(found: LearningCurve) -> list[str]:
    """Return what twice the labels would bring, one line a label, and which label needs them most."""
    lines = [outlook.says for outlook in found.outlooks.values()]
    if found.needs_most is None:
        return [*lines, "No single label can be said to need more labels most."]
    count = found.outlooks[found.needs_most].with_label
    return [*lines, f"{found.needs_most} needs more labels most: {count} training sentences have it."]


def _cells(spread: Spread) -> list[str]:
    return ["–" if value != value else f"{value:.3f}" for value in (spread.mean, spread.deviation, spread.seeds)]


def _point(score: PointScore) -> str:
    if score.mean != score.mean:
        return "–"
    return f"{score.mean:.3f}" + ("" if score.deviation != score.deviation else f" ±{score.deviation:.3f}")
