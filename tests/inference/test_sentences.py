"""Sentences of news text: where they end, and that their offsets are exact."""

from __future__ import annotations

import time

import pytest
from eventroles.inference.sentences import Sentence, split_sentences
from hypothesis import given
from hypothesis import strategies as st


def _split(text: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(text)]


def _assert_spans_are_sound(text: str) -> None:
    position = 0
    for index, sentence in enumerate(split_sentences(text)):
        assert sentence.index == index
        assert position <= sentence.start < sentence.end
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip()
        assert not text[position : sentence.start].strip()
        position = sentence.end
    assert not text[position:].strip()


# " | " marks where a sentence ends; the text to split has a space there.
_RUNNING_TEXT = {
    # titles, ranks, initials
    "a_rank_is_no_end": "Lt. Gen. Omar Tal met Col. Bashir. | Maj. Idris Noor was there.",
    "a_hyphenated_rank_is_no_end": "The order came from Maj.-Gen. Hadi Rus. | It was obeyed.",
    "a_numbered_rank_is_no_end": "The dead man was Sgt. 1st Class Paul Reed. | He was 31.",
    "a_retired_rank_is_no_end": "Brig. Gen. (ret.) Sami Dahl spoke. | Few listened.",
    "a_political_title_is_no_end": "Rep. Ann Lowe and Sen. Bo Katz wrote to Gov. Amy Pell. | She agreed.",
    "initials_are_no_end": "J. R. Holm and Mary T. Oduya drove to the camp. | It was empty.",
    "a_rank_before_a_lower_case_name_is_no_end": "Capt. al-Rawi fell back. | Dr. al-Amin stayed.",
    "a_saint_is_no_end": "The drone hit an oil depot near St. Petersburg. | Mt. Kenya was covered in smoke.",
    "a_speaker_in_capitals_is_no_end": "They asked why. | MS. OKELLO: We've answered that. | The room went quiet.",
    # abbreviations that may or may not end a sentence
    "us_ends_before_a_new_sentence": "He flew back to the U.S. | Officials said he was well. | He rested.",
    "us_before_a_name_is_no_end": "The U.S. Army and the U.S. President agreed. | U.S. Sen. Ida Moss did not.",
    "us_before_an_ordinal_is_no_end": "They blamed the U.S. Fifth Fleet for it. | It denied that.",
    "un_before_a_name_is_no_end": "Envoys briefed the U.N. Security Council. | The U.N. Children's Fund left.",
    "a_company_is_no_end": "Norbex Corp. Chairman Lee Voss left. | Tolan Inc. sells drones.",
    "a_company_ends_before_a_new_sentence": "The drones were made by Norbex Inc. | The firm denied it.",
    "am_before_a_day_is_no_end": "Shells fell at 5 a.m. Monday. | They stopped at 9 p.m. Tuesday.",
    "pm_before_a_time_zone_is_no_end": "The truce began at 6 p.m. GMT and 5 p.m. (1600 UTC) was too early. | It held.",
    "pm_ends_before_a_new_sentence": "The blast came at 7 p.m. | Witnesses saw two cars. | Both burned.",
    "a_month_is_no_end": "The raid of Sept. 14 followed that of Aug. 9. | A third came on Oct. 2.",
    "may_is_never_an_abbreviation": "They were attacked in May. | Troops came in June.",
    "a_number_abbreviation_is_no_end": "No. 3 Brigade held the road with approx. 200 men. | It was relieved.",
    "a_number_at_the_end_ends_a_sentence": "The blast killed 5. | Some fell on Sept. 3. | He was No. 1. | We ran.",
    "a_letter_at_the_end_ends_a_sentence": "They shelled a camp in zone B. | Residents fled.",
    "an_acronym_with_a_stop_ends_a_sentence": "The mill lost 400 MT. | A ship brought more.",
    # quotations
    "a_quotation_is_split_at_its_sentences": '"We saw three trucks. | They came at dawn," a farmer said.',
    "a_closing_quote_stays_with_its_sentence": "He wrote: “The bridge is gone. | We cannot cross.” | Nobody came.",
    "single_quotes_are_quotations": "'We heard two shots. | Then it was quiet,' she said.",
    "single_curly_quotes_are_quotations": "‘We heard two shots. | Then it was quiet,’ she said.",
    "german_quotes_are_quotations": "„Wir gehen. | Jetzt.“ | Er ging.",
    "french_quotes_are_quotations": "« Nous partons. » | Il partit.",
    "an_exclamation_and_who_shouted_stay_together": '"Stop!" he shouted. | "Run!" the guard cried.',
    "a_question_and_who_asked_stay_together": "“Where is he?” she asked. | “Who?” Col. Tariq Aziz Noor said.",
    "a_quotation_and_who_said_it_stay_together": '"We will respond," he said. | "Soon," she added.',
    "a_quoted_last_word_ends_a_sentence": "Asked twice, she said “no.” | Aides left.",
    "a_quotation_with_a_lower_case_rest_is_whole": 'The banner "Never again!" hung there. | It fell.',
    # brackets and elisions
    "a_bracketed_sentence_stands_alone": "The town fell. | (The army denies this.) | Residents fled.",
    "an_acronym_in_brackets_ends_a_sentence": "They blamed the Northern Front (NF). | It kept silent.",
    "an_elision_opens_the_next_sentence": "It is over. | (…) Residents are coming back. | [...] Shops are open.",
    "an_elision_may_end_a_sentence": "Shells fell all night (…) | Residents hid in cellars.",
    "a_photo_credit_in_brackets_stays": "A man walks past ruins in Gao in May. (Photo by J. Roe)",
    "a_sign_off_in_brackets_stands_alone": "Talks go on. | (Reporting by Jo Roe; Editing by Al Poe)",
    "a_footnote_mark_stays_with_its_sentence": "Ten died.[3] | Two more were hurt.[14] | All were farmers.",
    # stops that are none, and unusual stops
    "an_ellipsis_in_a_sentence_is_no_end": "They waited ... and waited … for help. | I … I ran.",
    "an_ellipsis_before_a_capital_ends_a_sentence": "We had nothing left… | Then the trucks came... | We ate.",
    "a_spaced_ellipsis_is_one": "It went on . . . and on. | It stopped . . . | Then it rained.",
    "several_marks_are_one_end": "So ... ? | Really?! | They came back!!! | We hid.",
    "decimals_and_times_are_no_end": "It cost 3.5 million at 5.30 on Friday. | Oil rose 1,200.75 points.",
    "addresses_are_no_end": "See https://example.org/a.B?c=D.e or www.Example.Org now. | Write to j.Doe@example.org.",
    "a_lower_case_word_opens_no_sentence": "The firm Yahoo! said so. | A stray . stop is nothing.",
    "an_arabic_article_may_open_a_sentence": "Ten died. | al-Nahda denied it. | El-Fasher was calm.",
    "a_year_may_end_and_a_number_open_a_sentence": "It began in 2011. | 12 men died.",
    "text_without_capitals_is_split_too": "we left the town. | they came back.",
    "full_stops_of_other_scripts_end_sentences": "انتهت الحرب؟ | نعم.",
    # datelines
    "a_dateline_stays_with_its_sentence": "SEGOU, Sept 14 — At least 9 soldiers died. | Two fled.",
    "a_dateline_with_an_abbreviated_month_stays": "SEGOU, Sept. 14 (AFP) — At least 9 died. | Two fled.",
    "a_dateline_of_an_agency_stays": "LVIV (Reuters) - A drone fell on a mill. | Nobody was hurt.",
    "a_dateline_with_a_state_stays": "MIAMI, Fla. (AP) — Guards left. | WASHINGTON, D.C. — Nobody knew.",
    "a_dateline_in_slashes_stays": "MINSK, August 2. /AGENCY/. Two soldiers died. | One fled.",
    "an_agency_alone_stays": "(AP) — Guards left the port. | It closed.",
    "a_dateline_with_a_full_stop_stays": "MADRID. The court was empty. | He sat down.",
    "a_caption_with_a_dash_stays": "Guards in Gao on March 3, 2019. - Rebels hold the north. | They grow.",
    # lists in running text
    "a_list_in_a_line_is_split_before_its_numbers": "1. A shell hit the mill. | 2. The army replied. | 3. It rained.",
    "a_list_without_stops_is_split_too": "It has three aims: | 1. Hold the town | 2. Free the road | 3. Talk",
    "numbers_that_end_sentences_are_no_list": "Six were in group 1. | Two were in group 2. | They ran.",
}


