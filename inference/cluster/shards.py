"""The inputs of a dataset folder cut into shards, each of which one worker makes into one part."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..dataset.folder import Dataset
from ..dataset.ledger import Counts, Part, SourceEntry
from ..documents import Failure

_MOST_INPUTS = 1000  # of a shard; their entries travel with it


@dataclass(frozen=True)
class Shard:
    """What one worker does at a time; it and its answer travel as JSON.

    Attributes:
        number: of the part to write.
        size: bytes of its inputs.
        inputs: what the ledger knows of each, and how many of its first items earlier parts hold.
    """

    number: int
    size: int
    inputs: tuple[tuple[SourceEntry, int], ...]

    def as_json(self) -> str:
        """Return the shard as JSON."""
        inputs = [[asdict(entry), skip] for entry, skip in self.inputs]
        return json.dumps({"number": self.number, "size": self.size, "inputs": inputs})

    @classmethod
    def from_json(cls, text: str) -> Shard:
        """Return the shard that was written as JSON."""
        found = json.loads(text)
        inputs = tuple((SourceEntry(**entry), skip) for entry, skip in found["inputs"])
        return cls(found["number"], found["size"], inputs)


@dataclass(frozen=True)
class ShardDone:
    """What a worker made of a shard.

    Attributes:
        part: the part, whose files are in place.
        read: bytes of its inputs.
        truncated: sentences whose end the model did not read.
        repeated: sentences that were not scored again.
    """

    part: Part
    read: int
    truncated: int
    repeated: int

    def as_json(self) -> str:
        """Return it as JSON."""
        part = self.part
        written = {
            "number": part.number,
            "rows": part.counts.rows,
            "without_role": part.counts.without_role,
            "roles": part.counts.roles,
            "sources": [asdict(entry) for entry in part.sources.values()],
            "documents": part.documents,
            "failures": [asdict(failure) for failure in part.failures],
        }
        others = {"read": self.read, "truncated": self.truncated, "repeated": self.repeated}
        return json.dumps({"part": written, **others})

    @classmethod
    def from_json(cls, text: str) -> ShardDone:
        """Return what was written as JSON."""
        found = json.loads(text)
        return cls(_part(found["part"]), found["read"], found["truncated"], found["repeated"])


def cut_shards(dataset: Dataset, *, size: int) -> Iterator[Shard]:
    """Yield the inputs that are not done in shards of about ``size`` bytes, with the numbers of new parts.

    A file that is larger is a shard by itself.
    """
    number, held = dataset.next_part, 0
    inputs: list[tuple[SourceEntry, int]] = []
    for planned, skip in dataset.ledger.planned():
        if inputs and (held + planned.size > size or len(inputs) == _MOST_INPUTS):
            yield Shard(number, held, tuple(inputs))
            number, held, inputs = number + 1, 0, []
        inputs.append((dataset.ledger.found(planned.id), skip))
        held += planned.size
    if inputs:
        yield Shard(number, held, tuple(inputs))


def _part(found: dict[str, Any]) -> Part:
    return Part(
        found["number"],
        Counts(found["rows"], found["without_role"], Counter(found["roles"])),
        {entry["id"]: SourceEntry(**entry) for entry in found["sources"]},
        Counter(found["documents"]),
        [Failure(**failure) for failure in found["failures"]],
    )
