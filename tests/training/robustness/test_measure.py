"""Robustness of models whose faults are known: what flips, where, and what is left out."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from eventroles.cli import app
from eventroles.inference.decision import DecisionRule
from eventroles.inference.encoding import Encoded
from eventroles.inference.tagger import Tagger
from eventroles.labels import LabelSet
from eventroles.labels.records import Record
from eventroles.training.report import pairs_table, robustness_by_role_table, robustness_table, rules_table
from eventroles.training.robustness import PERTURBATIONS, Robustness, measure_robustness
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

LABELS = LabelSet.load("roles")
EXCLUSIVE = LabelSet.from_dict(
    {
        "name": "tone",
        "version": "1",
        "exclusive": True,
        "negative": "calm",
        "labels": [
            {"name": name, "title": name, "definition": f"It is {name}.", "color": "#000000"}
            for name in ("calm", "angry")
        ],
    },
    source="test",
)


class Words:
    """An encoder and engine in one: a label is given where one of its words, and its context, is in the text."""

    backend, precision, device, invariant = "words", "fp32", "cpu", True

    def __init__(self, labels: LabelSet, words: dict[str, str], *, in_context: bool = False) -> None:
        self.labels, self.words, self.in_context, self.numbers = labels, words, in_context, {}  # type: ignore[var-annotated]
        self.scored = 0

    def encode(self, texts: Sequence[str], contexts: Sequence[str]) -> list[Encoded]:
        seen = contexts if self.in_context else texts
        ids = [[self.numbers.setdefault(word, len(self.numbers)) for word in re.findall(r"\w+", t)] for t in seen]
        return [Encoded(one, [0] * len(one), truncated=False) for one in ids]

    def logits(self, encoded: Sequence[Encoded]) -> np.ndarray[Any, Any]:
        self.scored += len(encoded)
        found = np.full((len(encoded), len(self.labels)), -3.0, dtype=np.float32)
        for row, sentence in enumerate(encoded):
            for column, name in enumerate(self.labels.names):
                if any(self.numbers.get(word) in sentence.ids for word in self.words.get(name, "").split()):
                    found[row, column] = 3.0
            if self.labels.exclusive:
                found[row, 0] = 0.0
        return found


def tagger(words: dict[str, str], *, labels: LabelSet = LABELS, context: int = 0) -> Tagger:
    model = Words(labels, words, in_context=context > 0)
    rule = DecisionRule.uncalibrated(len(labels), exclusive=labels.exclusive)
    bundle = SimpleNamespace(label_set=labels, manifest=SimpleNamespace(context=context), rule_for=lambda _: rule)
    return Tagger(bundle, model, model)  # type: ignore[arg-type]


def records(*texts: str, roles: tuple[str, ...] = (), **extra: Any) -> list[Record]:
    return [Record("d", index, text, roles, extra=extra) for index, text in enumerate(texts)]


def measure(model: Tagger, rows: Sequence[Record], *, perturbations: Sequence[str] = ()) -> Robustness:
    return measure_robustness(model, rows, seed=0, partners=5, perturbations=perturbations, resamples=20)


def test_a_model_that_reads_deeds_and_not_names_never_flips() -> None:
    found = measure(tagger({"attack": "struck"}), records("Russia struck Kharkiv in Ukraine.", roles=("attack",)))
    assert found.actors is not None
    assert (1, 11, 0, ()) == (
        found.actors.sentences, found.actors.swaps, found.actors.all.overall.flips, found.actors.pairs
    )  # fmt: skip
    assert 44 == found.actors.all.overall.decisions
    assert 1.0 == found.macro_f1


def test_a_model_that_blames_one_country_flips_exactly_where_it_goes_or_comes() -> None:
    model = tagger({"attack": "Russia"})
    found = measure(model, records("Russia struck Ukraine.", "Ukraine answered."))
    assert found.actors is not None
    # Russia leaves the first sentence for five strangers; it comes into the second in the place of Ukraine.
    assert {("replaced", "Russia"), ("exchanged", "Ukraine")} == {(one.kind, one.source) for one in found.actors.pairs}
    assert 6 == found.actors.all.roles["attack"].flips == found.actors.all.overall.flips
    assert (6, True) == (len(found.actors.coming), "Russia" in [one.actor for one in found.actors.coming])
    assert ("Russia", 5) == (found.actors.going[0].actor, found.actors.going[0].flips)
    assert ("exchanged", 1) == next((kind, one.overall.flips) for kind, one in found.actors.kinds.items())
    (example,) = next(one for one in found.actors.pairs if one.kind == "exchanged").examples
    assert ("attack", False, "Ukraine answered.", "Russia answered.") == (
        example.role, example.given, example.text, example.swapped
    )  # fmt: skip
    assert example.before < 0.5 < example.after


def test_context_is_swapped_with_its_sentence() -> None:
    model = tagger({"attack": "Russia"}, context=1)
    found = measure(model, records("Russia struck.", "Russia denied that Ukraine was hit."))
    assert found.actors is not None
    assert 0 < found.actors.all.roles["attack"].flips  # the model reads nothing but the context


def test_decisions_that_nobody_could_make_are_not_compared() -> None:
    row = Record("d", 0, "Russia struck Ukraine.", (), unsure=("attack",))
    found = measure(tagger({"attack": "Russia"}), [row], perturbations=["lower case"])
    assert found.actors is not None
    assert () == found.actors.pairs
    assert (0, 3 * 11) == (found.actors.all.overall.flips, found.actors.all.overall.decisions)
    assert (0, 3) == (found.perturbations[0].flips.overall.flips, found.perturbations[0].flips.overall.decisions)


def test_the_negative_label_of_an_exclusive_set_is_not_counted() -> None:
    found = measure(tagger({"angry": "Russia"}, labels=EXCLUSIVE), records("Russia struck Ukraine."))
    assert found.actors is not None
    assert ["angry"] == list(found.actors.all.roles)
    assert (5, 11) == (found.actors.all.overall.flips, found.actors.all.overall.decisions)


def test_a_perturbation_counts_the_sentences_that_it_changes() -> None:
    rows = records("Rebels struck.", "rebels struck.", roles=("attack",))
    (found,) = measure(tagger({"attack": "Rebels"}), rows, perturbations=["lower case"]).perturbations
    assert ("lower case", 1, 1, 4) == (
        found.name, found.flips.sentences, found.flips.overall.flips, found.flips.overall.decisions
    )  # fmt: skip
    assert 0.0 == found.macro_f1


def test_data_without_actors_rules_or_roles_is_measured_as_far_as_it_goes() -> None:
    found = measure(tagger({"attack": "struck"}), records("Nothing happened."), perturbations=["curly quotes"])
    assert (None, ()) == (found.actors, found.rules)
    assert found.to_dict()["macro_f1"] is None
    assert found.to_dict()["perturbations"][0]["flips"]["overall"]["share"]["value"] is None


def test_texts_that_read_alike_to_the_model_are_scored_once() -> None:
    model = tagger({"attack": "struck"})
    measure(model, records("rebels struck."), perturbations=["lower case", "doubled spaces", "straight quotes"])
    assert 1 == model.engine.scored  # type: ignore[attr-defined]


def test_results_are_the_same_each_time_and_plain_for_json() -> None:
    rows = records("Russia struck Ukraine.", "Kyiv said so.", roles=("attack",), rule="first", group=1)
    one, two = (measure(tagger({"attack": "Russia"}), rows, perturbations=tuple(PERTURBATIONS)) for _ in range(2))
    assert one.to_dict() == two.to_dict()
    assert json.loads(json.dumps(one.to_dict(), allow_nan=False)) == one.to_dict()
    assert [{"rule": "first", "sentences": 2, "passed": 1, "groups": 1, "groups_passed": 0}] == one.to_dict()["rules"]


def text_of(table: Table) -> str:
    stream = io.StringIO()
    Console(file=stream, width=80).print(table)
    return stream.getvalue()


def test_tables_fit_80_columns_with_the_worst_first() -> None:
    rows = records("Russia struck “Ukraine”.", "Kyiv said so.", roles=("attack",), rule="first", group=1)
    found = measure(
        tagger({"attack": "Russia"}), rows, perturbations=["straight quotes", "lower case", "HTML entities"]
    )
    assert found.actors is not None
    lines = [line.split("  ")[0].strip() for line in text_of(robustness_table(found)).splitlines()]
    assert lines.index("lower case") < lines.index("HTML entities")
    by_role = text_of(robustness_by_role_table(found))
    assert all(name in by_role for name in LABELS.names)
    assert "Russia" in text_of(pairs_table(found.actors, rows=3))
    assert "50.0%" in text_of(rules_table(found.rules))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [{"text": text, "roles": ["attack"], "rule": "first"} for text in ("Russia struck.", "Troops struck Chad.")]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_command_prints_tables_and_writes_every_number(model_folder: Path, data: Path, tmp_path: Path) -> None:
    target = tmp_path / "made" / "robustness.json"
    done = CliRunner().invoke(
        app, ["robustness", str(model_folder), str(data), "--partners", "2", "--json", str(target)]
    )
    assert 0 == done.exit_code, done.output
    assert all(name in done.output for name in ("actors replaced", "translated style", "first"))
    written = json.loads(target.read_text(encoding="utf-8"))
    assert (2, 2) == (written["sentences"], written["partners"])
    assert len(PERTURBATIONS) == len(written["perturbations"])
    assert [target] == list(target.parent.iterdir())


def test_the_command_says_when_no_sentence_names_an_actor(model_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "soldiers raided the town", "roles": ["attack"]}\n', encoding="utf-8")
    done = CliRunner().invoke(app, ["robustness", str(model_folder), str(path)])
    assert 0 == done.exit_code, done.output
    assert "no sentence names an actor" in done.output
    assert 'no row has a column "rule"' in done.output
