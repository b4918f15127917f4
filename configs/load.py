"""From a YAML file and `--set` values to a config: defaults merged in, all errors at once, each with its place."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..labels.errors import ConfigError, closest, nearest, shown
from ..labels.labelset import LabelSet
from ..labels.yamlfile import YamlFile, find_file, parse_value, parse_yaml, read_yaml
from .files import data_files
from .schema import Config

_WHOLE = ("labels",)  # a label set written into a config replaces the default, it is not merged with it
_LINE_BREAKS = set("\x85\u2028\u2029")  # PyYAML writes them as they are and reads them as line breaks
_OURS = {
    "average_tokens_across_devices": "the loss is right in every combination only if it is on",
    "batch_eval_metrics": "macro F1 is taken over all sentences at once",
    "bf16": "use training.precision",
    "data_seed": "use training.seed",
    "disable_tqdm": "eventroles shows its own progress",
    "early_stopping_patience": "use training.early_stopping_patience",
    "eval_do_concat_batches": "macro F1 is taken over all sentences at once",
    "eval_strategy": "every epoch ends with an evaluation",
    "fp16": "use training.precision",
    "gradient_accumulation_steps": "use training.gradient_accumulation",
    "greater_is_better": "macro F1 decides",
    "hub_model_id": "use hub.push_to",
    "hub_private_repo": "use hub.private",
    "hub_strategy": "use hub.every_epoch",
    "hub_token": "the config travels with the model and must hold no secret; log in with: hf auth login",
    "label_names": "use labels",
    "label_smoothing_factor": "the masked loss does not take it",
    "learning_rate": "use training.learning_rate",
    "length_column_name": "the data has one column of lengths",
    "load_best_model_at_end": "use training.keep_best",
    "lr_scheduler_type": "use training.schedule",
    "metric_for_best_model": "macro F1 decides",
    "num_train_epochs": "use training.epochs",
    "output_dir": "use output.folder",
    "per_device_eval_batch_size": "use training.eval_batch_size",
    "per_device_train_batch_size": "use training.batch_size",
    "prediction_loss_only": "macro F1 needs the predictions",
    "push_to_hub": "use hub.push_to",
    "remove_unused_columns": "the model takes every column that is left",
    "resume_from_checkpoint": "use the option --resume",
    "save_strategy": "every epoch ends with a checkpoint",
    "seed": "use training.seed",
    "train_sampling_strategy": "use training.group_by_length",
    "warmup_steps": "use training.warmup",
    "weight_decay": "use training.weight_decay",
}


def load_config(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Load a config: a YAML file, or a shipped config by name, over the defaults.

    Args:
        name_or_path: a path, or a name such as ``seeds`` (`shipped_configs` lists them).
        overrides: ``key.path=value`` texts, each value written as in YAML; later ones win.

    Raises:
        ConfigError: no such config; or what is wrong with it: every problem, with file, line, key and the nearest
            valid key.
    """
    file = _read(name_or_path)
    default = parse_yaml(_text("default.yaml"), source="default.yaml")
    data = _merge(default.data, file.data)
    set_paths: dict[tuple[str, ...], str] = {}
    problems: list[str] = []
    for override in overrides:
        try:
            path, value = _parse_override(override)
        except ConfigError as error:
            problems.append(str(error))
            continue
        set_paths.pop(path, None)  # the last one comes last
        set_paths[path] = f"--set {override}"
        data = _merge(data, _nest(path, value), top=len(path) == 1)  # labels.name=x changes the set, labels=… is one
    problems += _problems(data, file, set_paths)
    if problems:
        raise ConfigError("\n".join(problems))
    config = Config.model_validate(data)
    if config.output.folder is None:
        folder = f"runs/{Path(name_or_path).stem}"
        config = config.model_copy(update={"output": config.output.model_copy(update={"folder": folder})})
    return config


def check_config(config: Config) -> LabelSet:
    """Check what a config refers to, without loading data or model, and return its label set.

    Raises:
        ConfigError: the label set is not valid, the decision rule does not suit it, data entries name no file, or
            nobody labels the unlabelled sentences: all that is wrong.
    """
    problems = []
    try:
        labels = load_label_set(config)
        if labels.exclusive and config.decision.objective != "f1":
            problems.append("decision.objective: an exclusive label set gives the most probable label; leave it at f1")
    except ConfigError as error:
        problems.append(str(error))
    if not config.data.train:
        problems.append("data.train is empty: name files with labelled sentences, such as --set data.train=my.jsonl")
    if config.data.unlabelled and not (config.distillation.teacher or config.distillation.ensemble):
        problems.append(
            "data.unlabelled: sentences without labels are labelled by teachers, and there are none: train some first "
            "with --set distillation.ensemble=3, or name a trained model in distillation.teacher"
        )
    if config.data.hub_dataset is None:
        for name in ("train", "validation", "test"):
            try:
                data_files(getattr(config.data, name), key=f"data.{name}")
            except ConfigError as error:
                problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return labels


def load_label_set(config: Config) -> LabelSet:
    """Return the label set of a config: shipped, from a file, or written into the config.

    Raises:
        ConfigError: it is not valid.
    """
    if isinstance(config.labels, str):
        return LabelSet.load(config.labels)
    return LabelSet.from_dict(config.labels, source="labels")


