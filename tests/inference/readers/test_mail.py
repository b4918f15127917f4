"""What is read from mail: the text that a person would read, decoded, of every message that can be read."""

from __future__ import annotations

import hashlib
import mailbox
import tempfile
import tracemalloc
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, Failure, Limits, ReadOptions, Source
from eventroles.inference.readers.mail import read_eml, read_mbox
from eventroles.labels.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = "Трое ранены у переправы, передаёт Вестник."


def mail(text: str = TEXT) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ana Torvé <ana@vessel.example>"
    message["To"] = "desk@vessel.example"
    message["Subject"] = "Обстрел у переправы"
    message["Date"] = "Tue, 05 Mar 2024 10:15:00 +0200"
    message["Message-ID"] = "<17@vessel.example>"
    message.set_content(text)
    return message


def read(folder: Path, data: bytes | EmailMessage) -> Document:
    path = folder / "a.eml"
    path.write_bytes(data if isinstance(data, bytes) else data.as_bytes())
    (document,) = read_eml(Source(path, "in/a.eml"), ReadOptions())
    return document


def read_box(folder: Path, data: bytes, **limits: int) -> list[Document | Failure]:
    path = folder / "a.mbox"
    path.write_bytes(data)
    return list(read_mbox(Source(path, "in/a.mbox"), ReadOptions(limits=Limits(**limits))))


def test_a_message_gives_its_text_subject_date_and_people(tmp_path):
    message = mail()
    assert read(tmp_path, message) == Document(
        "in/a.eml",
        hashlib.sha256(message.as_bytes()).hexdigest(),
        TEXT,
        title="Обстрел у переправы",
        date="2024-03-05T10:15:00+02:00",
        metadata={
            "from": "Ana Torvé <ana@vessel.example>",
            "to": "desk@vessel.example",
            "message_id": "<17@vessel.example>",
        },
    )


@pytest.mark.parametrize("coding", ["quoted-printable", "base64", "8bit"])
@pytest.mark.parametrize("charset", ["utf-8", "koi8-r", "windows-1251"])
def test_bodies_are_decoded(tmp_path, coding, charset):
    message = mail()
    message.set_content(TEXT, charset=charset, cte=coding)
    assert read(tmp_path, message).text == TEXT


@pytest.mark.parametrize("charset", ["no-such", "us-ascii", "hex", '"', "idna"])
def test_a_charset_that_is_unknown_or_wrong_is_guessed(tmp_path, charset):
    data = f"Subject: x\r\nContent-Type: text/plain; charset={charset}\r\n\r\n{TEXT}\r\nEnd.\r\n"
    assert read(tmp_path, data.encode()).text == TEXT + "\nEnd."
    assert read(tmp_path, data.encode("cp1251")).text == TEXT + "\nEnd."


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"=?utf-8?b?0J7QsdGB0YLRgNC10Ls=?=\r\n =?koi8-r?q?_=D5?= (live)", "Обстрел у (live)"),
        (b"=?no-such?q?caf=C3=A9?=", "café"),
        ("Трое ранены".encode(), "Трое ранены"),
        (b"=?utf-8?b?A?= broken", "=?utf-8?b?A?= broken"),
        (b"  ", None),
    ],
)
def test_subjects_are_decoded_whatever_is_wrong_with_them(tmp_path, written, expected):
    assert read(tmp_path, b"From: a@b.example\r\nSubject: " + written + b"\r\n\r\nText.").title == expected


@pytest.mark.parametrize("date", ["Mon,", "yesterday", "Tue, 5 Mar 99999 10:15:00 +9999", "(("])
def test_a_date_that_is_none_stays_as_it_stands(tmp_path, date):
    assert read(tmp_path, f"Date: {date}\n\nText.".encode()).date == date


def test_plain_text_is_preferred_and_attachments_are_left_out(tmp_path):
    message = mail("Plain text.")
    message.add_alternative("<p>Rich text.</p>", subtype="html")
    message.add_attachment("Notes.", filename="notes.txt")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    message.add_attachment(mail("Forwarded."))
    message.add_attachment(mail("Forwarded in the text."), disposition="inline")
    assert read(tmp_path, message).text == "Plain text."


def test_plain_text_is_preferred_even_where_it_comes_last(tmp_path):
    message = mail()
    message.set_content("<p>Rich text.</p>", subtype="html")
    message.add_alternative("Plain text.")
    assert read(tmp_path, message).text == "Plain text."


def test_every_text_of_a_message_in_parts_is_read(tmp_path):
    message = mail("Before the picture.")
    message.add_attachment(b"PNG", maintype="image", subtype="png", disposition="inline")
    message.add_attachment("<p>Behind it.</p>", subtype="html", disposition="inline")
    assert read(tmp_path, message).text == "Before the picture.\n\nBehind it."


def test_html_is_read_where_there_is_no_plain_text(tmp_path):
    message = mail("x")
    html = "<html><head><style>p{}</style></head><body><p>Shells fell.</p><p>Talks went on.</p></body></html>"
    message.set_content(html, subtype="html")
    assert read(tmp_path, message).text == "Shells fell.\n\nTalks went on."
    message = mail(" \n")
    message.add_alternative(html, subtype="html")
    message.get_payload()[1].add_related(b"PNG", maintype="image", subtype="png", cid="<1>")
    assert read(tmp_path, message).text == "Shells fell.\n\nTalks went on."


