"""What a training config may say: strict models without defaults, which all stand in `default.yaml`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

_SCIENTIFIC = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_OBJECTIVE = re.compile(r"f1|(?:precision|recall)>=(?:0?\.\d+|1(?:\.0+)?)")


def _number(value: object) -> object:
    """YAML 1.1 reads 2e-4 as a text (it asks for 2.0e-4), which nobody means."""
    return float(value) if isinstance(value, str) and _SCIENTIFIC.fullmatch(value) else value


def _numbers(value: object) -> object:
    return {key: _number(item) for key, item in value.items()} if isinstance(value, dict) else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _listed_or_none(value: object) -> object:
    """Configs of models from before there could be several teachers say null where there is none."""
    return [] if value is None else _listed(value)


Number = Annotated[float, BeforeValidator(_number)]
Share = Annotated[float, BeforeValidator(_number), Field(ge=0, lt=1)]
Rate = Annotated[float, BeforeValidator(_number), Field(gt=0, le=1)]
Name = Annotated[str, Field(min_length=1)]
Entries = Annotated[list[Name], BeforeValidator(_listed)]


class _Strict(BaseModel):
    """Unknown keys and values of a wrong type are errors; nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ColumnsConfig(_Strict):
    """`data.columns`: what the columns of the data are called."""

    text: Name
    roles: Name
    document: Name
    index: Name
    unsure: Name
    date: Name


class DataConfig(_Strict):
    """`data`: where the labelled sentences are."""

    train: Entries
    validation: Entries
    test: Entries
    hub_dataset: Name | None
    hub_config: Name | None
    hub_revision: Name | None
    columns: ColumnsConfig
    conflicts: Literal["error", "keep", "drop"]
    unlabelled: Entries
    max_unlabelled: Annotated[int, Field(ge=1)]


class SplitConfig(_Strict):
    """`split`: how rows without a file of their own become validation and test sentences."""

    by: Literal["group", "date"]
    group: Name
    validation: Share
    test: Share
    seed: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _leave_some(self) -> SplitConfig:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must leave rows for training (sum below 1)")
        return self


class ModelConfig(_Strict):
    """`model`: the pretrained encoder and what it sees."""

    base: Name
    revision: Name | None
    context: Annotated[int, Field(ge=0, le=3)]
    max_length: Annotated[int, Field(ge=8, le=8192)]
    freeze_embeddings: bool
    dropout: Share | None


class TrainingConfig(_Strict):
    """`training`: the arguments of the Hugging Face Trainer that eventroles vouches for, under its own names."""

    epochs: Annotated[float, BeforeValidator(_number), Field(gt=0)]
    batch_size: Annotated[int, Field(ge=1)]
    gradient_accumulation: Annotated[int, Field(ge=1)]
    eval_batch_size: Annotated[int, Field(ge=1)]
    group_by_length: bool
    precision: Literal["auto", "bf16", "fp32"]
    learning_rate: Rate
    head_learning_rate: Rate
    weight_decay: Share
    warmup: Share
    schedule: Literal["linear", "cosine", "constant_with_warmup"]
    early_stopping_patience: Annotated[int, Field(ge=1)] | None
    keep_best: bool
    average_epochs: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]

    @model_validator(mode="after")
    def _stop_on_best(self) -> TrainingConfig:
        if self.early_stopping_patience is not None and not self.keep_best:
            raise ValueError(
                "early stopping keeps the best epoch: set keep_best: true or early_stopping_patience: null"
            )
        return self

    @model_validator(mode="after")
    def _average_of_the_last(self) -> TrainingConfig:
        if self.average_epochs > 1 and self.keep_best:
            raise ValueError(
                "average_epochs keeps the mean of the last epochs, not the best one: set keep_best: false and "
                "early_stopping_patience: null, or average_epochs: 1"
            )
        if self.average_epochs > max(1, self.epochs):
            raise ValueError(f"average_epochs: {self.average_epochs} is more than the {self.epochs:g} epochs there are")
        return self


class DistillationConfig(_Strict):
    """`distillation`: the trained models that the new one learns from."""

    teacher: Annotated[list[Name], BeforeValidator(_listed_or_none)]
    ensemble: Annotated[int, Field(ge=0, le=100)]
    layers: list[Annotated[int, Field(ge=0)]]
    weight: Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)]
    temperature: Annotated[float, BeforeValidator(_number), Field(gt=0, le=100)]

    @model_validator(mode="after")
    def _layers_of_a_teacher(self) -> DistillationConfig:
        if self.layers and not self.teacher:
            raise ValueError("layers are those of a teacher: name one in distillation.teacher, or leave layers empty")
        if self.layers and len(self.teacher) + self.ensemble > 1:
            raise ValueError(
                f"layers are those of one teacher, and there are {len(self.teacher) + self.ensemble}: name one in "
                "distillation.teacher and set ensemble: 0, or leave layers empty"
            )
        if len(set(self.teacher)) < len(self.teacher):
            raise ValueError("the same teacher is named twice")
        if self.layers != sorted(set(self.layers)):
            raise ValueError("layers come in ascending order, each once, such as [0, 2, 5]")
        return self


class DecisionConfig(_Strict):
    """`decision`: how scores become roles."""

    objective: str
    calibrate: bool
    max_error: Annotated[float, BeforeValidator(_number), Field(gt=0, lt=1)] | None
    folds: Annotated[int, Field(ge=0)]

    @field_validator("folds")
    @classmethod
    def _several(cls, value: int) -> int:
        if value == 1:
            raise ValueError("expected 0 for none, or 2 or more")
        return value

    @field_validator("objective")
    @classmethod
    def _known(cls, value: str) -> str:
        value = value.replace(" ", "")
        if not _OBJECTIVE.fullmatch(value):
            raise ValueError("expected f1, precision>=0.9 or recall>=0.9 (any number up to 1)")
        return value


class ExportConfig(_Strict):
    """`export`: the ONNX files made at the end of training, and the quality contract of int8."""

    fp32: bool
    int8: bool
    max_flips: Share
    max_f1_loss: Share


class OutputConfig(_Strict):
    """`output`: where the model goes."""

    folder: Name | None
    overwrite: bool
    keep_checkpoints: bool
    report: bool


class HubConfig(_Strict):
    """`hub`: whether the model goes to the Hugging Face Hub."""

    push_to: Name | None
    private: bool
    every_epoch: bool

    @model_validator(mode="after")
    def _to_somewhere(self) -> HubConfig:
        if self.every_epoch and self.push_to is None:
            raise ValueError("every_epoch needs a repository to push to: name it in hub.push_to")
        return self


class Config(_Strict):
    """A whole training config; `load_config` makes one from YAML."""

    labels: Name | dict[str, Any]
    data: DataConfig
    split: SplitConfig
    leakage: Literal["refuse", "report"]
    model: ModelConfig
    training: TrainingConfig
    trainer: Annotated[dict[str, Any], BeforeValidator(_numbers)]
    distillation: DistillationConfig
    decision: DecisionConfig
    export: ExportConfig
    output: OutputConfig
    hub: HubConfig
