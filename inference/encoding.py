"""From sentences and the sentences before them to token ids that fit a model's window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Encoding, Tokenizer

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

    def vocabulary(self) -> list[str]:
        """Return the tokens that the tokenizer knows, in no order."""
        return list(self._tokenizer.get_vocab())

    def encode(self, sentences: Sequence[str], contexts: Sequence[str] | None = None) -> list[Encoded]:
        """Tokenise sentences, each with its context (text before it, may be empty) as second segment.

        Where both do not fit the window the context loses its oldest tokens first; only a sentence that alone is
        longer than the window is cut, at its end, and marked.
        """
        if contexts is not None and any(contexts):
            pairs = zip(self._tokenise(sentences), self._tokenise(contexts), strict=True)
            return [self._fit(first, second) for first, second in pairs]
        # Nearly all sentences fit the window as they are: only the others need to be taken apart.
        whole = self._tokenizer.encode_batch_fast([_printable(text) for text in sentences])
        encoded = [Encoded(one.ids, one.type_ids, truncated=False) for one in whole]
        too_long = [index for index, one in enumerate(encoded) if len(one.ids) > self.window]
        for index, first in zip(too_long, self._tokenise([sentences[index] for index in too_long]), strict=True):
            encoded[index] = self._fit(first, None)
        return encoded

    def _tokenise(self, texts: Sequence[str]) -> list[Encoding]:
        return self._tokenizer.encode_batch_fast([_printable(text) for text in texts], add_special_tokens=False)

    def _fit(self, sentence: Encoding, context: Encoding | None) -> Encoded:
        """Cut tokens of a sentence and its context to the window, and put the special tokens around them."""
        room = self.window - self._tokenizer.num_special_tokens_to_add(False)
        truncated = len(sentence.ids) > room
        if truncated:
            sentence.truncate(room)
        room = self.window - self._tokenizer.num_special_tokens_to_add(True) - len(sentence.ids)
        if context is not None and context.ids and room > 0:
            context.truncate(room, direction="left")
            whole = self._tokenizer.post_process(sentence, context)
        else:
            whole = self._tokenizer.post_process(sentence)
        return Encoded(whole.ids, whole.type_ids, truncated)


def preceding(sentences: Sequence[str], count: int) -> list[str]:
    """Return for every sentence of a sequence the ``count`` sentences before it, joined by spaces."""
    return [" ".join(sentences[max(0, index - count) : index]) for index in range(len(sentences))]


def _printable(text: str) -> str:
    """Replace lone surrogates, which a broken decoder leaves and UTF-8 cannot carry."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
