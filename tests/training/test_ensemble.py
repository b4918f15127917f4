"""Seed ensembles: several teachers averaged, trained first, kept and deleted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eventroles import Tagger
from eventroles.configs import load_config
from eventroles.inference.bundle import load_bundle
from eventroles.labels import ConfigError, LabelSet
from eventroles.training import train
from eventroles.training.data import load_splits
from eventroles.training.distill import mean_logits
from eventroles.training.ensemble import with_ensemble
from eventroles.training.finetune import find_start
from eventroles.training.series import Step
from safetensors.torch import load_file
from torch import equal

TEXTS = ["soldiers bombed the town", "the river and the road", "two were killed, the town said"]


def no_context(count: int) -> list[str]:
    return [""] * len(TEXTS)


def with_temperatures(teacher: Tagger, *temperatures: float, biases: tuple[float, ...] = ()) -> Tagger:
    rule = replace(teacher.bundle.rule, temperatures=temperatures, biases=biases)
    return Tagger(replace(teacher.bundle, rule=rule), teacher.engine, teacher.encoder)


def test_teachers_are_averaged_after_their_own_temperatures_and_biases(model_folder: Path) -> None:
    teacher = Tagger.from_pretrained(model_folder, device="cpu", exact=True)
    one = with_temperatures(teacher, 1, 1, 1, 1)
    other = with_temperatures(teacher, 2, 4, 1, 0.5, biases=(0, 0, 3, -1))
    raw = teacher.logits(TEXTS)
    np.testing.assert_allclose(raw, mean_logits([one], TEXTS, no_context), rtol=1e-5)
    expected = (raw * (1 + 1 / np.array([2, 4, 1, 0.5])) + np.array([0, 0, 3, -1])) / 2
    np.testing.assert_allclose(expected, mean_logits([one, other], TEXTS, no_context), rtol=1e-5)


def test_every_teacher_gets_the_context_that_it_was_trained_with(model_folder: Path) -> None:
    teacher = Tagger.from_pretrained(model_folder, device="cpu", exact=True)
    manifest = teacher.bundle.manifest.model_copy(update={"context": 2})
    far = Tagger(replace(teacher.bundle, manifest=manifest), teacher.engine, teacher.encoder)
    asked: list[int] = []

    def contexts(count: int) -> list[str]:
        asked.append(count)
        return ["the market was stormed" if count else ""] * len(TEXTS)

    found = mean_logits([teacher, far], TEXTS, contexts)
    assert [0, 2] == asked
    assert not np.allclose(found, mean_logits([teacher], TEXTS, no_context))


def test_several_processes_train_the_teachers_one_by_one(settings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=r"distillation\.ensemble: in several processes .* one by one"):
        train(load_config("smoke", [*settings, "distillation.ensemble=2"]))


def test_all_teachers_with_other_labels_are_named(settings: list[str], model_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(model_folder, tmp_path / "copy")
    label = {"name": "attack", "title": "Attack", "definition": "An attack"}
    labels = LabelSet.from_dict({"name": "x", "version": "1", "labels": [label]}, source="x")
    config = load_config("smoke", [*settings, f"distillation.teacher=[{model_folder}, {copy}]"])
    with pytest.raises(ConfigError) as error:
        find_start(config, labels, known=())
    assert [str(model_folder) in line or str(copy) in line for line in str(error.value).splitlines()] == [True, True]


@pytest.mark.slow
def test_an_ensemble_is_trained_taught_from_and_deleted(train_tiny: Callable[..., Any], tmp_path: Path) -> None:
    more = ["training.epochs=1", "training.seed=5"]
    result = train_tiny(tmp_path / "m", *more, "distillation.ensemble=2")
    assert not (tmp_path / "m" / "teachers").exists()
    assert () == tuple(warning for warning in result.warnings if "teacher" in warning)
    assert "seed-6, seed-7" == load_bundle(tmp_path / "m").manifest.base_model["teacher"]
    assert "| teachers | `seed-6`, `seed-7` |" in (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    train_tiny(tmp_path / "kept", *more, "distillation.ensemble=2", "output.keep_checkpoints=true")
    kept = sorted((tmp_path / "kept" / "teachers").iterdir())
    assert ["seed-6", "seed-7"] == [path.name for path in kept]
    # Each is the model that the config makes with its seed, and the student that of a run which names them.
    train_tiny(tmp_path / "six", "training.epochs=1", "training.seed=6")
    named = f"distillation.teacher=[{kept[0]}, {kept[1]}]"
    train_tiny(tmp_path / "named", *more, named)
    for one, other in ((tmp_path / "six", kept[0]), (tmp_path / "named", tmp_path / "m")):
        first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
        assert [] == [name for name in first if not equal(first[name], second[name])]
    assert load_bundle(tmp_path / "six").rule.temperatures == load_bundle(kept[0]).rule.temperatures


@pytest.mark.slow
def test_finished_teachers_are_not_trained_again_after_a_resume(settings: list[str], tmp_path: Path) -> None:
    sets = [*settings, "training.epochs=1", "distillation.ensemble=2", f"output.folder={tmp_path}"]
    config, labels = load_config("smoke", sets), LabelSet.load("roles")
    splits, start = load_splits(config, labels), find_start(config, labels, known=())
    steps: list[Step] = []

    def teach(*, resume: bool, seed: int = 13) -> list[str]:
        steps.clear()
        changed = config.training.model_copy(update={"seed": seed})
        with_ensemble(
            start,
            splits,
            config=config.model_copy(update={"training": changed}),
            labels=labels,
            folder=tmp_path,
            resume=resume,
            on_step=steps.append,
        )
        return [step.name for step in steps]

    last = "the model that learns from them"
    assert ["teacher 1 of 2, seed 14", "teacher 2 of 2, seed 15", last] == teach(resume=False)
    assert [0, 1, 2] == [step.done for step in steps]
    assert {3} == {step.total for step in steps}
    assert [last] == teach(resume=True)
    (tmp_path / "teachers" / "seed-15" / "eventroles.json").unlink()
    assert ["teacher 2 of 2, seed 15", last] == teach(resume=True)
    assert ["teacher 2 of 2, seed 16", last] == teach(resume=True, seed=14), "seed 15 is there"