@pytest.mark.parametrize("marked", _RUNNING_TEXT.values(), ids=_RUNNING_TEXT.keys())
def test_running_text_is_split_where_a_reader_would(marked: str) -> None:
    assert _split(marked.replace(" | ", " ")) == marked.split(" | ")


@pytest.mark.parametrize("marked", _RUNNING_TEXT.values(), ids=_RUNNING_TEXT.keys())
def test_paragraphs_are_split_alike_wherever_they_stand(marked: str) -> None:
    text = marked.replace(" | ", " ")
    expected = marked.split(" | ")
    assert _split(f"{text}\n\n{text}\r\n\r\n \t{text} \n") == expected * 3


def test_a_sentence_knows_its_place() -> None:
    assert split_sentences(" One fell.  Two ran. ") == [
        Sentence(0, 1, 10, "One fell."),
        Sentence(1, 12, 20, "Two ran."),
    ]


def test_offsets_count_characters_not_bytes() -> None:
    assert [(s.start, s.end) for s in split_sentences("Çé 😀 fell. Ü ran.")] == [(0, 10), (11, 17)]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\r\n", "\u2028\xa0\t"])
def test_white_space_holds_no_sentence(text: str) -> None:
    assert split_sentences(text) == []


def test_a_forgotten_space_is_forgiven() -> None:
    assert _split("The guards fled.The town fell.") == ["The guards fled.", "The town fell."]


