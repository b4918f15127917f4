"""What each section of a report shows, made of an evaluation as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .words import counted, decimal, defined, has_interval, of_100, percent, percent_span, shown_name, span

Plain = Mapping[str, Any]
FEW_SENTENCES = 30
"""Below so many sentences with a label its scores are called unsure."""
_FEW_DOCUMENTS = 10  # a bootstrap over fewer gives intervals that are far too short
_POOR_CALIBRATION = 0.1
_SHOWN_POINTS = 11
_TOTALS = {
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "exact_match": "All labels right (exact match)",
    "example_f1": "Example F1",
    "example_f1_at_half": "Example F1, uncalibrated, thresholds 0.5",
}


@dataclass(frozen=True)
class Section:
    """A section: its anchor, its title, and its template file."""

    anchor: str
    title: str
    template: str


SECTIONS = (
    Section("summary", "Summary", "summary.html.j2"),
    Section("scores", "Scores", "scores.html.j2"),
    Section("curves", "Precision and recall", "scores.html.j2"),
    Section("calibration", "Calibration", "scores.html.j2"),
    Section("confusion", "Confusions", "scores.html.j2"),
    Section("review", "Review bands", "trust.html.j2"),
    Section("slices", "Slices", "trust.html.j2"),
    Section("robustness", "Robustness", "trust.html.j2"),
    Section("leakage", "Leakage", "trust.html.j2"),
    Section("learning", "Learning curve and cross-validation", "trust.html.j2"),
    Section("mistakes", "Most confident mistakes", "mistakes.html.j2"),
    Section("provenance", "Data and model", "background.html.j2"),
    Section("reading", "How to read this", "background.html.j2"),
)


def titles(evaluation: Plain) -> dict[str, str]:
    """Return what people read instead of the labels' names."""
    return {label["name"]: label["title"] for label in evaluation["labels"]["labels"]}


def summarise(evaluation: Plain, warnings: Sequence[str]) -> dict[str, Any]:
    """Return the summary: figures on tiles, sentences for readers who are no statisticians, warnings."""
    model, baseline = evaluation["model"], evaluation["baseline"]
    names = titles(evaluation)
    data = [shown_name(one) for one in evaluation["data"]]
    return {
        "model": shown_name(evaluation["name"]),
        "data": data if len(data) <= 3 else [*data[:2], f"{len(data) - 2} more files"],
        "size": f"{counted(model['sentences'], 'sentence')} in {counted(model['documents'], 'document')}",
        "tiles": list(_tiles(evaluation)),
        "exact": of_100(model["exact_match"]),
        "against": _against(model["macro_f1"], baseline["macro_f1"]) if baseline else "",
        "labels": [
            {
                "name": name,
                "precision": of_100(found["precision"]),
                "recall": of_100(found["recall"]),
                "support": found["support"],
            }
            for name, found in model["labels"].items()
        ],
        "warnings": [*_warnings(evaluation, names), *warnings],
    }


def tabulate_scores(evaluation: Plain) -> dict[str, Any]:
    """Return the rows of the table of scores: one for each label, then the totals."""
    model, baseline = evaluation["model"], evaluation["baseline"]
    return {
        "rows": [
            {"name": name, "scores": found, "baseline": baseline["labels"][name]["f1"] if baseline else None}
            for name, found in model["labels"].items()
        ],
        "totals": [
            {"title": title, "score": model[key], "baseline": baseline[key] if baseline else None, "key": key}
            for key, title in _TOTALS.items()
            if model.get(key)
        ],
    }


def sample_points(curve: Plain) -> list[Plain]:
    """Return some points of a curve for its table: at even steps of recall."""
    points: list[Plain] = list(curve["points"])
    if len(points) <= _SHOWN_POINTS:
        return points
    wanted = [k / (_SHOWN_POINTS - 1) for k in range(_SHOWN_POINTS)]
    nearest = {min(range(len(points)), key=lambda k: abs(points[k]["recall"] - one)) for one in wanted}
    return [points[k] for k in sorted(nearest)]


def tabulate_confusion(evaluation: Plain) -> dict[str, Any]:
    """Return the matrix with the share of each row, and for each label what stood in its place."""
    confusion, names = evaluation["confusion"], titles(evaluation)
    shown = [names.get(name, name) for name in confusion["names"][:-1]] + ["no label"]
    rows = [
        {"title": title, "cells": [{"count": cell, "share": cell / sum(row) if sum(row) else 0.0} for cell in row]}
        for title, row in zip(shown, confusion["matrix"], strict=True)
    ]
    return {"names": shown, "rows": rows, "missed": confusion["missed"], "false_alarms": confusion["false_alarms"]}


