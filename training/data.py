"""From the data a config names to split records and tokenised `datasets`."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..configs.files import data_files
from ..configs.load import load_config
from ..configs.schema import Config, DataConfig
from ..inference.bundle import Bundle
from ..inference.encoding import Encoded, Encoder, preceding
from ..labels.check import check_conflicts, conflicts
from ..labels.errors import ConfigError, DataError, EventRolesError, require
from ..labels.labelset import LabelSet
from ..labels.records import Columns, Record, parse_rows, read_records
from .splits import Splits, split_records

if TYPE_CHECKING:
    import datasets

MASKED = -100
"""Target of a decision that is left out of loss and metrics; the value PyTorch's losses ignore by convention."""
TRAINING_CONFIG = "training_config.yaml"
"""File of a model folder with the resolved config of its training run."""


@dataclass(frozen=True)
class TrainingData:
    """The config of a training run and its sentences."""

    config: Config
    splits: Splits


def load_splits(config: Config, labels: LabelSet) -> Splits:
    """Read all labelled sentences of a config and cut them into train, validation and test.

    Splits that the config names files for are those files; the others are taken from train, by group. What the splits
    share is not looked for here: see `find_leaks`.

    Raises:
        ConfigError: entries that name no data, or a split that would be empty.
        DataError: what is wrong in the data, with ``file:line``.
    """
    named = load_named(config, labels)
    cut = split_records(
        named.train,
        validation=0.0 if named.validation else config.split.validation,
        test=0.0 if named.test else config.split.test,
        group=config.split.group,
        seed=config.split.seed,
        date=config.data.columns.date if config.split.by == "date" else None,
        beside=(*named.validation, *named.test),
    )
    splits = Splits(cut.train, named.validation or cut.validation, named.test or cut.test)
    for name, part in (("validation", splits.validation), ("test", splits.test)):
        if not part:
            raise ConfigError(f"no {name} sentences: name files in data.{name}, or give split.{name} a share above 0")
    return splits


def load_named(config: Config, labels: LabelSet) -> Splits:
    """Read the files that a config names for each split, uncut; a split that it names none for is empty.

    A file that is named for validation or test is not trained on, though ``data.train`` may name its folder.

    Raises:
        ConfigError: entries that name no data.
        DataError: what is wrong in the data, with ``file:line``.
    """
    data = config.data
    kept = () if data.hub_dataset else (*data.validation, *data.test)
    train = _settle_conflicts(_load(data, labels, data.train, "data.train", without=kept), data.conflicts)
    validation = _load(data, labels, data.validation, "data.validation")
    return Splits(tuple(train), tuple(validation), tuple(_load(data, labels, data.test, "data.test")))


def training_data(bundle: Bundle) -> TrainingData:
    """Return the config that a model was trained with, and its labelled sentences, if they are here and unchanged.

    Raises:
        ConfigError: they are not.
    """
    path = bundle.folder / TRAINING_CONFIG
    if not path.is_file():
        raise ConfigError(f"the model folder has no {TRAINING_CONFIG}")
    try:
        config = load_config(path)
        splits = load_splits(config, bundle.label_set)
    except EventRolesError as error:
        raise ConfigError(f"its training data is not here ({str(error).splitlines()[0]})") from error
    if records_sha256(splits.train) != bundle.manifest.data.get("train_sha256"):
        raise ConfigError("its training data has changed since")
    return TrainingData(config, splits)


def contexts(records: Sequence[Record], count: int) -> list[str]:
    """Return for each record the ``count`` sentences before it in its document, joined; empty at the start of one.

    Sentences come in the order of their index; rows of the same index keep the order they were read in.
    """
    if count == 0:
        return [""] * len(records)
    documents: dict[str, list[int]] = defaultdict(list)
    for position, record in enumerate(records):
        documents[record.document].append(position)
    found = [""] * len(records)
    for positions in documents.values():
        positions.sort(key=lambda position: records[position].index)
        before = preceding([records[position].text for position in positions], count)
        for position, context in zip(positions, before, strict=True):
            found[position] = context
    return found


def targets(records: Sequence[Record], labels: LabelSet) -> npt.NDArray[np.float32]:
    """Return what each record should get: ``[n_records, n_labels] float32`` of 0, 1 and `MASKED` where unsure.

    A row of an exclusive set has a single 1, or is masked as a whole: with one label in doubt all are.
    """
    matrix = np.zeros((len(records), len(labels)), dtype=np.float32)
    for row, record in enumerate(records):
        given = record.roles or ((labels.negative,) if labels.negative else ())
        for column, name in enumerate(labels.names):
            if name in record.unsure or (labels.exclusive and record.unsure):
                matrix[row, column] = MASKED
            elif name in given:
                matrix[row, column] = 1.0
    return matrix