def test_chinese_sentences_need_no_space() -> None:
    assert _split("军队撤退了。城市很安静！") == ["军队撤退了。", "城市很安静！"]


def test_blank_lines_part_what_has_no_full_stop() -> None:
    assert _split("Ten die in raid\n\n\nBy Ann Roe\n \nWhat we know") == [
        "Ten die in raid",
        "By Ann Roe",
        "What we know",
    ]


def test_headlines_bylines_and_captions_are_sentences_of_their_own() -> None:
    lines = [
        "Ten die in raid on mill",
        "By Ann Roe",
        "· 3 min read",
        "A burned lorry near Gao - Ann Roe/Lens Agency",
        "Gunmen killed ten people at a mill near Gao on Friday, the governor of the region told reporters.",
        "'A dark day'",
        "Two were children.",
        "Photo: Lens",
    ]
    assert _split("\n".join(lines)) == lines


@pytest.mark.parametrize("bullet", ["- ", "* ", "• ", "– ", "·", "1. ", "2) ", "(a) "])
def test_bullets_are_sentences_of_their_own(bullet: str) -> None:
    lines = [
        f"{bullet}Two dead at the mill",
        f"{bullet}Six hurt in the market and in the streets around it",
        f"{bullet}Calm now",
    ]
    assert _split("\n".join(["What we know", *lines])) == ["What we know", *lines]


