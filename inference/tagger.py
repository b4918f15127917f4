"""The way through, in one screen: text -> sentences -> tokens -> logits -> probabilities -> roles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from itertools import compress, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..labels.labelset import LabelSet
from .bundle import Bundle, load_bundle
from .cache import CAPACITY, ScoreCache, Scored
from .documents import Document, TableColumns
from .encoding import Encoded, Encoder, preceding
from .engines.chain import load_engine
from .engines.engine import Engine
from .hub import fetch_model
from .results import TaggedDocument, TaggedSentence
from .run import RunSummary, run
from .sentences import Sentence, split_sentences
from .stream import Window, cut_windows, work_ahead

# Sentences scored together: enough to fill batches of every length, little enough to stream.
_WINDOW = 2048


class Tagger:
    """Tags sentences with the labels of a trained model.

    Make one with `Tagger.from_pretrained`; it can be used for any number of texts. Calls from several threads take
    turns.

    Example:
        >>> tagger = Tagger.from_pretrained("runs/seeds")  # doctest: +SKIP
        >>> [(s.text, s.roles) for s in tagger.tag("Rebels shelled the port. Two dockers died.")]  # doctest: +SKIP
    """

    def __init__(self, bundle: Bundle, engine: Engine, encoder: Encoder) -> None:
        self.bundle = bundle
        self.engine = engine
        self.encoder = encoder
        self._turn = threading.Lock()  # an engine that fails is replaced in mid call, which no other call may see

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        device: str = "auto",
        backend: str = "auto",
        exact: bool = False,
        revision: str | None = None,
    ) -> Tagger:
        """Load a model from a local folder or the Hugging Face Hub.

        Args:
            name: a folder such as ``runs/seeds``, or a Hub id such as ``my-team/conflict-roles``.
            device: ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda`` or ``mps``.
            backend: ``auto``, ``onnx`` (the exported model, on the CPU) or ``torch``.
            exact: fp32 only; otherwise the CPU runs the int8 export where its quality contract holds.
            revision: branch, tag or commit of a Hub model.

        Raises:
            ConfigError: the device is not there, or the model has no export for the onnx backend.
            EventRolesError: the package of the backend is not installed.
            HubError: the Hub refuses, or cannot be reached.
            ModelError: the model folder is incomplete, damaged or not one of ours.
        """
        fetched = fetch_model(str(name), revision=revision)
        bundle = load_bundle(fetched.folder, name=str(name), revision=fetched.revision)
        encoder = Encoder.load(bundle.folder, window=bundle.manifest.window)
        return cls(bundle, load_engine(bundle, backend=backend, device=device, exact=exact), encoder)

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

    def tag_documents(
        self, documents: Iterable[Document], *, cache: bool = True
    ) -> Generator[TaggedDocument, None, None]:
        """Tag a stream of documents, in order, a bounded number of sentences at a time.

        The model runs in a thread of its own, while the documents are read and handed out in the thread of the caller.
        That thread ends with the generator; one that is not read to its end is best closed.

        Args:
            documents: the documents.
            cache: score a sentence that was met before in this stream no second time. The scores are the same.
        """
        scores = ScoreCache(self.engine, capacity=CAPACITY if cache else 0)
        windows = cut_windows(documents, self._encode_between, size=_WINDOW)
        tagged: list[TaggedSentence] = []
        repeated = 0
        with closing(work_ahead(lambda window: self._score_window(window, scores), windows)) as scored_windows:
            for window, scored in scored_windows:
                new = iter(self._decide(window.sentences, window.encoded, scored)) if scored else iter(())
                again = iter(scored.repeated.tolist()) if scored else iter(())
                for part in window.parts:
                    tagged += islice(new, len(part.sentences))
                    repeated += sum(islice(again, len(part.sentences)))
                    if part.is_last:
                        yield TaggedDocument(part.document, tuple(tagged), repeated)
                        tagged, repeated = [], 0

    def tag_folder(
        self,
        inputs: str | Path | Sequence[str | Path],
        output: str | Path,
        *,
        glob: str | None = None,
        columns: TableColumns | None = None,
        cache: bool = True,
        on_document: Callable[[TaggedDocument], None] | None = None,
    ) -> RunSummary:
        """Tag files and folders into one JSONL, CSV or Parquet file of rows, one a sentence.

        Args:
            inputs: a file or folder, or several; folders are searched to the bottom.
            output: the file to write, atomically; its extension chooses the format.
            glob: take only files of folders whose name matches, such as ``*.txt``.
            columns: names of the text and id columns of tables.
            cache: score a sentence that was met before no second time. The scores are the same.
            on_document: called after each document, to show progress.

        Raises:
            ConfigError: an input does not exist, or the output's extension is unknown.
            DataError: nothing to tag, or not one input could be read.
        """
        return run(
            lambda documents: self.tag_documents(documents, cache=cache),
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
        encoded = self.encoder.encode(sentences, contexts)
        with self._turn:
            return self.engine.logits(encoded)

    def _tag_sequence(self, sentences: Sequence[Sentence], *, preceding_count: int) -> list[TaggedSentence]:
        if not sentences:
            return []
        texts = [sentence.text for sentence in sentences]
        encoded = self.encoder.encode(texts, preceding(texts, preceding_count))
        with self._turn:
            scored = ScoreCache(self.engine, capacity=0).score(encoded)
        return self._decide(sentences, encoded, scored)

    def _encode_between(self, sentences: Sequence[Sentence], start: int, end: int) -> list[Encoded]:
        first = max(0, start - self.bundle.manifest.context)
        texts = [sentence.text for sentence in sentences[first:end]]
        contexts = preceding(texts, self.bundle.manifest.context)
        return self.encoder.encode(texts[start - first :], contexts[start - first :])

    def _score_window(self, window: Window, scores: ScoreCache) -> Scored | None:
        with self._turn:
            return scores.score(window.encoded) if window.encoded else None

    def _decide(
        self, sentences: Sequence[Sentence], encoded: Sequence[Encoded], scored: Scored
    ) -> list[TaggedSentence]:
        names, roles = self.labels.names, set(self.labels.roles)
        rule = self.bundle.rule_for(scored.precision)
        probabilities = rule.probabilities(scored.logits)
        given = rule.decide(probabilities) & np.array([name in roles for name in names])
        return [
            TaggedSentence(
                index=sentence.index,
                start=sentence.start,
                end=sentence.end,
                text=sentence.text,
                roles=tuple(compress(names, decisions)),
                scores=dict(zip(names, values, strict=True)),
                truncated=tokens.truncated,
            )
            for sentence, tokens, decisions, values in zip(
                sentences, encoded, given.tolist(), probabilities.tolist(), strict=True
            )
        ]