def test_a_message_of_pictures_only_is_a_document_without_text(tmp_path):
    message = mail()
    message.set_content(b"PNG", maintype="image", subtype="png")
    assert read(tmp_path, message).text == ""


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        ("multipart/encrypted; boundary=b", "--b\n\nVersion: 1\n--b--", "PGP"),
        ("application/pkcs7-mime; smime-type=enveloped-data", "AAAA", "S/MIME"),
        ("text/plain", "\n-----BEGIN PGP MESSAGE-----\n\nhQ==\n", "PGP"),
    ],
)
def test_encrypted_mail_is_refused(tmp_path, kind, body, what):
    with pytest.raises(DataError, match=rf"^encrypted mail \({what}\); decrypt it in a mail program"):
        read(tmp_path, f"Subject: x\nContent-Type: {kind}\n\n{body}".encode())


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x89PNG\r\n\x1a\n\0", b"To do:\n\nShells fell.\n"])
def test_what_is_no_mail_is_refused_with_a_remedy(tmp_path, data):
    with pytest.raises(DataError, match=r"^no mail: none of the headers .*; save it as \.txt"):
        read(tmp_path, data)


def test_parts_without_end_are_refused(tmp_path):
    parts = (f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(3000))
    with pytest.raises(DataError, match="parts nested hundreds deep"):
        read(tmp_path, b"Subject: x\n" + "".join(parts).encode())


def test_each_message_of_a_mailbox_is_a_document(tmp_path):
    box = mailbox.mbox(tmp_path / "a.mbox")
    texts = ["First.\nFrom here on.\n\nFrom the town, too.", "Second.", "Third."]
    for text in texts:
        box.add(mailbox.mboxMessage(mail(text)))
    box.close()
    found = read_box(tmp_path, (tmp_path / "a.mbox").read_bytes())
    assert [(f"in/a.mbox:{n}", text) for n, text in enumerate(texts, 1)] == [(item.id, item.text) for item in found]
    assert found[1].sha256 == hashlib.sha256(mail("Second.").as_bytes()).hexdigest()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_of_a_text_that_begin_like_a_separator_split_nothing(tmp_path, end):
    lines = ["From - Tue Mar  5 10:15:00 2024", "Subject: x", "", "From the town", "", "From 2023 to 2024"]
    lines += ["From Tue to Wed 10:15 in 2024", ">From me", ""]
    data = end.join([*lines, "From ana@x.example Wed Mar 06 10:15:00 +0000 2024", "Subject: y", "", "Last."])
    found = [item.text for item in read_box(tmp_path, data.encode())]
    assert found == ["From the town\n\nFrom 2023 to 2024\nFrom Tue to Wed 10:15 in 2024\nFrom me", "Last."]


def test_a_bad_message_does_not_lose_the_others(tmp_path):
    head = b"From a@b.example Tue Mar  5 10:15:00 2024\n"
    good = head + b"Subject: x\n\nGood.\n\n"
    data = good + head + b"no header\n\n" + head + b"Subject: x\n\n" + b"a" * 5_000_000 + b"\n\n" + good
    tracemalloc.start()
    found = read_box(tmp_path, data, document_bytes=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ["in/a.mbox:1", "in/a.mbox:4"] == [item.id for item in found if isinstance(item, Document)]
    reasons = {item.document: item.reason for item in found if isinstance(item, Failure)}
    assert list(reasons) == ["in/a.mbox:2", "in/a.mbox:3"]
    assert reasons["in/a.mbox:2"].startswith("no mail: none of the headers")
    assert reasons["in/a.mbox:3"] == "a message of more than 100,000 bytes; raise the limit, or take it out"
    assert peak < 2_000_000


def test_a_truncated_mailbox_gives_what_is_there(tmp_path):
    found = read_box(tmp_path, b"From a\nSubject: x\n\nFirst.\n\nFrom b Tue Mar  5 10:15:00 2024\nSubject: y\n\nSec")
    assert [item.text for item in found] == ["First.", "Sec"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "^an empty mailbox"), (b"\n\n", "^an empty mailbox"), (b"Subject: x\n\nText.", r"^no mailbox: .*\.eml$")],
)
def test_what_is_no_mailbox_is_refused_with_a_remedy(tmp_path, data, reason):
    with pytest.raises(DataError, match=reason):
        read_box(tmp_path, data)


HEADERS = ["From: ", "Subject: ", "Date: ", "Message-ID: <", "Content-Type: ", "Content-Transfer-Encoding: "]
VALUES = ["multipart/mixed", "text/html", "message/rfc822", "; charset*0*=", "; boundary=b", "base64", "uuencode"]
PIECES = ["\n--b\n", "--b--", "begin 644 a\n", "=?utf-8?b?", "=?x?q?=", "?=", "\n", "\r\n", "\n\n", "From a\n", "<p>"]
WORDS = st.sampled_from([*HEADERS, *VALUES, *PIECES, '"', "(", "é", "\0", "=C3", ";", " ", "Mon, "])


@given(data=st.binary(max_size=200) | st.lists(WORDS, max_size=40).map(lambda words: "".join(words).encode()))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_a_message_or_one_clear_refusal(data):
    with tempfile.TemporaryDirectory() as folder:
        with suppress(DataError):
            read(Path(folder), b"Subject: " + data)
        assert read_box(Path(folder), b"From a\nSubject: " + data)