_WRAPPED = """\
RAID ON MILL KILLS TEN
By Ann Roe
GAO, Sept 14 (LENS) - At least ten people died when gunmen attacked a
mill near Gao on Friday, and the governor of the region, Maj. Gen.
Idris Noor, said the army
had answered with "heavy fire". A farmer told Lens that he had seen
Toyota pickups leave for the Adrar hills, as the army said in
Bamako later.
"We hid in the mill. Nobody spoke," he said, "until the soldiers \u2014
three of them \u2014 came."

- Two of the dead were children, according to the hospital in the town of
  Ansongo
- Nine others have been treated there for burns, according to a nurse
- Six are missing
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_hard_wrapped_paragraphs_stay_whole(line_end: str) -> None:
    sentences = [" ".join(sentence.split()) for sentence in _split(_WRAPPED.replace("\n", line_end))]
    assert sentences == [
        "RAID ON MILL KILLS TEN",
        "By Ann Roe",
        "GAO, Sept 14 (LENS) - At least ten people died when gunmen attacked a mill near Gao on Friday, and the "
        'governor of the region, Maj. Gen. Idris Noor, said the army had answered with "heavy fire".',
        "A farmer told Lens that he had seen Toyota pickups leave for the Adrar hills, as the army said in "
        "Bamako later.",
        '"We hid in the mill.',
        'Nobody spoke," he said, "until the soldiers \u2014 three of them \u2014 came."',
        "- Two of the dead were children, according to the hospital in the town of Ansongo",
        "- Nine others have been treated there for burns, according to a nurse",
        "- Six are missing",
    ]


def test_a_dateline_on_a_line_of_its_own_stays_with_its_sentence() -> None:
    assert _split("Ten die in raid\nSEGOU, Sept 14 —\nTen men died.") == [
        "Ten die in raid",
        "SEGOU, Sept 14 —\nTen men died.",
    ]


def test_a_headline_in_capitals_is_not_the_first_line_of_a_wrapped_paragraph() -> None:
    headline = "RAID ON MILL NEAR GAO KILLS TEN, GOVERNOR BLAMES REBELS"
    assert _split(f"{headline}\nTuareg farmers who live near the mill saw many men arrive on\nfoot.")[0] == headline


def test_a_list_is_no_sign_of_hard_wrapping() -> None:
    lines = ["Ten people have died in a raid on a mill in Gao", "- two of them children"]
    others = ["Governor blames rebels from the Adrar hills now", "Unions call a strike"]
    assert _split("\n".join(lines) + "\n\n" + "\n".join(others)) == lines + others


def test_a_rank_at_the_end_of_a_line_stays_with_its_name() -> None:
    assert _split("The raid was led by Lt.\nGen. Noor.\nIt failed.") == [
        "The raid was led by Lt.\nGen. Noor.",
        "It failed.",
    ]


def test_a_bullet_as_wide_as_the_page_ends_before_the_next_bullet() -> None:
    first = "- Two of the dead were children, according to the hospital in the\n  town of Gao"
    others = ["- Nine were hurt in the streets around it and in the market there", "- It is calm"]
    assert _split("\n".join([first, *others])) == [first, *others]


def test_a_headline_is_not_cut_at_an_abbreviation() -> None:
    assert _split("More Raids By U.S. And Allies\n\nIt left the U.S. And it rained.") == [
        "More Raids By U.S. And Allies",
        "It left the U.S.",
        "And it rained.",
    ]


_NASTY = [
    "U.S.",
    "Lt.",
    "said",
    "The",
    "1.",
    "2.",
    "5 p.m.",
    "\n",
    "\r\n",
    "\n\n",
    "- ",
    "“",
    '."',
    "(AP)",
    " — ",
    "…",
    "(…)",
]
_NASTY += [
    "\ud800",
    "\udfff",
    "\x00",
    "\u200b",
    "\ufeff",
    "😀",
    "。",
    "؟",
    "\x85",
    "\u2028",
    "\xa0",
    "»",
    "''",
    "/AB/",
    "[3]",
    "’",
]


@given(st.text(st.characters()))  # every code point, lone surrogates included
def test_any_text_is_split_without_a_bad_span(text: str) -> None:
    _assert_spans_are_sound(text)


@given(st.lists(st.sampled_from(_NASTY)), st.sampled_from(["", " "]))
def test_any_mix_of_hard_cases_is_split_without_a_bad_span(pieces: list[str], separator: str) -> None:
    _assert_spans_are_sound(separator.join(pieces))


@given(st.lists(st.sampled_from(list(_RUNNING_TEXT.values())), max_size=8))
def test_paragraphs_do_not_change_each_other(marked: list[str]) -> None:
    expected = [sentence for paragraph in marked for sentence in paragraph.split(" | ")]
    assert _split("\n\n".join(paragraph.replace(" | ", " ") for paragraph in marked)) == expected


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        " ",
        "\n",
        "\x00",
        ". ",
        "...",
        '"',
        "(",
        "x y\n\n",
        "a\n",
        "U.S. The ",
        "… ",
        "1. A 2. B ",
        ".” ",
        "A. ",
        "a" * 70 + "\n",
    ],
    ids=ascii,
)
def test_a_long_text_of_any_shape_takes_linear_time(piece: str) -> None:
    text = "Go" + piece * (200_000 // len(piece)) + "end"
    began = time.process_time()
    _assert_spans_are_sound(text)
    # Linear work takes well under a second; anything quadratic would take minutes.
    assert time.process_time() - began < 15