def tabulate_slices(evaluation: Plain) -> list[dict[str, Any]]:
    """Return each slice with its groups, and how the label columns are to be shown."""
    few = len(evaluation["labels"]["labels"]) <= 8
    return [{**one, "with_labels": few} for one in evaluation["slices"]]


def order_mistakes(evaluation: Plain) -> list[dict[str, Any]]:
    """Return the mistakes by label, false alarms and misses apart."""
    return [
        {
            "name": name,
            "kinds": [
                {"kind": "false alarms", "shown": found["false_alarms"], "all": found["all_false_alarms"]},
                {"kind": "misses", "shown": found["misses"], "all": found["all_misses"]},
            ],
        }
        for name, found in evaluation["mistakes"].items()
    ]


def _tiles(evaluation: Plain) -> Iterator[dict[str, str]]:
    model = evaluation["model"]
    yield {
        "title": "Macro F1",
        "value": decimal(model["macro_f1"]["value"], 2),
        "interval": _between(span(model["macro_f1"])),
        "note": "mean over the labels, 1 is perfect",
    }
    yield {
        "title": "All labels right",
        "value": percent(model["exact_match"]["value"], 0),
        "interval": _between(percent_span(model["exact_match"], places=0)),
        "note": "of the sentences",
    }
    yield {
        "title": "Example F1",
        "value": decimal(model["example_f1"]["value"], 2),
        "interval": _between(span(model["example_f1"])),
        "note": "over sentences with any label",
    }
    errors = {
        name: found["after"]["error"]
        for name, found in evaluation["calibration"].items()
        if defined(found["after"]["error"]["value"])
    }
    if errors:
        worst = max(errors, key=lambda name: float(errors[name]["value"]))
        yield {
            "title": "Calibration error",
            "value": decimal(errors[worst]["value"], 3),
            "interval": _between(span(errors[worst], places=3)),
            "note": f"the worst label, {titles(evaluation)[worst]}; 0 is perfect",
        }
    if review := evaluation["review"]:
        yield {
            "title": "Decided without a person",
            "value": percent(review["automatic"], 0),
            "interval": "",
            "note": f"of the sentences, at a target error of {review['max_error']:.3g}",
        }


def _between(text: str) -> str:
    return f"95\u202f%: {text}" if text else "no interval"


def _against(model: Plain, baseline: Plain) -> str:
    if not (defined(model["value"]) and defined(baseline["value"])):
        return ""
    figures = f"{decimal(model['value'], 2)} against {decimal(baseline['value'], 2)}"
    if model["value"] <= baseline["value"]:
        return f"It is no better than a simple model that counts words (macro F1 {figures})."
    if has_interval(model) and has_interval(baseline) and model["low"] > baseline["high"]:
        return f"It is clearly better than a simple model that counts words (macro F1 {figures})."
    return f"It scores higher than a simple model that counts words (macro F1 {figures}), but the intervals overlap."


def _warnings(evaluation: Plain, names: Mapping[str, str]) -> Iterator[str]:
    model = evaluation["model"]
    none = [names[name] for name, found in model["labels"].items() if not found["support"]]
    few = {names[name]: found["support"] for name, found in model["labels"].items() if found["support"]}
    few = {name: support for name, support in few.items() if support < FEW_SENTENCES}
    if none:
        yield f"No sentence has {', '.join(none)}: nothing is known of the model there."
    if few:
        listed = ", ".join(f"{name} ({support})" for name, support in few.items())
        yield f"Fewer than {FEW_SENTENCES} sentences have {listed}: these scores can be far off."
    if model["documents"] < _FEW_DOCUMENTS:
        yield f"{counted(model['documents'], 'document')} only: the intervals are likely too narrow."
    poor = [names[name] for name, found in evaluation["calibration"].items() if _is_poor(found)]
    if poor:
        yield f"Probabilities of {', '.join(poor)} are off by more than {_POOR_CALIBRATION:g} on average."
    if evaluation["truncated"]:
        cut = counted(evaluation["truncated"], "sentence is", "sentences are")
        yield f"{cut} longer than the model's window; the ends were not read."
    if evaluation["baseline"] is None:
        yield "There is no baseline to compare with."


def _is_poor(calibration: Plain) -> bool:
    error = calibration["after"]["error"]["value"]
    return defined(error) and float(error) > _POOR_CALIBRATION
