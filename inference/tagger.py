"""The way through, in one screen: text -> sentences -> tokens -> logits -> probabilities -> roles."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import compress, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..labels.labelset import LabelSet
from .bundle import Bundle, load_bundle
from .cache import CAPACITY, ScoreCache, Scored
from .documents import Document
from .encoding import Encoded, Encoder, preceding
from .engines.chain import load_engine, outside
from .engines.engine import Engine
from .hub import HubAccess, fetch_model
from .options import RunOptions
from .outcome import Origin, Progress, RunSummary
from .plain import convert_tokenizer, warning_of_plain
from .probes import check_probes
from .push import Pushed, PushOptions, push_model
from .results import TaggedDocument, TaggedSentence
from .run import run
from .sentences import Sentence, split_sentences
from .stream import Event, Part, Window, cut_windows, work_ahead

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
        threads: int | None = None,
        max_error: float | None = None,
        labels: LabelSet | None = None,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        subfolder: str | None = None,
    ) -> Tagger:
        """Load a model from a local folder, the Hugging Face Hub or an address.

        Of the Hub only the files that the chosen engine needs are fetched. A model of ours scores its probe sentences
        before it is used. Any other classifier of sentences that transformers can load, from safetensors and without
        code of its own, works as well: its labels and activation are those of its ``config.json``, the threshold is
        0.5, and a warning says that nothing is calibrated.

        Args:
            name: a folder such as ``runs/seeds``, a Hub id such as ``my-team/conflict-roles``, or an address such as
                ``s3://bucket/models/roles``.
            device: ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda`` or ``mps``.
            backend: ``auto``, ``onnx`` (the exported model, on the CPU) or ``torch``.
            exact: fp32 only; otherwise the CPU runs the int8 export where its quality contract holds.
            threads: of the onnx engine; by default the cores this process may use.
            max_error: share of all sentences that may be decided automatically and wrongly, for each label; it chooses
                the review bands that set `TaggedSentence.review`. The largest error that the model has bands for and
                that is no larger is taken; by default the one that the model was trained with.
            labels: what the outputs of a model mean that does not say so itself, in their order.
            revision: branch, tag or commit of a Hub model.
            token: of the Hub; by default that of the environment variable HF_TOKEN or of ``hf auth login``.
            cache_dir: where downloads are kept; by default the cache of huggingface_hub, which HF_HOME names.
            local_files_only: only what is in the cache; the network is not used. HF_HUB_OFFLINE=1 does the same.
            subfolder: folder of the repository that holds the model.

        Raises:
            ConfigError: the device is not there, the model has no export for the onnx backend, it has no review bands
                for ``max_error``, or ``labels`` are missing or not those of the model.
            EventRolesError: the package of the backend is not installed.
            HubError: the Hub refuses, or cannot be reached.
            ModelError: the model folder is incomplete, damaged, no classifier of sentences, would run code, or does not
                give its probe sentences the scores that they had when it was made.
        """
        access = HubAccess(revision, token, cache_dir, local_files_only, subfolder)
        bundle = load_bundle(fetch_model(str(name), access), name=str(name), labels=labels)
        if max_error is not None:
            bundle = bundle.with_max_error(max_error)
        if bundle.plain:
            warnings.warn(warning_of_plain(bundle.name, bundle.label_set), RuntimeWarning, stacklevel=outside())
        encoder = _load_encoder(bundle)
        engine = load_engine(
            bundle,
            backend=backend,
            device=device,
            exact=exact,
            threads=threads,
            check=lambda started: check_probes(bundle, started, encoder),
        )
        return cls(bundle, engine, encoder)

    @property
    def labels(self) -> LabelSet:
        """The label set of the model."""
        return self.bundle.label_set

    @property
    def origin(self) -> Origin:
        """What rows and reports say of the model."""
        return Origin(
            label_names=tuple(self.labels.names),
            model=self.bundle.name,
            revision=self.bundle.revision,
            engine=f"{self.engine.backend} {self.engine.precision} on {self.engine.device}",
            precision=self.engine.precision,
            max_error=self.bundle.rule_for(self.engine.precision).max_error,
        )

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
        self, documents: Iterable[Document], *, cache: bool = True, skip_boilerplate: bool = False
    ) -> Generator[TaggedDocument, None, None]:
        """Tag a stream of documents, in order, a bounded number of sentences at a time.

        The model runs in a thread of its own, while the documents are read and handed out in the thread of the caller.
        That thread ends with the generator; one that is not read to its end is best closed.

        Args:
            documents: the documents.
            cache: score a sentence that was met before in this stream no second time. The scores are the same.
            skip_boilerplate: leave datelines, by-lines and the like out of scoring; see `Sentence.content`.
        """
        with closing(self.tag_stream(documents, cache=cache, skip_boilerplate=skip_boilerplate)) as tagged:
            for item in tagged:
                if isinstance(item, TaggedDocument):
                    yield item

    def tag_stream(
        self, items: Iterable[Document | Event], *, cache: bool = True, skip_boilerplate: bool = False
    ) -> Generator[TaggedDocument | Event, None, None]:
        """Tag a stream as `tag_documents` does, in which other things stand between the documents and go through.

        What is scored after an `EndOfPart` does not depend on what came before it.
        """
        scores = ScoreCache(self.engine, capacity=CAPACITY if cache else 0)

        def encode(sentences: Sequence[Sentence], start: int, end: int) -> list[Encoded]:
            return self._encode_between(sentences, start, end, skip_boilerplate=skip_boilerplate)

        def score(window: Window) -> tuple[Scored | None, list[bool]]:
            wanted = [not skip_boilerplate or bool(sentence.content) for sentence in window.sentences]
            return self._score_window(list(compress(window.encoded, wanted)), scores), wanted

        windows = cut_windows(items, encode, size=_WINDOW)
        tagged: list[TaggedSentence] = []
        repeated = 0
        with closing(work_ahead(score, windows)) as scored_windows:
            for window, (scored, wanted) in scored_windows:
                decided = self._decide_window(window, scored, wanted)
                again = iter(scored.repeated.tolist()) if scored else iter(())
                is_wanted = iter(wanted)
                for part in window.parts:
                    if not isinstance(part, Part):
                        yield part
                        continue
                    tagged += islice(decided, len(part.sentences))
                    repeated += sum(islice(again, sum(islice(is_wanted, len(part.sentences)))))
                    if part.is_last:
                        yield TaggedDocument(part.document, tuple(tagged), repeated)
                        tagged, repeated = [], 0

    def tag_folder(
        self,
        inputs: str | Path | Sequence[str | Path],
        output: str | Path,
        options: RunOptions | None = None,
        *,
        on_progress: Callable[[Progress, TaggedDocument | None], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> RunSummary:
        """Tag files and folders into one file of rows, one a sentence, or into a folder of parts that can be resumed.

        Args:
            inputs: a file, folder or address (``s3://``, ``https://``, …), or several; folders are searched to the
                bottom.
            output: a path or an address: ``.jsonl``, ``.csv`` or ``.parquet`` for one file, written atomically; a name
                without extension for a dataset folder, in which the same call goes on where an earlier one was
                interrupted.
            options: what to read and what to write; see `RunOptions`.
            on_progress: called with the counts so far after each document, and with the document.
            stop: asked at the end of every part of a dataset folder; if it says true the run ends there.

        Raises:
            ConfigError: an input does not exist, or the output is of another kind, another model or other options.
            DataError: nothing to tag, not one input could be read, or the output cannot be written.
        """
        return run(
            self.tag_stream,
            [inputs] if isinstance(inputs, str | Path) else list(inputs),
            output=output,
            origin=self.origin,
            options=options or RunOptions(),
            on_progress=on_progress,
            stop=stop,
        )

    def push_to_hub(
        self,
        repository: str,
        *,
        private: bool = False,
        revision: str | None = None,
        message: str | None = None,
        token: str | None = None,
        dry_run: bool = False,
    ) -> Pushed:
        """Send the model to the Hugging Face Hub in one commit; create the repository if it is not there.

        Args:
            repository: its id, ``my-team/conflict-roles``.
            private: create it private; one that is there stays as it is.
            revision: the branch to commit to, created from main if it is not there; main by default.
            message: of the commit.
            token: with the right to write; by default HF_TOKEN or that of ``hf auth login``.
            dry_run: only say what would go; the Hub is not asked.

        Raises:
            ConfigError: ``repository`` is no id.
            HubError: the Hub refuses, or cannot be reached.
            ModelError: the model is not one of ours, or its files were changed.
        """
        return push_model(self.bundle, repository, PushOptions(private, revision, message, token, dry_run))

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

    def _encode_between(
        self, sentences: Sequence[Sentence], start: int, end: int, *, skip_boilerplate: bool
    ) -> list[Encoded]:
        first = max(0, start - self.bundle.manifest.context)
        texts = [sentence.content if skip_boilerplate else sentence.text for sentence in sentences[first:end]]
        contexts = preceding(texts, self.bundle.manifest.context)
        return self.encoder.encode(texts[start - first :], contexts[start - first :])

    def _score_window(self, encoded: Sequence[Encoded], scores: ScoreCache) -> Scored | None:
        with self._turn:
            return scores.score(encoded) if encoded else None

    def _decide_window(self, window: Window, scored: Scored | None, wanted: Sequence[bool]) -> Iterator[TaggedSentence]:
        """Yield the sentences of a window tagged, those that were not scored with no role and no score."""
        sentences = window.sentences
        encoded = list(compress(window.encoded, wanted))
        tagged = iter(self._decide(list(compress(sentences, wanted)), encoded, scored) if scored else ())
        for sentence, is_wanted in zip(sentences, wanted, strict=True):
            if is_wanted:
                yield next(tagged)
            else:
                yield TaggedSentence(
                    sentence.index,
                    sentence.start,
                    sentence.end,
                    sentence.text,
                    (),
                    {},
                    boilerplate=sentence.boilerplate,
                )

    def _decide(
        self, sentences: Sequence[Sentence], encoded: Sequence[Encoded], scored: Scored
    ) -> list[TaggedSentence]:
        names, roles = self.labels.names, set(self.labels.roles)
        rule = self.bundle.rule_for(scored.precision)
        probabilities = rule.probabilities(scored.logits)
        given = rule.decide(probabilities) & np.array([name in roles for name in names])
        review = rule.needs_review(probabilities)
        return [
            TaggedSentence(
                index=sentence.index,
                start=sentence.start,
                end=sentence.end,
                text=sentence.text,
                roles=tuple(compress(names, decisions)),
                scores=dict(zip(names, values, strict=True)),
                truncated=tokens.truncated,
                boilerplate=sentence.boilerplate,
                review=unsure,
            )
            for sentence, tokens, decisions, values, unsure in zip(
                sentences, encoded, given.tolist(), probabilities.tolist(), review.tolist(), strict=True
            )
        ]


def _load_encoder(bundle: Bundle) -> Encoder:
    window = bundle.manifest.window
    if bundle.plain and not bundle.files.offers("tokenizer.json"):
        return Encoder.parse(convert_tokenizer(bundle.folder), window=window)
    return Encoder.load(bundle.folder, window=window)
