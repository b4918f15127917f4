"""What `eventroles.json` of a model folder holds: the manifest and its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..labels.errors import ModelError
from .decision import Band, DecisionRule, ReviewBands
from .errorrates import LabelErrors

MANIFEST = "eventroles.json"
CARD = "README.md"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ReviewManifest(_Part):
    """The review bands for one target error; one band a label, null where no sentence needs review."""

    max_error: Annotated[float, Field(gt=0, lt=1)]
    bands: list[Band | None]


class DecisionManifest(_Part):
    """The decision rule as the manifest keeps it; older manifests have no biases and no review bands."""

    objective: str
    temperatures: list[Annotated[float, Field(gt=0)]]
    biases: list[float] = []
    thresholds: list[float]
    max_error: float | None = None
    review: list[ReviewManifest] = []

    @classmethod
    def of(cls, rule: DecisionRule) -> DecisionManifest:
        """Return a rule as the manifest keeps it."""
        return cls(
            objective=rule.objective,
            temperatures=list(rule.temperatures),
            biases=list(rule.biases),
            thresholds=list(rule.thresholds),
            max_error=rule.max_error,
            review=[ReviewManifest(max_error=found.max_error, bands=list(found.bands)) for found in rule.review],
        )

    def rule(self, *, exclusive: bool) -> DecisionRule:
        """Return the rule; ``exclusive``: that of labels of which a sentence has exactly one."""
        return DecisionRule(
            temperatures=tuple(self.temperatures),
            biases=tuple(self.biases),
            thresholds=tuple(self.thresholds),
            exclusive=exclusive,
            objective=self.objective,
            max_error=self.max_error,
            review=tuple(ReviewBands(found.max_error, tuple(found.bands)) for found in self.review),
        )


class Probe(_Part):
    """A sentence with the score of each label, by its name, that the model gave it when it was made."""

    text: str
    scores: dict[str, float]


class Comparison(_Part):
    """What an export changes, measured on the validation split: the quality contract.

    Attributes:
        sentences: how many were compared.
        decisions: sentences times labels.
        largest_change: of a calibrated probability.
        mean_change: of the calibrated probabilities, sign aside.
        flips: decisions that differ, by label.
        macro_f1: of the export, with its own decision rule.
        macro_f1_change: the export's macro F1 minus that of the original.
    """

    sentences: int
    decisions: int
    largest_change: float
    mean_change: float
    flips: dict[str, int]
    macro_f1: float
    macro_f1_change: float

    @property
    def flip_share(self) -> float:
        """Share of all decisions that differ."""
        return sum(self.flips.values()) / self.decisions


class Export(_Part):
    """One exported file, or why it was not kept.

    Attributes:
        file: its path in the folder, ``onnx/model_int8.onnx``; None if it was not kept.
        decision: the decision rule fitted on its own logits; None if it was not kept.
        comparison: what it changes; None where no validation sentences were at hand.
        kept_fp32: matrix products that stayed in fp32 because of what quantising them changed, by name.
        reason: why it was not kept; empty if it was.
        errors: how often its own decisions are wrong on the test split, by label; empty if it decides as fp32 does.
        probes: sentences with its own scores; empty if they are those of fp32.
    """

    file: str | None
    decision: DecisionManifest | None
    comparison: Comparison | None
    kept_fp32: list[str]
    reason: str
    errors: dict[str, LabelErrors] = {}
    probes: list[Probe] = []


class Manifest(_Part):
    """What `eventroles.json` holds.

    Attributes:
        format: version of this layout.
        label_set: the label set, as `LabelSet.to_dict` gives it.
        decision: the fitted decision rule.
        context: sentences before the tagged one that the model sees.
        window: tokens that the model reads, special tokens included.
        base_model: name, revision and weight hash of the encoder that was fine-tuned.
        data: what it was trained on: files, SHA-256 of the records, counts of each split.
        config_sha256: hash of the resolved config beside it (``training_config.yaml``).
        metrics: measured on the test split: the model's and the baseline's.
        errors: how often its decisions are wrong on the test split, by label, for `eventroles count`.
        probes: sentences with their scores, for the self-check at loading; manifests from before it have none.
        exports: ONNX files by precision, ``fp32`` and ``int8``.
        versions: of eventroles, Python and the packages that made it.
        files: SHA-256 of every other file of the folder, by name.
    """

    format: Literal[1]
    label_set: dict[str, Any]
    decision: DecisionManifest
    context: Annotated[int, Field(ge=0, le=3)]
    window: Annotated[int, Field(ge=8, le=8192)]
    base_model: dict[str, str | None]
    data: dict[str, Any]
    config_sha256: str
    metrics: dict[str, Any]
    errors: dict[str, LabelErrors] = {}
    probes: list[Probe] = []
    exports: dict[Literal["fp32", "int8"], Export] = {}
    versions: dict[str, str]
    files: dict[str, str]


def parse_manifest(content: bytes, path: Path) -> Manifest:
    """Return the manifest in the bytes of a file; ``path`` names it in messages.

    Raises:
        ModelError: it is damaged, or from another version.
    """
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        place = f"{path}: {key}" if key else str(path)
        raise ModelError(f"{place}: {first['msg']}; the file is damaged or from another version") from error
