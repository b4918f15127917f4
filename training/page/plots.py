"""The drawings of a report, from its numbers as plain data."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .canvas import ACCENT, FAINT, INK, MUTED, Drawing
from .words import decimal, defined, has_interval, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Plain = Mapping[str, Any]
_PANEL = 2.9  # inches: side of one label's panel
_IN_A_ROW = 4
_MARKERS, _DASHES = ("s", "^", "v", "D", "P", "X"), ("-", "--", "-.", ":")  # so that colour is not all that tells
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def scores_drawing(model: Plain, baseline: Plain | None, *, titles: Mapping[str, str]) -> Drawing:
    """Draw F1 of every label with its interval, beside the baseline's."""
    rows = [(titles[name], scores["f1"], name) for name, scores in model["labels"].items()]
    rows = [*rows, ("macro F1", model["macro_f1"], "")]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, (_, estimate, name) in enumerate(rows):
            weight = 0.12 if baseline else 0.0
            _range(axes, estimate, place - weight, color=ACCENT, marker="o", label="model" if place == 0 else None)
            if baseline:
                other = baseline["labels"][name]["f1"] if name else baseline["macro_f1"]
                label = "TF-IDF baseline" if place == 0 else None
                _range(axes, other, place + 0.2, color=MUTED, marker="s", label=label, hollow=True)
        axes.set_yticks(range(len(rows)), [_wrap(title, 22) for title, _, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(_floor([estimate for _, estimate, _ in rows], baseline), 1.005)
        axes.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
        axes.set_xlabel("F1, with 95 % interval")
        axes.grid(visible=False, axis="y")
        axes.axhline(len(rows) - 1.5, color=FAINT, linewidth=0.8)
        if baseline:
            figure.legend(loc="outside upper right", ncols=2)

    said = "; ".join(f"{title} {_said(estimate)}" for title, estimate, _ in rows)
    beside = " Hollow squares: the TF-IDF baseline." if baseline else ""
    return Drawing("scores", draw, 4.9, 0.75 + 0.42 * len(rows), f"F1 with 95 % intervals: {said}.{beside}")


def curve_drawing(name: str, curve: Plain, *, title: str, color: str) -> Drawing:
    """Draw the precision-recall curve of one label, with the threshold in use."""

    def draw(figure: Figure) -> None:
        _curve(figure.subplots(), curve, title=title, color=color)

    point = curve["in_use"]
    said = "no sentence has the label"
    if point:
        said = f"at the threshold in use precision is {decimal(point['precision'], 2)} and recall "
        said += decimal(point["recall"], 2)
    return Drawing(f"curve-{name}", draw, _PANEL, _PANEL, f"Precision-recall curve of {title}: {said}.")


def reliability_drawing(name: str, calibration: Plain, *, title: str, color: str) -> Drawing:
    """Draw the reliability diagram of one label, before and after calibration."""

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        _reliability(upper, lower, calibration, title=title, color=color)

    errors = [decimal(calibration[part]["error"]["value"]) for part in ("before", "after")]
    said = f"expected calibration error {errors[0]} before and {errors[1]} after"
    return Drawing(f"calibration-{name}", draw, _PANEL, _PANEL * 1.25, f"Reliability diagram of {title}: {said}.")


def curves_drawing(curves: Mapping[str, Plain], *, titles: Mapping[str, str], colors: Sequence[str]) -> Drawing:
    """Draw the curves of all labels side by side, for a paper."""

    def draw(figure: Figure) -> None:
        grid = _grid(figure, len(curves))
        for axes, (name, curve), color in zip(grid, curves.items(), colors, strict=True):
            _curve(axes, curve, title=titles[name], color=color)

    width, height = _size(len(curves))
    return Drawing("precision-recall", draw, width, height, "Precision-recall curves of all labels.")


def calibration_drawing(
    calibration: Mapping[str, Plain], *, titles: Mapping[str, str], colors: Sequence[str]
) -> Drawing:
    """Draw the reliability diagrams of all labels side by side, for a paper."""

    def draw(figure: Figure) -> None:
        columns = min(len(calibration), _IN_A_ROW)
        grid = figure.add_gridspec(-(-len(calibration) // columns), columns)
        for place, ((name, found), color) in enumerate(zip(calibration.items(), colors, strict=True)):
            inner = grid[divmod(place, columns)].subgridspec(2, 1, height_ratios=(4, 1))
            upper = figure.add_subplot(inner[0])
            lower = figure.add_subplot(inner[1], sharex=upper)
            upper.tick_params(labelbottom=False)
            _reliability(upper, lower, found, title=titles[name], color=color)

    width, height = _size(len(calibration))
    return Drawing("calibration", draw, width, height * 1.25, "Reliability diagrams of all labels.")


def confusion_drawing(confusion: Plain, *, titles: Mapping[str, str]) -> Drawing:
    """Draw which labels are given in place of which: shares of each row, with counts, for a paper."""
    names, matrix = confusion["names"], confusion["matrix"]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        shares = [[cell / max(sum(row), 1e-12) for cell in row] for row in matrix]
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, cells in enumerate(matrix):
            for column, cell in enumerate(cells):
                color = "#ffffff" if shares[row][column] > 0.55 else INK
                axes.text(column, row, f"{cell:.1f}".removesuffix(".0"), ha="center", va="center", color=color)
        shown = [_wrap(titles.get(name, name), 14) for name in names]
        axes.set_xticks(range(len(names)), shown, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), shown)
        axes.set(xlabel="given by the model", ylabel="labelled")
        axes.grid(visible=False)

    side = 2.2 + 0.55 * len(names)
    return Drawing("confusion", draw, side, side, "Which labels are given in place of which.")


def perturbations_drawing(perturbations: Sequence[Plain], actors: Plain | None) -> Drawing:
    """Draw the share of decisions that flip when sentences are written another way or name other actors."""
    rows = [(one["name"], one["flips"]["overall"]["share"]) for one in perturbations]
    if actors:
        rows.insert(0, ("other actors", actors["all"]["overall"]["share"]))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, (_, share) in enumerate(rows):
            scaled = {key: 100 * value if defined(value) else value for key, value in share.items()}
            _range(axes, scaled, place, color=ACCENT, marker="o")
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel("decisions that flip, %, with 95 % interval")
        axes.grid(visible=False, axis="y")

    said = "; ".join(f"{name} {percent(share['value'])}" for name, share in rows)
    return Drawing("robustness", draw, 4.9, 0.7 + 0.24 * len(rows), f"Share of decisions that flip: {said}.")


def learning_drawing(
    found: Plain, *, titles: Mapping[str, str], colors: Mapping[str, str], name: str = "learning-curve"
) -> Drawing:
    """Draw F1 by the number of labelled sentences: macro F1, and each label."""
    points = found["points"]
    sizes = [point["sentences"] for point in points]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for k, (label, color) in enumerate(colors.items()):
            scores = [math.nan if (mean := point["f1"][label]["mean"]) is None else mean for point in points]
            axes.plot(
                sizes,
                scores,
                marker=_MARKERS[k % len(_MARKERS)],
                markersize=4,
                color=color,
                linewidth=1.2,
                linestyle=_DASHES[k % len(_DASHES)],
                label=titles[label],
            )
        means = [math.nan if (mean := point["macro_f1"]["mean"]) is None else mean for point in points]
        spread = [point["macro_f1"]["deviation"] or 0.0 for point in points]
        axes.errorbar(sizes, means, yerr=spread, color=INK, linewidth=2, marker="o", markersize=5, label="macro F1")
        axes.set(xlabel="labelled sentences in training", ylabel="F1 on the test split")
        axes.set_xlim(left=0)
        figure.legend(loc="outside lower center", ncols=2)

    said = "; ".join(
        f"{size:.0f} sentences {decimal(point['macro_f1']['mean'], 2)}"
        for size, point in zip(sizes, points, strict=True)
    )
    return Drawing(name, draw, 4.9, 3.4 + 0.1 * len(colors), f"Macro F1 by labelled sentences: {said}.")


def _curve(axes: Axes, curve: Plain, *, title: str, color: str) -> None:
    axes.set_title(_wrap(title, 26), loc="left")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xticks=_TICKS, yticks=_TICKS, xlabel="recall", ylabel="precision")
    point = curve["in_use"]
    if point is None:
        axes.text(0.5, 0.5, "no sentence\nhas this label", ha="center", va="center", color=MUTED)
        return
    axes.axhline(curve["base_rate"], color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    axes.plot(
        [one["recall"] for one in curve["points"]],
        [one["precision"] for one in curve["points"]],
        color=color,
        linewidth=1.6,
        solid_joinstyle="round",
    )
    axes.plot(point["recall"], point["precision"], "o", color=color, markersize=7, clip_on=False, zorder=4)
    axes.plot(point["recall"], point["precision"], "o", color=INK, markersize=11, fillstyle="none", clip_on=False)
    threshold = "most probable label" if point["threshold"] is None else f"threshold {point['threshold']:.2f}"
    axes.annotate(
        f"{threshold}\nP {point['precision']:.2f}, R {point['recall']:.2f}",
        (point["recall"], point["precision"]),
        (max(min(point["recall"], 0.97) - 0.06, 0.5), min(point["precision"], 0.9) - 0.14),
        ha="right" if point["recall"] > 0.5 else "left",
        va="top",
        fontsize=8,
    )


def _reliability(upper: Axes, lower: Axes, calibration: Plain, *, title: str, color: str) -> None:
    upper.set_title(_wrap(title, 26), loc="left")
    upper.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    for part, shade, marker in (("before", MUTED, "s"), ("after", color, "o")):
        bins = [one for one in calibration[part]["bins"] if one["sentences"]]
        x, y = [one["probability"] for one in bins], [one["share"]["value"] for one in bins]
        face = "none" if part == "before" else color
        most = max((one["sentences"] for one in bins), default=1)
        sizes = [12 + 60 * math.sqrt(one["sentences"] / most) for one in bins]
        if part == "after":
            ends = [[one["share"][end] for one in bins] for end in ("low", "high")]
            upper.vlines(x, ends[0], ends[1], color=color, linewidth=1.2, alpha=0.6)
        upper.scatter(
            x, y, s=sizes, marker=marker, edgecolors=shade, facecolors=face, clip_on=False, zorder=3, label=part
        )
    upper.set(xlim=(0, 1), ylim=(-0.02, 1.02), xticks=_TICKS, yticks=_TICKS, ylabel="share that has it")
    upper.legend(loc="best", handletextpad=0.2, markerscale=0.8).set_zorder(1)
    bins = calibration["after"]["bins"]
    lower.bar([one["low"] for one in bins], [one["sentences"] for one in bins], width=0.1, align="edge", color=color)
    lower.set(xlabel="probability given", ylabel="sentences")
    lower.grid(visible=False, axis="x")
    lower.locator_params(axis="y", nbins=3, integer=True)


def _range(
    axes: Axes,
    estimate: Plain,
    place: float,
    *,
    color: str,
    marker: str,
    label: str | None = None,
    hollow: bool = False,
) -> None:
    if not defined(estimate["value"]):
        return
    if has_interval(estimate):
        axes.hlines(place, estimate["low"], estimate["high"], color=color, linewidth=1.8 if not hollow else 1.1)
    fill = "none" if hollow else "full"
    axes.plot(estimate["value"], place, marker, color=color, fillstyle=fill, markersize=6, label=label, clip_on=False)


def _floor(estimates: Sequence[Plain], baseline: Plain | None) -> float:
    """Return where an axis of scores begins, so that no interval is cut and little is empty."""
    others = [found["f1"] for found in baseline["labels"].values()] + [baseline["macro_f1"]] if baseline else []
    ends = [one[key] for one in (*estimates, *others) for key in ("value", "low") if defined(one[key])]
    return max(0.0, math.floor(min(ends, default=0.0) * 10 - 0.2) / 10)


def _grid(figure: Figure, count: int) -> list[Axes]:
    columns = min(count, _IN_A_ROW)
    grid = figure.subplots(-(-count // columns), columns, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    return list(grid[:count])


def _size(count: int) -> tuple[float, float]:
    columns = min(count, _IN_A_ROW)
    return _PANEL * columns, _PANEL * -(-count // columns)


def _said(estimate: Plain) -> str:
    text = decimal(estimate["value"], 2)
    return text + (f" ({estimate['low']:.2f} to {estimate['high']:.2f})" if has_interval(estimate) else "")


def _wrap(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width)) or text
