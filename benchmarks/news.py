"""News-like sentences to measure on: the seed corpus, sampled so that the lengths are those of real news."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from eventroles import LabelSet
from eventroles.inference.encoding import Encoder
from eventroles.labels import read_records

# Tokens of a sentence of real news on average, special tokens included; the seed corpus has 25.
MEAN_TOKENS = 27.0
# Most of the corpus that a sample takes. One that takes more reaches the mean only by leaving out all short sentences.
_LARGEST_SHARE = 0.6
_PARAGRAPH = 2  # sentences


@dataclass(frozen=True)
class Sample:
    """Sentences to measure on, all different, in random order.

    Attributes:
        texts: the sentences.
        lengths: tokens of each, special tokens included.
    """

    texts: tuple[str, ...]
    lengths: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Tokens of a sentence on average."""
        return statistics.mean(self.lengths)

    @property
    def deciles(self) -> list[int]:
        """The nine deciles of the lengths, in tokens."""
        return [round(value) for value in statistics.quantiles(self.lengths, n=10)]


def sample_news(encoder: Encoder, count: int, *, seed: int = 0) -> Sample:
    """Return ``count`` different sentences of about `MEAN_TOKENS` on average.

    Beyond what the corpus has, sentences come again with a number in place of a word.
    """
    corpus = _corpus_sentences()
    lengths = token_lengths(encoder, corpus)
    drawn = min(count, int(_LARGEST_SHARE * len(corpus)))
    chosen = choose(lengths, drawn, mean=MEAN_TOKENS, seed=seed)
    texts = multiply([corpus[index] for index in chosen], count)
    return Sample(tuple(texts), tuple(token_lengths(encoder, texts)))


def choose(lengths: Sequence[int], count: int, *, mean: float, seed: int) -> list[int]:
    """Draw ``count`` indices without replacement, in random order, so that their lengths have this mean.

    A sentence is drawn with a weight that grows or falls exponentially with its length, as steeply as the mean asks:
    of all ways to weight lengths for a mean this one changes their distribution least. Where the mean is out of
    reach, the draw comes as close as it can.
    """
    rng = np.random.default_rng(seed)
    values = np.asarray(lengths, dtype=np.float64)
    noise, order = rng.gumbel(size=len(values)), rng.permutation(count)
    low, high = -2.0, 2.0
    chosen = np.arange(count)
    for _ in range(40):  # halvings of the interval in which the steepness lies
        steepness = (low + high) / 2
        # The largest of weight plus Gumbel noise are a draw without replacement by weight.
        chosen = np.argsort(-(steepness * values + noise), kind="stable")[:count]
        if values[chosen].mean() < mean:
            low = steepness
        else:
            high = steepness
    return [int(index) for index in chosen[order]]


def multiply(sentences: Sequence[str], count: int) -> list[str]:
    """Return ``count`` different sentences: those given, then the same with a running number for their middle word."""
    texts = list(sentences[:count])
    for number in range(len(texts), count):
        words = sentences[number % len(sentences)].split()
        words[len(words) // 2] = str(number)
        texts.append(" ".join(words))
    return texts


def token_lengths(encoder: Encoder, sentences: Sequence[str]) -> list[int]:
    """Return the tokens of each sentence, special tokens included."""
    return [len(encoded.ids) for encoded in encoder.encode(sentences)]


def write_articles(folder: Path, sentences: Sequence[str], *, per_file: int = 10) -> list[str]:
    """Write sentences to text files of ``per_file`` each, in paragraphs of two, and return the texts of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    articles = []
    for start in range(0, len(sentences), per_file):
        article = sentences[start : start + per_file]
        paragraphs = [" ".join(article[at : at + _PARAGRAPH]) for at in range(0, len(article), _PARAGRAPH)]
        articles.append("\n\n".join(paragraphs) + "\n")
        (folder / f"{start // per_file:06}.txt").write_text(articles[-1], encoding="utf-8")
    return articles


def _corpus_sentences() -> list[str]:
    folder = Path(str(resources.files("eventroles.seeds.corpus")))
    labels = LabelSet.load("roles")
    texts = (record.text for path in sorted(folder.glob("*.jsonl")) for record in read_records(path, labels))
    return list(dict.fromkeys(texts))
