"""Evaluations made of synthetic scores, by the functions that make real ones; no model is trained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from eventroles.inference.decision import DecisionRule
from eventroles.labels import LabelSet
from eventroles.labels.records import Record
from eventroles.training import Evaluation
from eventroles.training.abstain import automatic_share, fit_bands
from eventroles.training.calibration import calibrate
from eventroles.training.confusion import confuse
from eventroles.training.curves import precision_recall_curves
from eventroles.training.data import targets
from eventroles.training.errorrates import error_rates
from eventroles.training.metrics import score_logits
from eventroles.training.mistakes import confident_mistakes
from eventroles.training.slices import default_columns, slice_scores

MakeEvaluation = Callable[..., Evaluation]


def build(
    labels: LabelSet | None = None,
    *,
    documents: int = 20,
    sentences: int = 6,
    text: str = "Rebels shelled the port of Nara.",
    name: str = "runs/tiny",
    data: tuple[str, ...] = ("new.jsonl",),
    with_label: float = 0.3,
    noise: float = 1.5,
    baseline: bool = True,
    max_error: float | None = 0.05,
    seed: int = 3,
) -> Evaluation:
    """Return the evaluation of a model that is right but for some noise."""
    labels = labels or LabelSet.load("roles")
    random = np.random.default_rng(seed)
    records = []
    for row in range(documents * sentences):
        drawn = [one for one in labels.roles if random.random() < with_label]
        records.append(
            Record(
                document=f"doc-{row // sentences}",
                index=row % sentences,
                text=f"{text} ({row})",
                roles=tuple(drawn[:1] if labels.exclusive else drawn),
                place=f"/home/ann/data/new.jsonl:{row + 1}",
                extra={"genre": ("wire", "analysis")[row % 2]},
            )
        )
    wanted = targets(records, labels)
    logits = ((wanted - 0.5) * 4 + random.normal(0, noise, wanted.shape)).astype(np.float32)
    ones = (1.3,) * len(labels)
    rule = DecisionRule(
        ones[:1] if labels.exclusive else ones,
        () if labels.exclusive else (0.45,) * len(labels),
        exclusive=labels.exclusive,
        objective="f1",
    )
    rule = fit_bands(rule, logits, wanted, max_error=max_error)
    probabilities, raw = rule.probabilities(logits), DecisionRule.uncalibrated(len(labels), exclusive=labels.exclusive)
    given, place = rule.decide(probabilities), [record.document for record in records]
    model = score_logits(logits, records, rule, labels)
    return Evaluation(
        name=name,
        revision="0123456789ab",
        engine="onnx int8 on cpu",
        data=data,
        labels=labels,
        rule=rule,
        model=model,
        baseline=score_logits(random.normal(0, 1, wanted.shape).astype(np.float32), records, rule, labels)
        if baseline
        else None,
        baseline_missing="" if baseline else "its training data is not here (/home/ann/secret/train.jsonl)",
        calibration=calibrate(wanted, raw.probabilities(logits), probabilities, documents=place, labels=labels),
        curves=precision_recall_curves(wanted, probabilities, rule=rule, labels=labels),
        confusion=confuse(wanted, given, labels=labels),
        slices=tuple(slice_scores(records, given, one, labels=labels) for one in default_columns(records)),
        mistakes=confident_mistakes(records, probabilities, given, labels=labels, most=5),
        truncated=2,
        errors=error_rates(wanted, probabilities, given, documents=place, labels=labels),
        review=automatic_share(rule, wanted, probabilities, labels=labels),
        seen=0,
    )


@pytest.fixture(scope="session")
def make_evaluation() -> MakeEvaluation:
    """Make an evaluation, with other label sets, texts and sizes where asked."""
    return build


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    """The roles on 120 sentences in 20 documents."""
    return build()


def make_labels(count: int, *, exclusive: bool = False, color: str | None = None) -> LabelSet:
    """Return a set of ``label 0``, ``label 1`` and so on; in an exclusive one the first is the negative label."""
    labels = [
        {"name": f"label {k}", "title": f"Title <{k}> & $x_{k}$", "definition": f"Number {k}."}
        | ({"color": color} if color else {})
        for k in range(count)
    ]
    data = {"name": "many", "version": "1", "exclusive": exclusive, "labels": labels}
    return LabelSet.from_dict(data | ({"negative": "label 0"} if exclusive else {}), source="test")


@pytest.fixture(scope="session")
def make_label_set() -> Callable[..., LabelSet]:
    """Make a label set of any size."""
    return make_labels


@pytest.fixture(scope="session")
def robustness() -> dict[str, object]:
    """What `Robustness.to_dict` gives, in small."""
    share = {"flips": 3, "decisions": 200, "share": {"value": 0.015, "low": 0.0, "high": 0.04}}
    nothing = {"flips": 0, "decisions": 0, "share": {"value": None, "low": None, "high": None}}
    roles = ["attack", "retaliation", "casualty_report", "official_statement"]
    flips = {"sentences": 50, "overall": share, "roles": dict.fromkeys(roles, share)}
    example = {"role": "attack", "given": True, "before": 0.7, "after": 0.3, "document": "doc-1"}
    example |= {"text": "Norland shelled <b>the port</b>.", "swapped": "Sudland shelled <b>the port</b>."}
    pair = {"kind": "exchanged", "source": "Norland", "target": "Sudland", "swaps": 5, "flips": 1, "decisions": 20}
    return {
        "sentences": 60,
        "documents": 12,
        "seed": 0,
        "partners": 5,
        "macro_f1": 0.81,
        "actors": {
            "sentences": 20, "swaps": 50, "all": flips, "kinds": {"exchanged": flips},
            "pairs": [{**pair, "examples": [example]}], "going": [], "coming": [],
        },
        "perturbations": [
            {"name": "typos", "flips": flips, "macro_f1": 0.79},
            {"name": "curly quotes", "flips": {**flips, "sentences": 0, "overall": nothing}, "macro_f1": 0.81},
        ],
        "rules": [{"rule": "negation", "sentences": 8, "passed": 5, "groups": 2, "groups_passed": 1}],
    }  # fmt: skip


@pytest.fixture(scope="session")
def crossvalidation(evaluation: Evaluation) -> dict[str, object]:
    """What `CrossValidation.to_dict` gives, in small."""
    pooled, spread = evaluation.model.to_dict(), {"mean": 0.7, "deviation": 0.05, "seeds": None}
    spreads = {"labels": dict.fromkeys(evaluation.labels.names, spread), "macro_f1": spread}
    error = {"place": "/home/ann/a.jsonl:4", "document": "doc-1", "index": 3, "text": "Shells fell <i>near</i> Nara."}
    error |= {"roles": [], "suggested": ["attack"], "label": "attack", "change": "add", "probability": 0.9}
    return {
        "folds": 5, "seeds": [42], "sentences": 120, "documents": 20, "held_out": [24] * 5,
        "model": spreads, "baseline": spreads, "pooled": pooled, "pooled_baseline": pooled,
        "label_errors": [{**error, "score": -0.8}], "shared": 0, "warnings": [],
        "labels": list(evaluation.labels.names),
    }  # fmt: skip


@pytest.fixture(scope="session")
def learning_curve(evaluation: Evaluation) -> dict[str, object]:
    """What `LearningCurve.to_dict` gives, in small; one label is not in the smallest share."""
    names = evaluation.labels.names

    def point(share: float, mean: float | None) -> dict[str, object]:
        score = {"mean": 0.8 * share, "deviation": 0.02, "seeds": [0.8 * share] * 2}
        f1 = dict.fromkeys(names, score) | {names[1]: {"mean": mean, "deviation": None, "seeds": [mean, mean]}}
        counts = dict.fromkeys(names, 30.5)
        return {"share": share, "sentences": 200.5 * share, "with_label": counts, "macro_f1": score, "f1": f1}

    says = {"says": "attack (60 sentences have it): F1 0.8, more <labels> would help", "verdict": "helps"}
    return {
        "labels": list(names), "seeds": [1, 2], "validation": 20, "test": 30,
        "points": [point(0.5, None), point(1.0, 0.7)],
        "outlooks": {names[0]: says, "macro F1": says}, "needs_most": names[0],
    }  # fmt: skip
