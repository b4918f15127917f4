"""Tokens of a sentence and its context, within the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from eventroles.inference.encoding import Encoder, preceding
from eventroles.labels import ModelError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer


@pytest.fixture(scope="module")
def encoder(base_folder: Path) -> Encoder:
    return Encoder.load(base_folder, window=12)


def test_the_sentence_is_the_first_segment_and_its_context_the_second(encoder: Encoder) -> None:
    (encoded,) = encoder.encode(["soldiers raided the town"], ["the bridge"])
    assert [0] * 6 + [1] * 3 == encoded.type_ids
    assert not encoded.truncated


def test_an_empty_context_adds_no_segment(encoder: Encoder) -> None:
    alone, with_empty = encoder.encode(["the town"])[0], encoder.encode(["the town", "the road"], ["", "town"])[0]
    assert alone == with_empty


def test_a_context_that_does_not_fit_loses_its_oldest_words_and_the_sentence_none(encoder: Encoder) -> None:
    (long,) = encoder.encode(["soldiers raided the town"], ["north road bridge river market harvest"])
    (short,) = encoder.encode(["soldiers raided the town"], ["bridge river market harvest"])
    (tail,) = encoder.encode(["soldiers raided the town"], ["harvest"])
    assert 12 == len(long.ids)
    assert long.ids[:6] == tail.ids[:6]
    assert long.ids == encoder.encode(["soldiers raided the town"], ["road bridge river market harvest"])[0].ids
    assert long.ids[-2] == short.ids[-2] == tail.ids[-2]
    assert not long.truncated


def test_a_sentence_longer_than_the_window_is_cut_at_its_end_and_marked(encoder: Encoder) -> None:
    (long,) = encoder.encode(["town " * 30], ["the bridge"])
    assert 12 == len(long.ids)
    assert long.truncated
    assert set(long.type_ids) == {0}


def test_a_sentence_that_fills_the_window_is_whole_and_one_token_more_is_cut(encoder: Encoder) -> None:
    full, longer = encoder.encode(["town " * 10, "town " * 11])
    assert [(12, False), (12, True)] == [(len(one.ids), one.truncated) for one in (full, longer)]


def test_padding_and_truncation_settings_of_the_file_are_ignored(base_folder: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(base_folder / "tokenizer.json"))
    tokenizer.enable_padding(length=40)
    tokenizer.enable_truncation(3)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert 6 == len(Encoder.load(tmp_path, window=12).encode(["soldiers raided the town"])[0].ids)


def test_preceding_sentences_are_joined_in_order_and_few_at_the_start() -> None:
    assert ["", "a", "a b", "b c"] == preceding(["a", "b", "c", "d"], 2)
    assert ["", "", ""] == preceding(["a", "b", "c"], 0)


@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=1, max_size=5), st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_even_with_lone_surrogates_fits_the_window(
    encoder: Encoder, sentences: list[str], context: str
) -> None:
    for encoded in encoder.encode(sentences, [context] * len(sentences)):
        assert len(encoded.ids) == len(encoded.type_ids) <= 12


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tokenizer\.json: no such file"):
        Encoder.load(tmp_path, window=12)


def test_a_damaged_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="not a readable tokenizer"):
        Encoder.load(tmp_path, window=12)


def defined(encoder: Encoder, tokenizer: Tokenizer, sentence: str, context: str) -> tuple[list[int], list[int], bool]:
    """Encode by the definition, step by step: tokens, the sentence cut at its end, the context at its start."""
    first, second = (
        tokenizer.encode(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), add_special_tokens=False)
        for text in (sentence, context)
    )
    room = encoder.window - tokenizer.num_special_tokens_to_add(False)
    truncated = len(first.ids) > room
    first.truncate(min(room, len(first.ids)))
    room = encoder.window - tokenizer.num_special_tokens_to_add(True) - len(first.ids)
    if second.ids and room > 0:
        second.truncate(room, direction="left")
        whole = tokenizer.post_process(first, second)
    else:
        whole = tokenizer.post_process(first)
    return whole.ids, whole.type_ids, truncated


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.lists(st.sampled_from(["town", "raided", "river", "unknownword", "3", ".", "\ud800", "\x00"])).map(" ".join),
)


@given(st.lists(st.tuples(TEXTS, st.one_of(st.just(""), TEXTS)), max_size=6), st.booleans())
def test_every_sentence_is_encoded_as_defined_whatever_else_is_in_the_call(
    base_folder: Path, pairs: list[tuple[str, str]], with_contexts: bool
) -> None:
    encoder = Encoder.load(base_folder, window=12)
    tokenizer = Tokenizer.from_file(str(base_folder / "tokenizer.json"))
    contexts = [context if with_contexts else "" for _, context in pairs]
    expected = [
        defined(encoder, tokenizer, sentence, context) for (sentence, _), context in zip(pairs, contexts, strict=True)
    ]
    found = encoder.encode([sentence for sentence, _ in pairs], contexts if with_contexts else None)
    assert expected == [(one.ids, one.type_ids, one.truncated) for one in found]
