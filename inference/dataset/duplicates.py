"""Texts that are nearly the same: the stories that several papers print, the sentences that several stories share.

Method: a text is the set of its shingles, runs of a few words. MinHash (Broder 1997, "On the resemblance and
containment of documents") sketches the set in a few hundred bytes, from which the Jaccard similarity of two sets is
estimated. Sketches are cut into bands, and texts that share a band are compared (Indyk & Motwani 1998, "Approximate
nearest neighbors"), so that a text is compared with the few that may be like it, not with all.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from typing import Any

from ...labels.errors import require

SEED = 1997  # of the sketches; another one gives other borderline cases
ROWS = 4  # values of a band: with fewer, unrelated texts are compared; with more, more bands are needed
_LEAST_RECALL = 0.95  # chance that two texts just similar enough share a band
_MOST_COMPARED = 1000  # leaders that one text is compared with: templates that differ in a place name have more
_LONGEST = 1 << 20  # characters of a text that are cut into words, which takes fifty times their memory

_QUOTES = '"`´‘’‚‛“”„‟‹›«»′″ʼ'
_DASHES = "‐‑‒–—―−﹘"
_UNSEEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # soft hyphens, joiners, byte order marks
_UNIFIED = {**dict.fromkeys(_QUOTES, "'"), **dict.fromkeys(_DASHES, "-"), **dict.fromkeys(_UNSEEN, "")}

# A number with its points, or a word with its points and apostrophes; "5.30pm" is "5.30" and "pm".
_WORD = re.compile(r"[^\W\d]+(?:[.'][^\W\d]+)*|\d+(?:[.,:]\d+)*")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")

_NEGATIONS = "no not never none nobody nothing nowhere neither nor without cannot"
_NUMBERS = (
    "half dozen dozens hundred hundreds thousand thousands million millions billion billions zero one two three four "
    "five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty "
    "thirty forty fifty sixty seventy eighty ninety"
)
_TELLING = frozenset(f"{_NEGATIONS} {_NUMBERS}".split())


class Clusters:
    """Groups texts that are nearly the same, in the order in which they come: the first of a group gives it its id.

    A text joins the group of the earliest leader that is similar enough, and leads a group of its own if there is
    none. It is compared with leaders only, so a group cannot drift; the order of the texts decides who leads. The same
    texts in the same order give the same ids on any machine, with the same version of rensa. Texts of fewer words
    than a shingle has are grouped when they are equal but for case, quotation marks, dashes and white space. Of a text
    of more than a million characters the first million count; with ``same_numbers`` it only joins an equal one.

    Leaders alone are kept, without their texts: see `stories` and `sentences` for what one takes.

    Args:
        threshold: Jaccard similarity from which on texts are nearly the same, above 0 and at most 1; estimated, with a
            standard error of at most ``0.5 / sqrt(num_perm)``.
        shingle: words of a shingle.
        num_perm: values of a sketch, 4 bytes each.
        same_numbers: whether the texts of a group must have the same numbers, in digits and in words, and the same
            negations, in the same order.

    Raises:
        EventRolesError: rensa is not installed.
    """

    def __init__(
        self, *, threshold: float = 0.6, shingle: int = 5, num_perm: int = 96, same_numbers: bool = False
    ) -> None:
        rensa = require("rensa", extra="deduplicate")
        self.threshold, self.shingle, self.num_perm, self.same_numbers = threshold, shingle, num_perm, same_numbers
        self._new_sketch = rensa.RMinHash
        self._bands = count_bands(threshold, recall=_LEAST_RECALL)
        # Bands of a sketch of their own: a band takes 100 bytes, and all of a sketch that estimates well are many.
        self._index = rensa.RMinHashLSH(threshold, ROWS * self._bands, self._bands)
        self._digests: set[bytes] = set()  # of all leaders
        self._leaders: list[bytes] = []  # digests of those with a sketch, in their order
        self._sketches: list[Any] = []

    def __len__(self) -> int:
        """Return how many groups there are."""
        return len(self._digests)

    def add(self, text: str) -> str:
        """Return the id of the text's group: 16 hex digits, a hash of the normalised text of its leader."""
        text = normalise(text)
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest not in self._digests:
            digest = self._find_leader(text, digest)
        return digest[:8].hex()

    def _find_leader(self, text: str, digest: bytes) -> bytes:
        """Return the digest of the leader of a text, which is its own if no leader is like it."""
        shingles = self._shingles(text)
        if shingles:
            bands, sketch = self._sketch(shingles, ROWS * self._bands), self._sketch(shingles, self.num_perm)
            candidates: list[int] = sorted(self._index.query(bands))
            for leader in candidates[:_MOST_COMPARED]:
                if self._sketches[leader].jaccard(sketch) >= self.threshold:
                    return self._leaders[leader]
            self._index.insert(len(self._leaders), bands)
            self._leaders.append(digest)
            self._sketches.append(sketch)
        self._digests.add(digest)
        return digest

    def _sketch(self, shingles: list[str], size: int) -> Any:
        sketch = self._new_sketch(size, SEED)
        sketch.update(shingles)
        return sketch

    def _shingles(self, text: str) -> list[str]:
        if self.same_numbers and len(text) > _LONGEST:
            return []  # no number may be left out
        words = split_words(text[:_LONGEST])
        return cut_shingles(words, self.shingle, mark=_mark(words) if self.same_numbers else "")


