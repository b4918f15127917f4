"""Distillation: a smaller model that learns from a trained one, and what is refused as a teacher."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import make_rows, write_jsonl
from eventroles import Tagger
from eventroles.configs import load_config
from eventroles.inference.bundle import load_bundle
from eventroles.labels import ConfigError, HubError, ModelError
from eventroles.training import train
from eventroles.training.distill import soft_loss
from eventroles.training.loop import masked_loss
from safetensors.torch import load_file


def student_of(teacher: Path, layers: str = "[0]") -> list[str]:
    return [f"distillation.teacher={teacher}", f"distillation.layers={layers}"]


def two_labels(folder: Path, *, exclusive: bool) -> list[str]:
    """Two labels, and sentences with them that the tiny model learns well."""
    labels = [{"name": name, "title": name, "definition": name} for name in ("violent", "calm")]
    label_set = {"name": "x", "version": "1", "exclusive": exclusive, "labels": labels}
    rows = [{**row, "roles": ["violent" if "attack" in row["roles"] else "calm"]} for row in make_rows(40)]
    return [f"labels={json.dumps(label_set)}", f"data.train={write_jsonl(folder / 'rows.jsonl', rows)}"]


def test_the_soft_loss_is_least_where_the_student_says_what_the_teacher_says() -> None:
    teacher, targets = torch.tensor([[2.0, -1.0], [0.5, -3.0]]), torch.zeros((2, 2))
    student = torch.zeros((2, 2), requires_grad=True)
    soft_loss(student, teacher, targets, temperature=2.0).backward()
    assert student.grad is not None
    assert (student.grad.sign() == -teacher.sign()).all()
    same = teacher.clone().requires_grad_()
    soft_loss(same, teacher, targets, temperature=2.0).backward()
    assert same.grad is not None
    assert 0 == pytest.approx(float(same.grad.abs().max()), abs=1e-6)


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_masked_decision_counts_in_the_soft_loss_as_little_as_in_the_hard_one(exclusive: bool) -> None:
    targets = torch.tensor([0, -100]) if exclusive else torch.tensor([[1.0, -100.0], [-100.0, 0.0]])
    gradients = []
    for loss in (masked_loss, lambda s, t: soft_loss(s, torch.ones((2, 2)).triu(), t, temperature=3.0)):
        student = torch.tensor([[0.3, -0.2], [0.8, 0.4]], requires_grad=True)
        loss(student, targets).backward()
        assert student.grad is not None
        gradients.append((student.grad != 0).tolist())
    assert gradients[0] == gradients[1]


def test_a_sure_teacher_is_worth_as_much_as_a_label() -> None:
    student, targets = torch.tensor([[0.5, -1.0], [2.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    teacher = (targets * 2 - 1) * 1000
    assert float(masked_loss(student, targets)) == pytest.approx(
        float(soft_loss(student, teacher, targets, temperature=1.0))
    )
    indices = torch.tensor([0, 1])
    assert float(masked_loss(student, indices)) == pytest.approx(
        float(soft_loss(student, teacher, indices, temperature=1.0))
    )


@pytest.mark.parametrize("exclusive", [False, True])
def test_the_temperature_leaves_the_size_of_the_gradients_as_it_is(exclusive: bool) -> None:
    teacher, targets = torch.tensor([[2.0, -1.0], [0.5, -3.0]]), torch.zeros((2,) if exclusive else (2, 2))
    sizes = []
    for temperature in (10.0, 100.0):
        student = torch.tensor([[0.3, -0.2], [0.8, 0.4]], requires_grad=True)
        soft_loss(student, teacher, targets, temperature=temperature).backward()
        assert student.grad is not None
        sizes.append(float(student.grad.norm()))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_student_learns_the_pattern_from_its_teacher_alone(
    train_tiny: Callable[..., Any], tmp_path: Path, exclusive: bool
) -> None:
    more = two_labels(tmp_path, exclusive=exclusive)
    assert train_tiny(tmp_path / "teacher", *more).model.macro_f1.value > 0.9
    # With a weight of 1 the labels count nothing in the loss.
    for name, layers in (("part", "[1]"), ("base", "[]")):
        distilled = [*student_of(tmp_path / "teacher", layers), "distillation.weight=1"]
        result = train_tiny(tmp_path / name, *more, *distilled)
        assert result.model.macro_f1.value > 0.9, name
        assert () == result.warnings
    tagger = Tagger.from_pretrained(tmp_path / "part", device="cpu")
    assert ("violent",) == tagger.tag_sentences(["soldiers bombed the town"])[0].roles


def test_the_students_weights_are_those_of_the_teachers_layers(
    train_tiny: Callable[..., Any], model_folder: Path, tmp_path: Path
) -> None:
    still = ["training.learning_rate=1e-12", "training.head_learning_rate=1e-12", "training.weight_decay=0"]
    train_tiny(tmp_path / "m", *student_of(model_folder, "[1]"), *still, "training.epochs=1")
    teacher, student = (load_file(folder / "model.safetensors") for folder in (model_folder, tmp_path / "m"))
    kept = {name.replace("layer.1.", "layer.0."): value for name, value in teacher.items() if "layer.0." not in name}
    assert sorted(kept) == sorted(student)
    assert 1 == json.loads((tmp_path / "m" / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"]
    assert [] == [name for name in kept if not torch.allclose(kept[name], student[name], atol=1e-6)]


def test_the_manifest_and_the_card_name_the_teacher_and_the_encoder_behind_it(
    train_tiny: Callable[..., Any], model_folder: Path, tmp_path: Path
) -> None:
    train_tiny(tmp_path / "m", *student_of(model_folder, "[0, 1]"), "training.epochs=1")
    teacher, student = load_bundle(model_folder), load_bundle(tmp_path / "m")
    learnt = {"teacher": str(model_folder), "teacher_revision": teacher.revision, "teacher_layers": "0, 1"}
    assert teacher.manifest.base_model | learnt == student.manifest.base_model
    card = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert f"| teacher | `{model_folder}`, starting from its layers 0, 1 |" in card


def test_a_student_of_a_base_model_has_that_base_and_a_teacher(
    train_tiny: Callable[..., Any], model_folder: Path, base_folder: Path, tmp_path: Path
) -> None:
    train_tiny(tmp_path / "m", *student_of(model_folder, "[]"), "training.epochs=1")
    base = load_bundle(tmp_path / "m").manifest.base_model
    assert (str(base_folder), str(model_folder), None) == (base["name"], base["teacher"], base["teacher_layers"])
    assert 2 == json.loads((tmp_path / "m" / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"]


def test_a_weight_of_0_trains_as_without_a_teacher(
    train_tiny: Callable[..., Any], model_folder: Path, tmp_path: Path
) -> None:
    train_tiny(tmp_path / "without", "training.epochs=2")
    none = [*student_of(model_folder, "[]"), "distillation.weight=0", "training.epochs=2"]
    train_tiny(tmp_path / "with", *none)
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("without", "with"))
    assert [] == [name for name in one if not torch.equal(one[name], other[name])]


def test_a_weight_of_1_leaves_the_labels_out(
    train_tiny: Callable[..., Any], model_folder: Path, tmp_path: Path
) -> None:
    rows = {"train": make_rows(16), "validation": make_rows(4, seed=6), "test": make_rows(4, seed=7)}
    files = [f"data.{name}={write_jsonl(tmp_path / f'{name}.jsonl', part)}" for name, part in rows.items()]
    other = [
        {**row, "roles": ["attack", "retaliation", "casualty_report", "official_statement"]} for row in make_rows(1)
    ]
    other += [{**row, "roles": []} for row in rows["train"][len(other) :]]
    wrong = f"data.train={write_jsonl(tmp_path / 'wrong.jsonl', other)}"
    only = [*files, *student_of(model_folder, "[0]"), "distillation.weight=1", "training.epochs=1", "leakage=report"]
    train_tiny(tmp_path / "right", *only)
    train_tiny(tmp_path / "wrong", *only, wrong)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("right", "wrong"))
    assert [] == [name for name in one if not torch.equal(one[name], two[name])]


def test_a_teacher_that_may_have_seen_the_test_sentences_is_said(
    train_tiny: Callable[..., Any], model_folder: Path, tmp_path: Path
) -> None:
    same = train_tiny(tmp_path / "same", *student_of(model_folder), "training.epochs=1")
    other = train_tiny(tmp_path / "other", *student_of(model_folder), "training.epochs=1", "split.seed=99")
    found = [
        [warning for warning in result.warnings if "may have seen this run's test sentences" in warning]
        for result in (same, other)
    ]
    assert [0, 1] == [len(warnings) for warnings in found]
    assert f"the teacher {model_folder} was trained on other sentences" in found[1][0]
    assert found[1][0] in (tmp_path / "other" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "exclusive", "expected"),
    [
        (["attack", "retaliation"], False, "it also has casualty_report, official_statement"),
        (["attack", "retaliation", "casualty_report", "official_statement", "x"], False, "it lacks x"),
        (
            ["retaliation", "attack", "casualty_report", "official_statement"],
            False,
            "its order is attack, retaliation, casualty_report, official_statement and should be retaliation, attack, ",
        ),
        (
            ["attack", "retaliation", "casualty_report", "official_statement"],
            True,
            "it gives any number of labels a sentence and should give exactly one label",
        ),
    ],
)
def test_a_teacher_with_other_labels_is_refused_with_what_differs(
    settings: list[str], model_folder: Path, tmp_path: Path, names: list[str], exclusive: bool, expected: str
) -> None:
    labels = [{"name": name, "title": name, "definition": name} for name in names]
    label_set = {"name": "x", "version": "1", "exclusive": exclusive, "labels": labels}
    rows = [{**row, "roles": [names[number % len(names)]]} for number, row in enumerate(make_rows())]
    data = write_jsonl(tmp_path / "rows.jsonl", rows)
    more = [f"labels={json.dumps(label_set)}", f"data.train={data}", f"output.folder={tmp_path / 'm'}"]
    with pytest.raises(ConfigError, match=f"distillation.teacher: .* does not have the labels of this run: {expected}"):
        train(load_config("smoke", [*settings, *more, *student_of(model_folder)]))
    assert not (tmp_path / "m").exists()


def test_a_teacher_that_is_not_trained_yet_names_the_command(
    settings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"there is no runs/seeds .*; train it first with: eventroles train seeds"):
        train(load_config("fast"))
    with pytest.raises(ModelError, match=r"distillation\.teacher: \./mine: no such model folder"):
        train(load_config("smoke", [*settings, *student_of(Path("mine")), "distillation.teacher=./mine"]))
    with pytest.raises(HubError, match=r"distillation\.teacher: no folder 'my-team/roles'"):
        train(load_config("smoke", [*settings, *student_of(Path("my-team/roles"))]))
    assert [] == list(tmp_path.iterdir())
