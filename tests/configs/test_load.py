"""From YAML and `--set` to a config: defaults, places of errors, hints, and the way back."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from eventroles.configs import Config, check_config, dump_config, load_config, shipped_configs, valid_keys
from eventroles.configs.load import load_label_set
from eventroles.labels import ConfigError, LabelSet
from hypothesis import example, given, settings
from hypothesis import strategies as st

SET = """\
labels:
  name: mine
  version: "1"
  exclusive: true
  labels:
    - {name: strike, title: Strike, definition: An air strike.}
    - {name: protest, title: Protest, definition: People march.}
"""
OURS = [
    "average_tokens_across_devices",
    "batch_eval_metrics",
    "bf16",
    "data_seed",
    "disable_tqdm",
    "early_stopping_patience",
    "eval_do_concat_batches",
    "eval_strategy",
    "fp16",
    "gradient_accumulation_steps",
    "greater_is_better",
    "hub_model_id",
    "hub_private_repo",
    "hub_strategy",
    "hub_token",
    "label_names",
    "label_smoothing_factor",
    "learning_rate",
    "length_column_name",
    "load_best_model_at_end",
    "lr_scheduler_type",
    "metric_for_best_model",
    "num_train_epochs",
    "output_dir",
    "per_device_eval_batch_size",
    "per_device_train_batch_size",
    "prediction_loss_only",
    "push_to_hub",
    "remove_unused_columns",
    "resume_from_checkpoint",
    "save_strategy",
    "seed",
    "train_sampling_strategy",
    "warmup_steps",
    "weight_decay",
]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def load(text: str, *overrides: str) -> Config:
    Path("my.yaml").write_text(text, encoding="utf-8")
    return load_config("my.yaml", overrides)


def problems(text: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(text, *overrides)
    return str(error.value).splitlines()


def checked(text: str, *overrides: str) -> list[str]:
    config = load(text, *overrides)
    with pytest.raises(ConfigError) as error:
        check_config(config)
    return str(error.value).splitlines()


def data_file() -> str:
    Path("rows.jsonl").touch()
    return "rows.jsonl"


def value(config: Config, key: str) -> Any:
    found: Any = config
    for part in key.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    return found


def test_a_config_changes_only_what_it_names():
    default, config = load(""), load("training:\n  epochs: 7\n")
    assert config.training.epochs == 7
    assert config.model_copy(update={"training": default.training}) == default


def test_the_model_goes_to_a_folder_of_the_configs_name():
    assert load("").output.folder == "runs/my"
    assert load_config("seeds").output.folder == "runs/seeds"
    assert load("output: {folder: elsewhere}").output.folder == "elsewhere"


@pytest.mark.parametrize("name", ["seed", "nowhere.yaml", "", ".", "x" * 5000, "a\0b", "~nobody-of-this-name/my.yaml"])
def test_a_config_that_is_not_there_names_the_shipped_ones_and_the_folder(name, tmp_path):
    with pytest.raises(ConfigError) as error:
        load_config(name)
    assert str(error.value).startswith(
        f"no config {name!r}: it is neither a shipped one (accurate, fast, seeds, seeds-and-documents, smoke) nor a "
        f"file (looked in {tmp_path})."
    )
    assert str(error.value).endswith(" Did you mean 'seeds'?") == (name == "seed")


def test_a_typo_at_the_top_is_named_with_its_line_and_the_nearest_key():
    assert problems("data: {}\n\ntrainng:\n  epochs: 3\n") == [
        "my.yaml:3: unknown key 'trainng'. Did you mean 'training'?"
    ]


def test_a_typo_below_is_named_with_its_line_and_the_nearest_key():
    assert problems("training:\n  epochs: 3\n  learning_rte: 1.0e-4\n") == [
        "my.yaml:3: unknown key 'training.learning_rte'. Did you mean 'training.learning_rate'?"
    ]
    assert problems("data:\n  columns:\n    txt: body\n") == [
        "my.yaml:3: unknown key 'data.columns.txt'. Did you mean 'data.columns.text'?"
    ]


def test_a_typo_in_a_set_option_is_named_with_the_option():
    assert problems("", "training.epoch=3") == [
        "--set training.epoch=3: unknown key 'training.epoch'. Did you mean 'training.epochs'?"
    ]


def test_the_nearest_key_of_the_same_section_comes_before_that_of_another():
    for section in ("split", "training"):
        (problem,) = problems("", f"{section}.sed=1")
        assert problem.endswith(f"Did you mean '{section}.seed'?")


def test_a_key_in_the_wrong_section_is_pointed_to_the_right_one():
    assert problems("epochs: 3") == ["my.yaml:1: unknown key 'epochs'. Did you mean 'training.epochs'?"]
    assert problems("", "data.max_length=64") == [
        "--set data.max_length=64: unknown key 'data.max_length'. Did you mean 'model.max_length'?"
    ]


def test_a_key_that_is_near_none_gets_the_list():
    assert problems("", "split.zzz=3") == [
        "--set split.zzz=3: unknown key 'split.zzz'. The keys in 'split' are by, group, validation, test, seed."
    ]
    assert problems("", "zzz=3") == [
        "--set zzz=3: unknown key 'zzz'. The keys are labels, data, split, leakage, model, training, trainer, "
        "distillation, decision, export, output, hub."
    ]


def test_all_problems_are_named_at_once():
    text = "trainng: 3\ntraining:\n  epochs: many\n  batch_size: 0\ntrainer:\n  seed: 1\n  nonsense: 2\n"
    assert [problem.partition(": ")[0] for problem in problems(text, "data=3", "split.test=2")] == [
        "--set data=3",
        "--set split.test=2",
        "my.yaml:3",
        "my.yaml:4",
        "my.yaml:1",
        "my.yaml:6",
        "my.yaml:7",
    ]


@pytest.mark.parametrize("section", ["data", "split", "model", "training", "trainer", "decision", "output"])
@pytest.mark.parametrize("found", ["null", "3", "text", "[a]", "true"])
def test_a_section_that_is_no_mapping_is_refused(section, found):
    (problem,) = problems(f"{section}: {found}")
    assert problem.startswith(f"my.yaml:1: {section}: expected keys and values below it, found ")


@pytest.mark.parametrize("found", ["null", "3", "[a]", "true", "''"])
def test_labels_that_are_neither_a_name_nor_a_set_are_refused_once(found):
    (problem,) = problems(f"labels: {found}")
    assert problem.startswith(
        "my.yaml:1: labels: expected the name of a label set, a YAML file, or a label set written out, found "
    )


def test_a_text_that_yaml_reads_as_a_number_is_to_be_quoted():
    assert problems("model:\n  revision: 1234567\n") == [
        "my.yaml:2: model.revision: input should be a valid string (put it in quotes), found 1234567"
    ]


def test_later_options_win_over_earlier_ones_and_over_the_file():
    assert load("training: {epochs: 2}", "training.epochs=3", "training.epochs=4").training.epochs == 4


def test_an_option_may_replace_a_section_and_another_add_to_it():
    config = load("trainer: {use_cpu: true}", "trainer={tf32: true}", "trainer.max_steps=5")
    assert config.trainer == {"use_cpu": True, "tf32": True, "max_steps": 5}


@pytest.mark.parametrize(
    ("override", "key", "expected"),
    [
        ("training.learning_rate=2e-4", "training.learning_rate", 2e-4),
        ("training.early_stopping_patience=null", "training.early_stopping_patience", None),
        ("data.train=a.jsonl", "data.train", ["a.jsonl"]),
        ("data.train=[a.jsonl, b.csv]", "data.train", ["a.jsonl", "b.csv"]),
        ("output.overwrite=true", "output.overwrite", True),
        ("output.folder='2024'", "output.folder", "2024"),
        ("output.folder=a=b", "output.folder", "a=b"),
        (" split.seed = 4 ", "split.seed", 4),
        ("labels=mine.yaml", "labels", "mine.yaml"),
    ],
)
def test_the_value_of_an_option_is_written_as_in_yaml(override, key, expected):
    assert value(load("", override), key) == expected


@pytest.mark.parametrize(
    "override", ["=", "", "=3", "==", "training.epochs", ".=1", "training.=1", ".epochs=1", "a..b=1"]
)
def test_an_option_without_key_or_value_is_refused(override):
    assert problems("", override) == [f"--set {override}: expected key.path=value, such as training.epochs=3"]


def test_options_that_cannot_be_read_are_named_with_all_the_rest():
    found = problems("epochs: 3", "=", "data.train=[a", "split.seed=x")
    assert [problem.partition(": ")[0] for problem in found] == [
        "--set =",
        "--set data.train=[a",
        "--set split.seed=x",
        "my.yaml:1",
    ]


def test_two_equals_signs_are_refused():
    assert problems("", "training.epochs==3") == ["--set training.epochs==3: one '=' between key and value"]


@pytest.mark.parametrize(
    "override", ["data.train=[a", "data={a: 1, a: 2}", "data={1: 2}", "split.seed=!!bool x", "labels=&a [*a]", "x=\x07"]
)
def test_an_option_with_a_value_that_is_not_our_yaml_is_refused_by_name(override):
    (problem,) = problems("", override)
    assert problem.startswith(f"--set {override}: ")


def test_an_option_below_a_value_is_named_with_the_option():
    assert problems("training:\n  epochs: 3\n", "training.epochs.x=3") == [
        "--set training.epochs.x=3: training.epochs: input should be a valid number, found {'x': 3}"
    ]
    assert problems("", "a.b.c.d=1")[0].startswith("--set a.b.c.d=1: unknown key 'a'.")


def test_a_section_rule_broken_by_an_option_names_the_option():
    (problem,) = problems("split:\n  validation: 0.5\n", "split.test=0.5")
    assert problem.startswith("--set split.test=0.5: split: validation and test together must leave rows for training")


def test_an_option_that_another_one_replaces_is_not_to_blame():
    (problem,) = problems("", "training.epochs=x", "training={epochs: y}")
    assert problem.startswith("--set training={epochs: y}: training.epochs: ")
    (problem,) = problems("", "training.epochs=x", "training={epochs: y}", "training.epochs=z")
    assert problem.startswith("--set training.epochs=z: training.epochs: ")


def test_a_label_set_written_out_replaces_the_default_one():
    labels = check_config(load(SET, f"data.train={data_file()}"))
    assert (labels.name, labels.names, labels.exclusive) == ("mine", ("strike", "protest"), True)


def test_problems_of_a_label_set_written_out_have_their_lines():
    assert problems(SET.replace("title: Protest", "titel: Protest") + "epochs: 3\n") == [
        "my.yaml:8: unknown key 'epochs'. Did you mean 'training.epochs'?",
        "my.yaml:7: labels[1].titel: unknown key. Did you mean 'title'?",
        "my.yaml:7: labels[1].title: expected a text, found nothing",
    ]


def test_problems_of_a_label_set_changed_by_an_option_name_the_option():
    assert problems(SET, "labels.exclusive=maybe") == [
        "--set labels.exclusive=maybe: exclusive: expected true or false, found 'maybe'"
    ]


def test_an_option_may_change_one_key_of_a_label_set_or_replace_it():
    labels = load_label_set(load(SET, "labels.negative=protest", "labels.version='2'"))
    assert (labels.negative, labels.version, labels.names) == ("protest", "2", ("strike", "protest"))
    other = "{name: other, version: '1', labels: [{name: a, title: A, definition: A.}]}"
    assert not load_label_set(load(SET, f"labels={other}")).exclusive


def test_a_label_set_may_be_a_file():
    Path("set.yaml").write_text(yaml.safe_dump(yaml.safe_load(SET)["labels"]))
    assert load_label_set(load("labels: set.yaml")).name == "mine"
    assert load_label_set(load("")) == LabelSet.load("roles")


def test_a_config_whose_label_set_is_not_there_fails_the_check():
    assert checked("labels: role", f"data.train={data_file()}")[0].startswith("no label set 'role'")


def test_a_config_without_data_fails_the_check():
    assert checked("") == ["data.train is empty: name files with labelled sentences, such as --set data.train=my.jsonl"]


def test_a_threshold_aim_for_an_exclusive_set_fails_the_check():
    assert checked(SET, f"data.train={data_file()}", "decision.objective=recall>=0.9") == [
        "decision.objective: an exclusive label set gives the most probable label; leave it at f1"
    ]


def test_everything_that_fails_the_check_is_named_at_once(tmp_path):
    lines = checked("labels: nowhere", "data.train=no.jsonl", "data.test=[none.csv, neither.csv]")
    assert [line.partition(" (looked in")[0] for line in lines] == [
        "no label set 'nowhere': it is neither a shipped set (roles) nor a YAML file",
        "data.train: 'no.jsonl' names no .jsonl, .csv, .parquet file",
        "data.test: 'none.csv' names no .jsonl, .csv, .parquet file",
        "data.test: 'neither.csv' names no .jsonl, .csv, .parquet file",
    ]


def test_splits_of_a_hub_data_set_are_not_looked_for_as_files():
    config = load("data: {hub_dataset: someone/reports, train: train, test: test}")
    assert check_config(config) == LabelSet.load("roles")


@pytest.mark.parametrize("name", OURS)
def test_a_trainer_key_that_eventroles_owns_is_refused(name):
    (problem,) = problems(f"trainer:\n  {name}: 1\n")
    assert problem.startswith(f"my.yaml:2: trainer.{name} is set by eventroles: ")


@pytest.mark.parametrize("name", OURS)
def test_the_key_to_use_in_its_place_is_one(name):
    advice = problems(f"trainer:\n  {name}: 1\n")[0].rpartition(": ")[2]
    if advice.startswith("use ") and "--resume" not in advice:
        assert advice.removeprefix("use ") in valid_keys()


def test_an_unknown_trainer_key_is_refused_with_the_nearest_one():
    assert problems("trainer:\n  max_step: 10\n") == [
        "my.yaml:2: trainer.max_step: the installed transformers has no such TrainingArguments field. "
        "Did you mean 'max_steps'?"
    ]
    assert problems("", "trainer.warmup_ratio=0.1")[0].startswith(
        "--set trainer.warmup_ratio=0.1: trainer.warmup_ratio"
    )


def test_every_training_argument_is_either_passed_on_or_owned():
    transformers = pytest.importorskip("transformers")
    names = {field.name for field in dataclasses.fields(transformers.TrainingArguments) if field.init}
    passed = names - set(OURS)
    assert set(load("trainer:\n" + "".join(f"  {name}: 1\n" for name in passed)).trainer) == passed
    assert set(OURS) - names == {"early_stopping_patience"}


def test_numbers_of_the_trainer_may_be_scientific():
    assert load("trainer: {adam_epsilon: 1e-8, run_name: one}").trainer == {"adam_epsilon": 1e-8, "run_name": "one"}


def test_loading_a_config_imports_neither_torch_nor_transformers():
    code = (
        "import sys; from eventroles.configs import load_config; load_config('smoke', ['trainer.max_steps=5']);"
        "print([name for name in ('torch', 'transformers', 'numpy') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_valid_keys_hold_sections_and_what_is_below_them():
    keys = valid_keys()
    assert {"labels", "data", "data.columns", "data.columns.text", "training.seed", "trainer"} <= set(keys)
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", shipped_configs())
def test_a_dumped_config_is_read_back(name):
    config = load_config(name)
    assert load(dump_config(config)) == config


def test_a_dumped_config_shows_letters_of_every_script_as_they_are():
    assert "folder: отчёты/éclair" in dump_config(load("output: {folder: отчёты/éclair}"))


def test_a_dumped_config_names_every_key():
    def keys(data: dict[str, Any], prefix: str = "") -> set[str]:
        below = {key: f"{prefix}{key}" for key in data}
        return set(below.values()).union(
            *(keys(data[k], f"{p}.") for k, p in below.items() if isinstance(data[k], dict))
        )

    assert keys(yaml.safe_load(dump_config(load("")))) == set(valid_keys())


PLAIN = st.text(st.characters(codec="utf-8"), min_size=1)


def written(data: dict[str, Any], *overrides: str) -> Config:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.yaml"
        path.write_text(json.dumps(data), encoding="utf-8")  # JSON is YAML
        return load_config(path, overrides)


@settings(max_examples=60, deadline=None)
@given(PLAIN, PLAIN, st.floats(1e-9, 1), st.integers(1, 10**6), st.dictionaries(st.just("run_name"), PLAIN))
@example("\x85", "\u2028\u2029\ufeff", 1e-9, 1, {"run_name": "1e-8 "})
@example("2024-01-01", "null", 1e-5, 1, {"run_name": "0x1f"})
def test_any_config_is_read_back_from_its_dump(folder, column, rate, batch, trainer):
    default = load_config("seeds")
    config = default.model_copy(
        update={
            "output": default.output.model_copy(update={"folder": folder}),
            "data": default.data.model_copy(
                update={"columns": default.data.columns.model_copy(update={"text": column})}
            ),
            "training": default.training.model_copy(update={"learning_rate": rate, "batch_size": batch}),
            "trainer": {key: text for key, text in trainer.items() if "e" not in text.lower()},
        }
    )
    with tempfile.TemporaryDirectory() as where:
        path = Path(where) / "c.yaml"
        path.write_text(dump_config(config), encoding="utf-8")
        assert load_config(path) == config


def is_loaded_or_refused(text: str, *overrides: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            config = load_config(path, overrides)
        except ConfigError as error:
            message = str(error)
        else:
            path.write_text(dump_config(config), encoding="utf-8")
            assert load_config(path) == config
            return
    assert message


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8")) | st.text("datlbes:-[]{}&*!|#,'\"1.~ \n"))
@example("data: &a {train: *a}")
@example("[a]: 1")
@example("labels: &a [*a]")
@example("labels: {labels: [{name: 2024-01-01}]}")
@example("trainer: {2: 3}")
def test_any_text_is_either_a_config_or_a_config_error(text):
    is_loaded_or_refused(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["train", "epochs", "name", "labels", "columns", "text", "x"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*valid_keys(), "x", "x.y"]), VALUES, max_size=5))
def test_any_values_are_either_a_config_or_a_config_error(values):
    overrides = [f"{key}={json.dumps(found)}" for key, found in values.items()]
    is_loaded_or_refused("", *overrides)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30))
@example("=")
@example("labels=\ud800")
def test_any_option_is_either_taken_or_a_config_error(override):
    is_loaded_or_refused("", override)