def tokenise(records: Sequence[Record], labels: LabelSet, encoder: Encoder, *, context: int) -> datasets.Dataset:
    """Return records as a `datasets.Dataset` that the Trainer takes.

    Columns: ``input_ids``, ``token_type_ids``, ``length`` (tokens), ``truncated`` and ``labels``: one float per label,
    or the index of the label for an exclusive set; `MASKED` where unsure.
    """
    encoded = encoder.encode([record.text for record in records], contexts(records, context))
    return as_dataset(encoded, targets(records, labels), labels)


def as_dataset(encoded: Sequence[Encoded], matrix: npt.NDArray[np.float32], labels: LabelSet) -> datasets.Dataset:
    """Return sentences with the columns that `tokenise` says.

    Args:
        encoded: their tokens.
        matrix: what they should get, ``[n, n_labels]``: from 0 to 1, or `MASKED`; an exclusive set takes the largest.
        labels: the label set.
    """
    if labels.exclusive:
        wanted: list[Any] = np.where(matrix[:, 0] == MASKED, MASKED, matrix.argmax(axis=1)).tolist()
    else:
        wanted = matrix.tolist()
    dataset: datasets.Dataset = require("datasets", extra="train").Dataset.from_dict(
        {
            "input_ids": [sentence.ids for sentence in encoded],
            "token_type_ids": [sentence.type_ids for sentence in encoded],
            "length": [len(sentence.ids) for sentence in encoded],
            "truncated": [sentence.truncated for sentence in encoded],
            "labels": wanted,
        }
    )
    return dataset


def records_sha256(records: Sequence[Record]) -> str:
    """Return a hex SHA-256 over documents, texts and labels in order: the same for the same data, wherever it lies."""
    digest = hashlib.sha256()
    for record in records:
        row = [record.document, record.index, record.text, record.roles, record.unsure]
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()


def _load(
    data: DataConfig, labels: LabelSet, entries: Sequence[str], key: str, *, without: Sequence[str] = ()
) -> list[Record]:
    columns = Columns(**data.columns.model_dump())
    if data.hub_dataset is not None:
        return [
            record
            for split in entries
            for record in parse_rows(
                _hub_rows(data, split), labels, columns=columns, source=f"{data.hub_dataset}:{split}"
            )
        ]
    records: list[Record] = []
    problems: list[str] = []
    left_out = {path.resolve() for path in data_files(without, key=key)}
    for path in data_files(entries, key=key):
        if path.resolve() in left_out:
            continue
        try:
            records += read_records(path, labels, columns=columns)
        except DataError as error:  # the problems of all files at once
            problems.append(str(error))
    if problems:
        raise DataError("\n".join(problems))
    return records


def _hub_rows(data: DataConfig, split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    datasets = require("datasets", extra="train")
    bars = datasets.utils.logging.is_progress_bar_enabled()
    datasets.utils.logging.disable_progress_bar()
    try:
        loaded = datasets.load_dataset(data.hub_dataset, data.hub_config, split=split, revision=data.hub_revision)
    except Exception as error:  # the library raises a dozen kinds, some of its HTTP client's
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"data.hub_dataset: cannot load {data.hub_dataset!r}, split {split!r}: {reason}") from error
    finally:
        if bars:
            datasets.utils.logging.enable_progress_bar()
    names = _class_names(loaded.features.get(data.columns.roles))
    for number, row in enumerate(loaded, start=1):
        if names is not None and row[data.columns.roles] is not None:
            value = row[data.columns.roles]
            row[data.columns.roles] = [names[index] for index in (value if isinstance(value, list) else [value])]
        yield f"{data.hub_dataset}:{split}:row {number}", row


def _class_names(feature: Any) -> list[str] | None:
    """Return the label names behind the integers of a `ClassLabel` column, or a list of them."""
    feature = getattr(feature, "feature", feature)
    return getattr(feature, "names", None)


def _settle_conflicts(records: list[Record], choice: str) -> list[Record]:
    if choice == "error":
        check_conflicts(records)
    elif choice == "drop":
        texts = {later.text.strip() for _, later in conflicts(records)}
        return [record for record in records if record.text.strip() not in texts]
    return records
