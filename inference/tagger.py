"""The way through, in one screen: text -> sentences -> tokens -> logits -> probabilities -> roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..labels.labelset import LabelSet
from .bundle import Bundle, load_bundle
from .documents import Document, TableColumns
from .encoding import Encoded, Encoder, preceding
from .engines.torch import TorchEngine, load_torch_engine
from .hub import fetch_model
from .results import TaggedDocument, TaggedSentence
from .run import RunSummary, run
from .sentences import Sentence, split_sentences

# Sentences collected before they are scored together: enough to sort by length well, little enough to stream.
_LOOK_AHEAD = 1024


class Tagger:
    """Tags sentences with the labels of a trained model.

    Make one with `Tagger.from_pretrained`; it can be used for any number of texts, from one thread at a time.

    Example:
        >>> tagger = Tagger.from_pretrained("runs/seeds")  # doctest: +SKIP
        >>> [(s.text, s.roles) for s in tagger.tag("Rebels shelled the port. Two dockers died.")]  # doctest: +SKIP
    """

    def __init__(self, bundle: Bundle, engine: TorchEngine, encoder: Encoder) -> None:
        self.bundle = bundle
        self.engine = engine
        self.encoder = encoder

    @classmethod
    def from_pretrained(cls, name: str | Path, *, device: str = "auto", revision: str | None = None) -> Tagger:
        """Load a model from a local folder or the Hugging Face Hub.

        Args:
            name: a folder such as ``runs/seeds``, or a Hub id such as ``my-team/conflict-roles``.
            device: ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda`` or ``mps``.
            revision: branch, tag or commit of a Hub model.

        Raises:
            ConfigError: the device is not there.
            HubError: the Hub refuses, or cannot be reached.
            ModelError: the model folder is incomplete, damaged or not one of ours.
        """
        fetched = fetch_model(str(name), revision=revision)
        bundle = load_bundle(fetched.folder, name=str(name), revision=fetched.revision)
        encoder = Encoder.load(bundle.folder, window=bundle.manifest.window)
        return cls(bundle, load_torch_engine(bundle.folder, device=device), encoder)

    @property
    def labels(self) -> LabelSet:
        """The label set of the model."""
        return self.bundle.label_set

    def tag(self, text: str) -> list[TaggedSentence]:
        """Split a text into sentences and tag each; offsets point into ``text``."""
        return self._tag_sequence(split_sentences(text), preceding_count=self.bundle.manifest.context)

    def tag_sentences(self, sentences: Sequence[str], in_sequence: bool = False) -> list[TaggedSentence]:
        """Tag ready-made sentences, one result each, in order; offsets are those within each sentence.

        Args:
            sentences: the sentences.
            in_sequence: they follow each other in one document, so that a model with context sees those before.
        """
        ready = [Sentence(index, 0, len(text), text) for index, text in enumerate(sentences)]
        return self._tag_sequence(ready, preceding_count=self.bundle.manifest.context if in_sequence else 0)

    def tag_documents(self, documents: Iterable[Document]) -> Iterator[TaggedDocument]:
        """Tag a stream of documents, in order, a bounded number of sentences at a time."""
        waiting: list[tuple[Document, list[Sentence], list[Encoded]]] = []
        for document in documents:
            sentences = split_sentences(document.text)
            texts = [sentence.text for sentence in sentences]
            encoded = self.encoder.encode(texts, preceding(texts, self.bundle.manifest.context))
            waiting.append((document, sentences, encoded))
            if sum(len(encoded) for _, _, encoded in waiting) >= _LOOK_AHEAD:
                yield from self._tag_waiting(waiting)
                waiting = []
        yield from self._tag_waiting(waiting)

    def tag_folder(
        self,
        inputs: str | Path | Sequence[str | Path],
        output: str | Path,
        *,
        glob: str | None = None,
        columns: TableColumns | None = None,
        on_document: Callable[[TaggedDocument], None] | None = None,
    ) -> RunSummary:
        """Tag files and folders into one JSONL, CSV or Parquet file of rows, one a sentence.

        Args:
            inputs: a file or folder, or several; folders are searched to the bottom.
            output: the file to write, atomically; its extension chooses the format.
            glob: take only files of folders whose name matches, such as ``*.txt``.
            columns: names of the text and id columns of tables.
            on_document: called after each document, to show progress.

        Raises:
            ConfigError: an input does not exist, or the output's extension is unknown.
            DataError: nothing to tag, or not one input could be read.
        """
        return run(
            self.tag_documents,
            [inputs] if isinstance(inputs, str | Path) else list(inputs),
            output=Path(output),
            label_names=self.labels.names,
            model=self.bundle.name,
            revision=self.bundle.revision,
            glob=glob,
            columns=columns or TableColumns(),
            on_document=on_document,
        )

    def logits(self, sentences: Sequence[str], contexts: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        """Return the model's raw outputs, ``[n_sentences, n_labels] float32``, before temperature and threshold."""
        return self.engine.logits(self.encoder.encode(sentences, contexts))

    def _tag_waiting(
        self, waiting: Sequence[tuple[Document, list[Sentence], list[Encoded]]]
    ) -> Iterator[TaggedDocument]:
        tagged = iter(
            self._decide(
                [sentence for _, sentences, _ in waiting for sentence in sentences],
                [tokens for _, _, encoded in waiting for tokens in encoded],
            )
        )
        for document, sentences, _ in waiting:
            yield TaggedDocument(document, tuple(next(tagged) for _ in sentences))

    def _tag_sequence(self, sentences: Sequence[Sentence], *, preceding_count: int) -> list[TaggedSentence]:
        texts = [sentence.text for sentence in sentences]
        return self._decide(sentences, self.encoder.encode(texts, preceding(texts, preceding_count)))

    def _decide(self, sentences: Sequence[Sentence], encoded: Sequence[Encoded]) -> list[TaggedSentence]:
        if not sentences:
            return []
        names, roles = self.labels.names, set(self.labels.roles)
        rule = self.bundle.rule
        probabilities = rule.probabilities(self.engine.logits(encoded))
        given = rule.decide(probabilities)
        return [
            TaggedSentence(
                index=sentence.index,
                start=sentence.start,
                end=sentence.end,
                text=sentence.text,
                roles=tuple(name for name, yes in zip(names, given[row], strict=True) if yes and name in roles),
                scores=dict(zip(names, probabilities[row].tolist(), strict=True)),
                truncated=encoded[row].truncated,
            )
            for row, sentence in enumerate(sentences)
        ]
