"""What is read from the XML of news agencies, and which XML is refused."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, ReadOptions, Source
from eventroles.inference.readers.news_xml import read_news_xml
from eventroles.labels.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

NITF = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE nitf SYSTEM "nitf-3-4.dtd">
<nitf xml:lang="en"><head><title>ford</title><docdata><doc-id id-string="VP-17" regsrc="VP"/>
<urgency ed-urg="2"/><date.issue norm="20240305T101500Z"/>
<key-list><keyword key="ford"/><keyword key="attack"/></key-list></docdata>
<pubdata name="The Vessel Post" date.publication="20240306"/></head>
<body><body.head><hedline><hl1>Two killed at the <em>ford</em></hl1><hl2>Army answers</hl2></hedline>
<byline>By <person>Ana Torv</person></byline><dateline><location>ARL</location>, March 5</dateline></body.head>
<body.content><block><p>Gunmen attacked
a checkpoint.</p><p>The mayor&#8217;s caf&eacute; burned.<!-- cut --> Nobody died.</p>
<media media-type="image"><media-caption>Smoke over the ford.</media-caption>
<media-producer>Bo Lind</media-producer></media></block><hl2>Aid</hl2>
<ol><li>Tents came.</li></ol></body.content>
<body.end><tagline>Reporting by Ana Torv</tagline></body.end></body></nitf>"""

TEXT = "Gunmen attacked a checkpoint.\n\nThe mayor’s café burned. Nobody died.\n\nAid\n\nTents came."

ITEM = """<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/" guid="urn:{guid}" version="1">
<itemMeta><itemClass qcode="ninat:text"/><provider literal="VesselPress"/>
<versionCreated>2024-03-06T00:00:00Z</versionCreated></itemMeta>
<contentMeta><urgency>3</urgency><contentCreated>2024-03-05T10:15:00+02:00</contentCreated><by>Ana Torv</by>
<creditline>VesselPress/Torv</creditline><language tag="en-GB"/><keyword>ford</keyword>
<subject qcode="medtop:16000000"><name>conflict</name></subject><slugline>ARL-FORD</slugline>
<headline>Two killed</headline></contentMeta><contentSet>{content}</contentSet></newsItem>"""

XHTML = """<inlineXML contenttype="application/xhtml+xml"><html xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title>
</head><body><p>Shells fell.</p><p>The army answered.</p></body></html></inlineXML>"""


def message(*items: str) -> str:
    return f'<newsMessage xmlns="http://iptc.org/std/nar/2006-10-01/"><itemSet>{"".join(items)}</itemSet></newsMessage>'


def read(folder: Path, xml: str | bytes) -> list[Document]:
    path = folder / "a.xml"
    path.write_bytes(xml if isinstance(xml, bytes) else xml.encode())
    return list(read_news_xml(Source(path, "wire/a.xml"), ReadOptions()))


def test_nitf_gives_its_paragraphs_and_what_it_says_of_them(tmp_path):
    expected = Document(
        "wire/a.xml",
        hashlib.sha256(NITF.encode()).hexdigest(),
        TEXT,
        title="Two killed at the ford",
        date="2024-03-05T10:15:00+00:00",
        metadata={
            "author": "By Ana Torv",
            "agency": "VP",
            "site": "The Vessel Post",
            "language": "en",
            "place": "ARL, March 5",
            "urgency": "2",
            "tagline": "Reporting by Ana Torv",
            "keywords": ["ford", "attack"],
            "guid": "VP-17",
        },
    )
    assert read(tmp_path, NITF) == [expected]


def test_a_news_item_gives_its_text_and_what_it_says_of_it(tmp_path):
    (document,) = read(tmp_path, ITEM.format(guid="1", content=XHTML))
    assert (document.id, document.text) == ("wire/a.xml", "Shells fell.\n\nThe army answered.")
    assert (document.title, document.date) == ("Two killed", "2024-03-05T10:15:00+02:00")
    assert document.metadata == {
        "author": "Ana Torv",
        "agency": "VesselPress",
        "creditline": "VesselPress/Torv",
        "language": "en-GB",
        "slugline": "ARL-FORD",
        "urgency": "3",
        "keywords": ["ford"],
        "subjects": ["conflict"],
        "guid": "urn:1",
    }


