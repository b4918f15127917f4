"""From sentences and the sentences before them to token ids that fit a model's window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from ..labels.errors import ModelError


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one sentence with its context, special tokens included; ``truncated``: its end was cut off."""

    ids: list[int]
    type_ids: list[int]
    truncated: bool


class Encoder:
    """A fast tokenizer and the window that its model was trained with.

    Training and tagging both come through here, so that a model sees the same tokens in both.
    """

    def __init__(self, tokenizer: Tokenizer, window: int) -> None:
        tokenizer.no_truncation()  # sentence-transformers files pad and cut everything to 128 tokens
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.window = window

    @classmethod
    def load(cls, folder: Path, *, window: int) -> Encoder:
        """Load ``tokenizer.json`` of a model folder; ``window`` in tokens.

        Raises:
            ModelError: there is no such file, or it is damaged.
        """
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ModelError(f"{path}: no such file; the model folder is incomplete (or has no fast tokenizer)")
        try:
            return cls(Tokenizer.from_file(str(path)), window)
        except Exception as error:  # the Rust library raises plain Exception for a damaged file
            raise ModelError(f"{path}: not a readable tokenizer: {error}") from error

    @classmethod
    def parse(cls, tokenizer_json: str, *, window: int) -> Encoder:
        """Build from the text of a ``tokenizer.json``, such as a tokenizer of transformers gives of itself."""
        return cls(Tokenizer.from_str(tokenizer_json), window)

    def encode(self, sentences: Sequence[str], contexts: Sequence[str] | None = None) -> list[Encoded]:
        """Tokenise sentences, each with its context (text before it, may be empty) as second segment.

        Where both do not fit the window the context loses its oldest tokens first; only a sentence that alone is
        longer than the window is cut, at its end, and marked.
        """
        firsts = self._tokenizer.encode_batch([_printable(text) for text in sentences], add_special_tokens=False)
        seconds = (
            self._tokenizer.encode_batch([_printable(text) for text in contexts], add_special_tokens=False)
            if contexts is not None and any(contexts)
            else [None] * len(firsts)
        )
        encoded = []
        for first, second in zip(firsts, seconds, strict=True):
            room = self.window - self._tokenizer.num_special_tokens_to_add(False)
            truncated = len(first.ids) > room
            if truncated:
                first.truncate(room)
            room = self.window - self._tokenizer.num_special_tokens_to_add(True) - len(first.ids)
            if second is not None and second.ids and room > 0:
                second.truncate(room, direction="left")
                whole = self._tokenizer.post_process(first, second)
            else:
                whole = self._tokenizer.post_process(first)
            encoded.append(Encoded(whole.ids, whole.type_ids, truncated))
        return encoded


def preceding(sentences: Sequence[str], count: int) -> list[str]:
    """Return for every sentence of a sequence the ``count`` sentences before it, joined by spaces."""
    return [" ".join(sentences[max(0, index - count) : index]) for index in range(len(sentences))]


def _printable(text: str) -> str:
    """Replace lone surrogates, which a broken decoder leaves and UTF-8 cannot carry."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
