"""The sections of a report that not every run has: review bands, robustness, leakage, learning curve, folds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..leakage import KINDS

Plain = Mapping[str, Any]
EXTRAS: Mapping[str, str] = {
    "review": "The model has no review bands. Train it with `--set decision.max_error=0.05` to get them.",
    "robustness": "Not measured. Run `eventroles robustness MODEL DATA --json robustness.json`, then "
    "`eventroles evaluate MODEL DATA --report FOLDER --include robustness.json`.",
    "leakage": "Not measured in this run. `eventroles train` checks its splits and says so in the report of its run.",
    "learning_curve": "No learning curve. Run `eventroles learning-curve CONFIG`, then `eventroles evaluate MODEL DATA "
    "--report FOLDER --include learning_curve.json`.",
    "crossvalidation": "Not cross-validated. Run `eventroles crossvalidate CONFIG --folds 5 --seeds 3`, then "
    "`eventroles evaluate MODEL DATA --report FOLDER --include crossvalidation.json`.",
}
"""How to get what is not there; commands stand between backquotes."""
_MOST_PAIRS = 12


def view_extras(numbers: Plain) -> dict[str, Any]:
    """Return what the template shows of each finding; None where it is missing."""
    return {
        "review": numbers["evaluation"]["review"],
        "robustness": _robustness(numbers["robustness"]),
        "leakage": _leakage(numbers["leakage"], numbers["apart"]),
        "learning_curve": _learning_curve(numbers["learning_curve"], numbers["evaluation"]),
        "crossvalidation": _crossvalidation(numbers["crossvalidation"]),
    }


def _robustness(found: Plain | None) -> dict[str, Any] | None:
    if found is None:
        return None
    actors = found["actors"]
    rules = [{**rule, "share": rule["passed"] / rule["sentences"]} for rule in found["rules"]]
    passed, all_of_them = (sum(rule[key] for rule in rules) for key in ("passed", "sentences"))
    return {
        **found,
        "pairs": list(_pairs(actors)) if actors else [],
        "more_pairs": max(0, len(actors["pairs"]) - _MOST_PAIRS) if actors else 0,
        "rules": rules,
        "rules_passed": passed / all_of_them if all_of_them else None,
    }


def _pairs(actors: Plain) -> Iterator[dict[str, Any]]:
    for pair in actors["pairs"][:_MOST_PAIRS]:
        arrow = "↔" if pair["kind"] == "exchanged" else "→"
        yield {**pair, "names": f"{pair['source']} {arrow} {pair['target']}"}


def _leakage(found: Plain | None, apart: Plain | None) -> dict[str, Any] | None:
    if found is None:
        return None
    parts = {name: {"leaked": found["leaked"][name], "of": found["sentences"][name]} for name in found["leaked"]}
    return {
        "parts": parts,
        "any": any(part["leaked"] for part in parts.values()),
        "leaks": [{**leak, "means": KINDS.get(leak["kind"], leak["kind"])} for leak in found["leaks"]],
        "repeats": sum(leak["rows"] for leak in found["repeats"]),
        "apart": apart,
    }


def _learning_curve(found: Plain | None, evaluation: Plain) -> dict[str, Any] | None:
    if found is None:
        return None
    names = [label["name"] for label in evaluation["labels"]["labels"]]
    # The page shows the label before what is said of it, so the name need not come again.
    says = {
        name: outlook["says"].removeprefix(f"{name} ") if name in names else outlook["says"]
        for name, outlook in found["outlooks"].items()
    }
    return {**found, "says": says}


def _crossvalidation(found: Plain | None) -> dict[str, Any] | None:
    if found is None:
        return None
    names = list(found["pooled"]["labels"])
    rows = [
        {
            "name": name,
            "model": found["model"]["labels"][name],
            "baseline": found["baseline"]["labels"][name],
            "pooled": found["pooled"]["labels"][name]["f1"],
        }
        for name in names
    ]
    total = {"model": found["model"]["macro_f1"], "baseline": found["baseline"]["macro_f1"]}
    total |= {"name": "", "pooled": found["pooled"]["macro_f1"]}
    errors = found["label_errors"]
    return {**found, "rows": [*rows, total], "label_errors": errors[:_MOST_PAIRS], "all_label_errors": len(errors)}
