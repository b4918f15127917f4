"""What a config may say: ranges, kinds and combinations of values."""

from __future__ import annotations

import pytest
from eventroles.configs import Config, load_config
from eventroles.labels import ConfigError
from pydantic import BaseModel, ValidationError


def load(*overrides: str) -> Config:
    return load_config("seeds", overrides)


def refused(*overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(*overrides)
    return str(error.value)


def models(model: type[BaseModel] = Config) -> list[type[BaseModel]]:
    below = [field.annotation for field in model.model_fields.values()]
    inner = [kind for kind in below if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return [model, *(found for kind in inner for found in models(kind))]


@pytest.mark.parametrize("model", models())
def test_no_key_has_a_default_in_the_schema(model):
    assert [name for name, field in model.model_fields.items() if not field.is_required()] == []


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError):
        load().training.epochs = 3


@pytest.mark.parametrize(
    ("written", "meant"), [("2e-4", 2e-4), ("2E-4", 2e-4), ("2.0e-4", 2e-4), ("0.5", 0.5), (".5", 0.5)]
)
@pytest.mark.parametrize("key", ["learning_rate", "head_learning_rate", "weight_decay", "warmup", "epochs"])
def test_numbers_may_be_written_in_any_of_these_ways(key, written, meant):
    assert getattr(load(f"training.{key}={written}").training, key) == meant


def test_a_whole_number_is_a_number_too():
    assert load("training.epochs=3").training.epochs == 3


@pytest.mark.parametrize("written", ["'3'", "three", "nan", ".nan", ".inf", "1e999", "true", "[3]", "null", "3 %"])
def test_a_number_of_epochs_that_is_none_is_refused(written):
    assert refused(f"training.epochs={written}").startswith(f"--set training.epochs={written}: training.epochs: input ")


@pytest.mark.parametrize(
    "override",
    [
        "training.epochs=0",
        "training.epochs=-1",
        "training.batch_size=0",
        "training.batch_size=2.5",
        "training.gradient_accumulation=0",
        "training.eval_batch_size=0",
        "training.learning_rate=0",
        "training.learning_rate=2",
        "training.head_learning_rate=0",
        "training.weight_decay=-0.1",
        "training.warmup=1",
        "training.early_stopping_patience=0",
        "training.schedule=linaer",
        "training.group_by_length=1",
        "training.keep_best='yes'",
        "training.seed=-1",
        "training.seed=4294967296",
        "split.validation=1",
        "split.test=-0.1",
        "split.seed=-1",
        "split.group=''",
        "model.base=''",
        "model.base=null",
        "model.context=4",
        "model.context=-1",
        "model.max_length=7",
        "model.max_length=8193",
        "model.dropout=1",
        "data.train=3",
        "data.train=[3]",
        "data.train=''",
        "data.train=null",
        "data.conflicts=ignore",
        "data.hub_dataset=''",
        "data.columns.text=''",
        "data.columns.text=null",
        "distillation.teacher=''",
        "distillation.teacher=['']",
        "distillation.teacher=3",
        "distillation.ensemble=-1",
        "distillation.ensemble=101",
        "distillation.ensemble=true",
        "data.unlabelled=['']",
        "data.max_unlabelled=0",
        "distillation.layers=3",
        "distillation.layers=[-1]",
        "distillation.layers=[0.5]",
        "distillation.weight=1.1",
        "distillation.weight=-0.1",
        "distillation.temperature=0",
        "distillation.temperature=101",
        "decision.objective=accuracy",
        "decision.calibrate=maybe",
        "output.folder=''",
        "output.overwrite=1",
    ],
)
def test_a_value_out_of_range_or_of_another_kind_is_refused(override):
    message = refused(override)
    assert message.startswith(f"--set {override}: {override.partition('=')[0]}")
    assert ", found " in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    "override",
    [
        "training.epochs=0.5",
        "training.learning_rate=1",
        "training.weight_decay=0",
        "training.warmup=0",
        "training.early_stopping_patience=null",
        "training.seed=4294967295",
        "split.validation=0",
        "model.context=3",
        "model.max_length=8",
        "model.max_length=8192",
        "model.dropout=0",
        "data.conflicts=drop",
        "data.max_unlabelled=1",
        "distillation.ensemble=100",
        "distillation.weight=0",
        "distillation.weight=1",
        "distillation.temperature=0.5",
        "training.schedule=cosine",
        "training.schedule=constant_with_warmup",
        "output.folder=somewhere else",
    ],
)
def test_a_value_at_the_edge_of_its_range_is_taken(override):
    load(override)


def test_one_entry_needs_no_list():
    assert load("data.train=a.jsonl").data.train == ["a.jsonl"]


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.2)])
def test_validation_and_test_must_leave_rows_for_training(shares):
    assert "split: validation and test together must leave rows for training (sum below 1)" in refused(
        f"split.validation={shares[0]}", f"split.test={shares[1]}"
    )


def test_early_stopping_needs_the_best_epoch_kept():
    assert "early stopping keeps the best epoch: set keep_best: true or early_stopping_patience: null" in refused(
        "training.keep_best=false"
    )
    load("training.keep_best=false", "training.early_stopping_patience=null")


def test_a_mean_of_epochs_is_of_the_last_ones_and_of_as_many_as_there_are():
    last = ["training.keep_best=false", "training.early_stopping_patience=null"]
    assert "set keep_best: false and early_stopping_patience: null, or average_epochs: 1" in refused(
        "training.average_epochs=2"
    )
    assert "average_epochs: 4 is more than the 3 epochs there are" in refused(
        *last, "training.epochs=3", "training.average_epochs=4"
    )
    assert 3 == load(*last, "training.epochs=3", "training.average_epochs=3").training.average_epochs


def test_layers_are_those_of_a_teacher():
    assert "distillation: layers are those of a teacher: name one in distillation.teacher" in refused(
        "distillation.layers=[0, 2]"
    )


@pytest.mark.parametrize(
    "more", [["distillation.teacher=[a, b]"], ["distillation.teacher=a", "distillation.ensemble=1"]]
)
def test_layers_are_those_of_one_teacher(more):
    assert (
        "distillation: layers are those of one teacher, and there are 2: name one in distillation.teacher"
        in refused(*more, "distillation.layers=[0]")
    )


def test_a_teacher_is_named_once():
    assert "distillation: the same teacher is named twice" in refused("distillation.teacher=[a, a]")


def test_one_teacher_needs_no_list_and_older_configs_say_null_for_none():
    assert load("distillation.teacher=runs/seeds").distillation.teacher == ["runs/seeds"]
    assert load("distillation.teacher=null").distillation.teacher == []


@pytest.mark.parametrize("layers", ["[2, 0]", "[1, 1]"])
def test_layers_come_in_order_each_once(layers):
    assert "layers come in ascending order, each once, such as [0, 2, 5]" in refused(
        "distillation.teacher=runs/seeds", f"distillation.layers={layers}"
    )


@pytest.mark.parametrize(
    "written", ["f1", "precision>=0.9", "recall>=0.85", "precision >= .9", "recall>=1", "precision>=1.0"]
)
def test_an_objective_is_f1_or_a_bound(written):
    assert load(f"decision.objective={written}").decision.objective == written.replace(" ", "")


@pytest.mark.parametrize("written", ["", "F1", "precision", "precision>0.9", "recall>=1.5", "recall>=90", "f2>=0.9"])
def test_another_objective_is_refused(written):
    message = refused(f"decision.objective='{written}'")
    assert f"expected f1, precision>=0.9 or recall>=0.9 (any number up to 1), found {written!r}" in message