def dump_config(config: Config) -> str:
    """Return the whole config as YAML that `load_config` reads back as an equal one."""
    text = yaml.safe_dump(config.model_dump(), sort_keys=False, allow_unicode=True, width=100)
    if set(text) & _LINE_BREAKS:
        text = yaml.safe_dump(config.model_dump(), sort_keys=False, allow_unicode=False, width=100)
    return str(text)


def shipped_configs() -> list[str]:
    """Return the names of the configs that come with eventroles."""
    files = resources.files(__package__).iterdir()
    names = (file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))
    return sorted(name for name in names if name != "default")


def valid_keys() -> list[str]:
    """Return every key a config may have, written with dots, sections included."""
    return list(_keys(Config, ""))


def _read(name_or_path: str | Path) -> YamlFile:
    if str(name_or_path) in shipped_configs():
        return parse_yaml(_text(f"{name_or_path}.yaml"), source=f"{name_or_path}.yaml")
    path = find_file(name_or_path)
    if path is None:
        raise ConfigError(
            f"no config {str(name_or_path)!r}: it is neither a shipped one ({', '.join(shipped_configs())}) nor a file "
            f"(looked in {Path.cwd()}).{nearest(str(name_or_path), shipped_configs())}"
        )
    return read_yaml(path)


def _text(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _merge(below: Mapping[str, Any], above: Mapping[str, Any], top: bool = True) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        mergeable = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping) and not (top and key in _WHOLE)
        merged[key] = _merge(merged[key], value, top=False) if mergeable else value
    return merged


def _parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    key, equals, value = text.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise ConfigError(f"--set {text}: expected key.path=value, such as training.epochs=3")
    if value.lstrip().startswith("="):
        raise ConfigError(f"--set {text}: one '=' between key and value")
    return path, parse_value(value, source=f"--set {text}")


def _nest(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def _problems(data: dict[str, Any], file: YamlFile, set_paths: Mapping[tuple[str, ...], str]) -> Iterator[str]:
    latest_first = list(set_paths.items())[::-1]

    def place(path: tuple[str | int, ...]) -> str:
        for set_path, text in latest_first:  # the option that set the key, something above it or something below it
            if all(one == other for one, other in zip(path, set_path)):  # noqa: B905 - one may be the longer
                # What was given for a token may be one, and messages end up in logs.
                return text.partition("=")[0] if any("token" in str(part) for part in set_path) else text
        return file.place(path)

    try:
        Config.model_validate(data)
    except ValidationError as error:
        found: dict[str, None] = {}  # each once: a key of two types gives an error for each
        for detail in error.errors():
            path = _clean(detail["loc"])
            key = ".".join(str(part) for part in path)
            if detail["type"] == "extra_forbidden":
                found[f"{place(path)}: unknown key {key!r}.{_nearest_key(key)}"] = None
            else:
                found[f"{place(path)}: {key}: {_message(key, detail)}, found {shown(detail['input'])}"] = None
        yield from found
    if isinstance(data["labels"], dict):
        from_set = any(path[0] == "labels" for path in set_paths)
        try:
            if from_set:
                LabelSet.from_dict(data["labels"], source=place(("labels",)))
            else:
                LabelSet.from_yaml(file.section("labels"))
        except ConfigError as error:
            yield from str(error).splitlines()
    trainer = data.get("trainer")
    if isinstance(trainer, Mapping) and trainer:
        known = _trainer_arguments()
        for name in trainer:
            if name in _OURS:
                yield f"{place(('trainer', name))}: trainer.{name} is set by eventroles: {_OURS[name]}"
            elif known and name not in known:
                yield (
                    f"{place(('trainer', str(name)))}: trainer.{name}: the installed transformers has no such "
                    f"TrainingArguments field.{nearest(str(name), known)}"
                )


def _clean(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Drop the names of union members that pydantic puts into a location: labels is a text or a mapping."""
    return location[:1] if location[:1] == ("labels",) else location


def _message(key: str, detail: ErrorDetails) -> str:
    if key == "labels":
        return "expected the name of a label set, a YAML file, or a label set written out"
    if detail["type"] in ("model_type", "dict_type"):
        return "expected keys and values below it"
    message = detail["msg"].removeprefix("Value error, ")
    remedy = ""
    if detail["type"] == "string_type" and isinstance(detail["input"], int | float):
        remedy = " (put it in quotes)"
    return message[0].lower() + message[1:] + remedy


def _nearest_key(key: str) -> str:
    keys = valid_keys()
    section, _, last = key.rpartition(".")
    siblings = {name.rpartition(".")[2]: name for name in keys if name.rpartition(".")[0] == section}
    anywhere = {name.rpartition(".")[2]: name for name in reversed(keys)}
    for choices in (siblings, anywhere):
        match = closest(last, choices)
        if match:
            return f" Did you mean {choices[match]!r}?"
    where = f"in {section!r} are" if section else "are"
    return f" The keys {where} {', '.join(siblings or [name for name in keys if '.' not in name])}."


def _keys(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _keys(info.annotation, f"{prefix}{name}.")


def _trainer_arguments() -> frozenset[str]:
    """Fields of the installed `TrainingArguments`, read from its source: importing it takes seconds."""
    package = importlib.util.find_spec("transformers")
    if package is None or package.origin is None:
        return frozenset()
    tree = ast.parse((Path(package.origin).parent / "training_args.py").read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "TrainingArguments"]
    return frozenset(
        node.target.id
        for body in classes
        for node in body.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    )
