"""How often each label's decisions are wrong, as measured on a test set: what counts are corrected with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..labels.errors import DataError

_Count = Annotated[int, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Size = Annotated[float, Field(ge=0)]


class ScoreMoments(BaseModel):
    """The calibrated probabilities of a label on the test sentences that have it, or that have it not.

    Attributes:
        mean: their mean.
        variance: of one of them.
        effective: how many sentences drawn one by one would give so sure a mean: fewer than there are, where those of
            one document are alike.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    mean: _Share
    variance: _Size
    effective: _Size


class LabelErrors(BaseModel):
    """Decisions and probabilities of one label on a test set.

    Attributes:
        tp: sentences that have the label and were given it.
        fp: sentences that were given it and have it not.
        fn: sentences that have it and were not given it.
        tn: all others.
        positive_effective: how many sentences with the label, drawn one by one, would give so sure a share of hits.
        negative_effective: the same for the sentences without it and the share of false alarms.
        positive: the probabilities of sentences that have it; None if there is none.
        negative: those of the sentences that have it not; None if there is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    tp: _Count
    fp: _Count
    fn: _Count
    tn: _Count
    positive_effective: _Size
    negative_effective: _Size
    positive: ScoreMoments | None
    negative: ScoreMoments | None

    @property
    def positives(self) -> int:
        """Test sentences that have the label."""
        return self.tp + self.fn

    @property
    def negatives(self) -> int:
        """Test sentences that have it not."""
        return self.fp + self.tn


_BY_LABEL = TypeAdapter(dict[str, LabelErrors])


def read_errors(path: Path) -> dict[str, LabelErrors]:
    """Return the error rates of a JSON file: its object ``errors``, as `eventroles evaluate` writes it.

    Raises:
        DataError: the file cannot be read, or holds no such object.
    """
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(found, Mapping) or not isinstance(found.get("errors"), Mapping):
        raise DataError(f"{path}: no object 'errors' in it; expected a file that `eventroles evaluate` has written")
    try:
        return _BY_LABEL.validate_python(found["errors"])
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: errors.{key}: {first['msg']}; write the file anew with `eventroles evaluate`"
        ) from error