def stories() -> Clusters:
    """Return clusters for whole documents: syndicated copy with another headline or dateline, or cut paragraphs.

    A leader takes about 3 kB of memory.
    """
    return Clusters(threshold=0.5, shingle=5, num_perm=96)


def sentences() -> Clusters:
    """Return clusters for sentences: the same one with other punctuation, or a word more or less in a long one.

    Sentences of a group have the same numbers and the same negations: "killed 3" and "killed 30" are two reports, and
    so are "killed three" and "killed 3". Other words are not told apart by their weight: in a sentence of thirty words
    one may differ, a name too. A leader takes about 1.2 kB of memory.
    """
    return Clusters(threshold=0.8, shingle=3, num_perm=60, same_numbers=True)


def normalise(text: str) -> str:
    """Return a text in lower case with one sort of quotation mark, dash and white space."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        for found, meant in _UNIFIED.items():  # faster than str.translate
            text = text.replace(found, meant)
    text = text.casefold().replace('"', "'").replace("`", "'").replace("''", "'")
    return " ".join(text.replace("---", "-").replace("--", "-").split())


def split_words(text: str) -> list[str]:
    """Return the words and numbers of a normalised text, each in the one way of writing it."""
    words: list[str] = _WORD.findall(text)
    if "".join(words).isalpha():  # one call for all words is the fast way to ask
        return words
    return [word if word.isalpha() else _plain(word) for word in words]


def _plain(word: str) -> str:
    """Return a number or a word with points or apostrophes in the one way of writing it: u.s is us, 5:30 is 5.30."""
    if not word[0].isdigit():
        return word.replace(".", "")
    return _THOUSANDS.sub("", word).replace(":", ".")


def cut_shingles(words: list[str], size: int, *, mark: str = "") -> list[str]:
    """Return the runs of ``size`` words, each with the mark before it; none if there are fewer words."""
    if len(words) < size:
        return []
    # A mark on every shingle: texts with different numbers share none, and are not even compared.
    starts = [f"{mark} {word}" for word in words] if mark else words
    return list(map(" ".join, zip(starts, *(words[at:] for at in range(1, size)), strict=False)))


def _mark(words: list[str]) -> str:
    """Return a mark of the numbers and negations among the words; empty if there are none."""
    candidates = [word for word in words if word in _TELLING or not word.isalpha()]
    telling = [
        "not" if word.endswith("n't") else word
        for word in candidates
        if word in _TELLING or word[0].isdigit() or word.endswith("n't")
    ]
    return hashlib.blake2b(" ".join(telling).encode("utf-8"), digest_size=8).hexdigest() if telling else ""


def count_bands(threshold: float, *, recall: float) -> int:
    """Return how many bands of `ROWS` values find such a share of the pairs that are just similar enough."""
    missed = 1 - threshold**ROWS  # of such pairs by one band
    return math.ceil(math.log(1 - recall) / math.log(missed)) if missed else 1