def test_a_news_item_may_hold_nitf_and_plain_text(tmp_path):
    nitf = NITF[NITF.index("<nitf") :].replace("&eacute;", "é")
    (document,) = read(tmp_path, ITEM.format(guid="1", content=f"<inlineXML>{nitf}</inlineXML>{XHTML}"))
    assert (document.text, document.title) == (TEXT, "Two killed")
    assert document.metadata["tagline"] == "Reporting by Ana Torv"
    plain = '<inlineData contenttype="text/plain">\nShells fell.\n\nTalks went on.\n</inlineData>'
    assert read(tmp_path, ITEM.format(guid="1", content=plain))[0].text == "Shells fell.\n\nTalks went on."
    data = base64.b64encode("<p>Трое</p><p>ранены</p>".encode()).decode()
    coded = f'<inlineData contenttype="text/html" encoding="base64">{data}</inlineData>'
    assert read(tmp_path, ITEM.format(guid="1", content=coded))[0].text == "Трое\n\nранены"


def test_each_item_of_a_message_with_text_is_a_document_and_pictures_are_none(tmp_path):
    picture = ITEM.format(guid="2", content='<remoteContent href="ford.jpg" contenttype="image/jpeg"/>')
    items = [ITEM.format(guid="1", content=XHTML), picture, ITEM.format(guid="3", content=XHTML)]
    found = [(document.id, document.metadata["guid"]) for document in read(tmp_path, message(*items))]
    assert found == [("wire/a.xml:1", "urn:1"), ("wire/a.xml:3", "urn:3")]
    with pytest.raises(DataError, match=r"^no text in its 1 news items, only pictures or references; ask for the text"):
        read(tmp_path, message(picture))
    with pytest.raises(DataError, match="no text in its 0 news items"):
        read(tmp_path, message("<packageItem/>"))


def test_xhtml_is_read_as_a_web_page(tmp_path):
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><body><nav>Menu</nav><p>Shells fell.</p></body></html>'
    assert [document.text for document in read(tmp_path, page)] == ["Shells fell."]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1251"])
def test_xml_is_read_in_the_encoding_it_declares(tmp_path, encoding):
    declared = {"utf-8-sig": "utf-8", "cp1251": "windows-1251"}
    xml = f'<?xml version="1.0" encoding="{declared.get(encoding, encoding)}"?>'
    xml += "<nitf><body><body.content><p>Трое ранены.</p></body.content></body></nitf>"
    assert read(tmp_path, xml.encode(encoding))[0].text == "Трое ранены."


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (
            '<feed xmlns="http://www.w3.org/2005/Atom"/>',
            r"XML of another kind \(root element feed\); convert it to text",
        ),
        ("", "not well-formed XML"),
        ("Shells fell.", "not well-formed XML"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not well-formed XML"),
        (NITF[:900], r"not well-formed XML \(.*line \d+.*\); is it whole\?"),
        ('<?xml version="1.0" encoding="no-such"?><nitf/>', "not well-formed XML"),
        ("<nitf>" * 200_000, "not well-formed XML"),
        ("<!DOCTYPE nitf><nitf>&nosuch;</nitf>", "not well-formed XML|&nosuch;"),
        ('<!DOCTYPE nitf SYSTEM "a.dtd"><nitf>&nosuch;</nitf>', "nothing declares .&nosuch;.; write the character"),
        ("<nitf><body/></nitf>", "no text in its 1 news items"),
    ],
)
def test_what_is_no_news_is_refused_in_one_line(tmp_path, xml, reason):
    with pytest.raises(DataError, match=reason) as caught:
        read(tmp_path, xml)
    assert "\n" not in str(caught.value)


def test_entities_are_neither_fetched_nor_expanded(tmp_path):
    (tmp_path / "secret.txt").write_text("hidden")
    body = "<nitf><body><body.content><p>&a;</p></body.content></body></nitf>"
    pairs = zip("abcdefghi", "bcdefghij", strict=True)
    laughs = "".join(f'<!ENTITY {name} "{f"&{inner};" * 10}">' for name, inner in pairs)
    for entities in (f'<!ENTITY a SYSTEM "{(tmp_path / "secret.txt").as_uri()}">', laughs + '<!ENTITY j "ha">'):
        with pytest.raises(DataError, match="declares XML entities of its own, which are not expanded for safety"):
            read(tmp_path, f"<!DOCTYPE nitf [{entities}]>{body}")
        with pytest.raises(DataError, match=r"entities of its own|not well-formed XML"):
            read(tmp_path, f'<!DOCTYPE nitf [{entities}]><nitf id="&a;"/>')


@given(
    data=st.binary(max_size=200)
    | st.tuples(st.integers(0, len(NITF)), st.text(max_size=5)).map(lambda cut: (NITF[: cut[0]] + cut[1]).encode())
    | st.tuples(st.integers(0, len(NITF)), st.text(max_size=5)).map(
        lambda cut: (NITF[: cut[0]] + cut[1] + NITF[cut[0] :]).encode()
    )
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_documents_or_one_clear_refusal(data):
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        assert all(document.text for document in read(Path(folder), data))
