"""Texts, pages, mail and XML that cannot be decoded, hold no text, or attack their parser."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator

from reliability.bad_input import PNG, BadInput, noise
from reliability.formats import make_html, make_mail, make_mbox, make_newsml, make_nitf

_NEWS = "Snipers held the roof until dusk. Three passers-by were hit, a medic said."
_LONG = "The line goes on and on. " * 60_000  # 1.5 MB


def bad_texts(rng: random.Random) -> Iterator[BadInput]:
    """Yield files that give no text."""
    yield from _encodings(rng)
    yield from _html(rng)
    yield from _mail(rng)
    yield from _mailboxes()
    yield from _xml()


def _encodings(rng: random.Random) -> Iterator[BadInput]:
    wrong = {
        "utf-16-without-mark": _NEWS.encode("utf-16-le"),
        "utf-16-big-without-mark": _NEWS.encode("utf-16-be"),
        "utf-32-without-mark": _NEWS.encode("utf-32-le"),
        "utf-16-odd": _NEWS.encode("utf-16")[:-1],
        "utf-16-half-pair": b"\xff\xfe" + "Snipers ".encode("utf-16-le") + b"\x3d\xd8",
        "utf-16-big-half-pair": b"\xfe\xff" + "Snipers ".encode("utf-16-be") + b"\xde\x00A\0",
        "utf-32-beyond-unicode": b"\xff\xfe\0\0" + b"\xff\xff\x7f\0" * 8,
        "utf-32-cut": _NEWS.encode("utf-32")[:-3],
        "mark-of-utf-16-only-half": b"\xff\xfe\x00",
        "controls": bytes(range(1, 32)) * 20,
        "one-nul": _NEWS.encode() + b"\0" + _NEWS.encode(),
        "nul-at-the-end": _NEWS.encode() + b"\n\0",
        "mark-and-binary": b"\xef\xbb\xbf" + noise(400, rng),
        "mark-only": b"\xef\xbb\xbf",
        "mark-of-utf-16-only": b"\xff\xfe",
        "binary-behind-text": _NEWS.encode() * 4 + noise(900, rng),
        "one-endless-line": _LONG.encode(),
        "endless-lines": b"\n" * 1_200_000,
        "odd-spaces": "\u3000\u2003\u00a0\u2028\u2029".encode() * 9,
    }
    for number, (what, data) in enumerate(wrong.items()):
        extension = ("txt", "md")[number % 2]
        yield BadInput(f"text-{what}.{extension}", f"{extension}: {what.replace('-', ' ')}", data=data)


def _html(rng: random.Random) -> Iterator[BadInput]:
    def page(body: str, head: str = "") -> bytes:
        return f"<!DOCTYPE html><html><head><title>x</title>{head}</head><body>{body}</body></html>".encode()

    made = {
        "deep": page("<div>" * 100_000),
        "deep-closed": page("<b><i>" * 20_000 + "</i></b>" * 20_000),
        "deep-tables": page("<table><tr><td>" * 5_000),
        "no-body": b"<html><head><title>Snipers</title></head></html>",
        "empty-body": page(""),
        "script-only": page("<script>document.write('Snipers held the roof.')</script>"),
        "style-only": page("<style>p { color: red }</style>"),
        "comment-only": page("<!-- Snipers held the roof until dusk. -->"),
        "open-comment": page("<!-- " + _NEWS * 9),
        "pictures-only": page('<img src="a.png"><img src="b.png">'),
        "frames": b'<html><frameset cols="50%,50%"><frame src="a.html"><frame src="b.html"></frameset></html>',
        "redirect": page("", '<meta http-equiv="refresh" content="0;url=elsewhere.html">'),
        "form-only": page('<form><input name="q"><select><option></option></select></form>'),
        "open-attribute": b'<html><body><p class="' + _NEWS.encode() * 5,
        "many-attributes": b"<p " + b" ".join(b'a%d="1"' % n for n in range(30_000)) + b">",
        "utf-16-without-mark": make_html("Roof", [_NEWS]).decode().encode("utf-16-le"),
        "binary-body": page("").replace(b"</body>", noise(3_000, rng)),
        "too-long": page(f"<p>{_LONG}</p>"),
        "spaces": page("&nbsp;" * 500 + "<br>" * 500),
    }
    for number, (what, data) in enumerate(made.items()):
        extension = ("html", "htm")[number % 3 == 2]
        yield BadInput(f"html-{what}.{extension}", f"{extension}: {what.replace('-', ' ')}", data=data)


def _mail(rng: random.Random) -> Iterator[BadInput]:
    packed = base64.encodebytes(noise(300, rng)).decode().replace("\n", "\r\n")
    parts = 'multipart/mixed; boundary="cut"'
    part = "--cut\r\nContent-Type: {}\r\nContent-Transfer-Encoding: base64\r\n\r\n" + packed + "\r\n"
    locked = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="cut"'
    sealed = 'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"'
    nested = "".join(f'--b{n}\r\nContent-Type: multipart/mixed; boundary="b{n + 1}"\r\n\r\n' for n in range(1_500))
    made = {
        "no-body": make_mail("Roof", ""),
        "blank-body": make_mail("Roof", "\r\n \r\n"),
        "headers-only": make_mail("Roof", "").split(b"\r\n\r\n")[0],
        "picture": make_mail("Roof", packed, content_type="image/png", content_transfer_encoding="base64"),
        "attachments-only": make_mail("Roof", part.format("image/png") + "--cut--", content_type=parts),
        "no-parts": make_mail("Roof", "", content_type=parts),
        "parts-without-boundary": make_mail("Roof", "", content_type="multipart/mixed"),
        "empty-parts": make_mail("Roof", "--cut\r\n\r\n\r\n--cut--\r\n", content_type=parts),
        "locked-pgp": make_mail(
            "Roof",
            part.format("application/pgp-encrypted") + part.format("application/octet-stream") + "--cut--",
            content_type=locked,
        ),
        "locked-smime": make_mail("Roof", packed, content_type=sealed, content_transfer_encoding="base64"),
        "html-without-text": make_mail("Roof", "<html><body><img src='a'></body></html>", content_type="text/html"),
        "nested": make_mail("Roof", nested, content_type='multipart/mixed; boundary="b0"'),
        "nested-messages": make_mail(
            "Roof", "Content-Type: message/rfc822\r\n\r\n" * 900, content_type="message/rfc822"
        ),
        "too-long": make_mail("Roof", _LONG),
        "binary": noise(500, rng),
        "utf-16-without-mark": make_mail("Roof", _NEWS).decode().encode("utf-16-le"),
        "nul-body": make_mail("Roof", "\0" * 90),
        "packed-binary": make_mail("Roof", packed, content_transfer_encoding="base64"),
        "packed-nothing": make_mail("Roof", "====", content_transfer_encoding="base64"),
    }
    for what, data in made.items():
        yield BadInput(f"mail-{what}.eml", f"eml: {what.replace('-', ' ')}", data=data)


def _mailboxes() -> Iterator[BadInput]:
    empty, good = make_mail("Roof", ""), make_mail("Roof", _NEWS)
    picture = make_mail("Roof", "", content_type="image/png")
    made = {
        "no-mark": _NEWS.encode() * 3,
        "marks-only": b"From desk@news.example Mon May  6 07:08:00 2024\n" * 3,
        "empty-messages": make_mbox([empty, empty]),
        "pictures": make_mbox([picture, picture]),
        "binary": b"From desk@news.example Mon May  6 07:08:00 2024\n" + PNG * 9,
        "nul": b"From \0\0\0\n\n\0\0\0\n",
        "message-too-long": make_mbox([make_mail("Roof", _LONG)]),
    }
    for what, data in made.items():
        yield BadInput(f"mbox-{what}.mbox", f"mbox: {what.replace('-', ' ')}", data=data)
    two = make_mbox([good, empty, good])
    yield BadInput("mbox-empty-and-good.mbox", "mbox: an empty message between good ones", 2, two)
    cut = make_mbox([good, good])[: -len(_NEWS) - 4]
    yield BadInput("mbox-cut.mbox", "mbox: cut off in front of its last body", 1, cut)


def _xml() -> Iterator[BadInput]:
    laughs = '<!ENTITY a "boom boom boom boom">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    kinds = {
        "bomb": (f"[{laughs}]", "&j;"),
        "bomb-quadratic": (f'[<!ENTITY a "{"boom " * 5_000}">]', "&a;" * 5_000),
        "entity-in-a-circle": ('[<!ENTITY a "&b;"><!ENTITY b "&a;">]', "&a;"),
        "entity-of-a-file": ('[<!ENTITY a SYSTEM "file:///etc/passwd">]', "&a;"),
        "entity-of-a-device": ('[<!ENTITY a SYSTEM "file:///dev/zero">]', "&a;"),
        "entity-of-the-network": ('[<!ENTITY a SYSTEM "http://127.0.0.1:9/a">]', "&a;"),
        "entity-of-a-relative-file": ('[<!ENTITY a SYSTEM "xml-rss.xml">]', "&a;"),
        "parameter-entity": ('[<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]', "&b;"),
        "entity-in-an-attribute": (f"[{laughs}]", '<p class="&j;"></p>'),
        "entity-unknown": ("", "&nobody;"),
        "inclusion": ("", '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'),
    }
    for what, (subset, inside) in kinds.items():
        for family, make, root in (("g2", make_newsml, "newsItem"), ("nitf", make_nitf, "nitf")):
            head = f'<?xml version="1.0"?><!DOCTYPE {root} {subset}>' if subset else '<?xml version="1.0"?>'
            data = make("Roof", f"<p>{inside}</p>" if inside.startswith("&") else inside, head=head)
            yield BadInput(f"xml-{family}-{what}.xml", f"{family}: {what.replace('-', ' ')}", data=data)
    good = make_nitf("Roof", f"<p>{_NEWS}</p>")
    declared = {name: f'<?xml version="1.0" encoding="{name}"?>' for name in ("utf-16", "x-nobody", "us-ascii")}
    made = {
        "rss": b'<?xml version="1.0"?><rss version="2.0"><channel><title>Roof</title></channel></rss>',
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><text>Roof</text></svg>',
        "soap": b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>',
        "settings": b"<?xml version='1.0'?><plist version='1.0'><dict/></plist>",
        "other": b"<?xml version='1.0'?><orders><order id='1'/></orders>",
        "root-in-no-namespace": b"<newsItem><contentSet/></newsItem>",
        "declaration-only": b'<?xml version="1.0" encoding="UTF-8"?>',
        "comment-only": b"<!-- Snipers held the roof. -->",
        "two-roots": good + b"<nitf/>",
        "tags-crossed": good.replace(b"</p>", b"</q>"),
        "no-content-nitf": make_nitf("", ""),
        "no-content-g2": make_newsml("", ""),
        "no-content-set-g2": make_newsml("Roof", "").replace(b"contentSet", b"otherSet"),
        "picture-g2": make_newsml("Roof", '<img src="a.png" alt=""/>'),
        "declares-utf-16": make_nitf("Roof", f"<p>{_NEWS}</p>", head=declared["utf-16"]),
        "declares-unknown": make_nitf("Roof", f"<p>{_NEWS}</p>", head=declared["x-nobody"]),
        "declares-ascii": make_nitf("Roof", "<p>Besançon was hit.</p>", head=declared["us-ascii"]),
        "latin-1-as-utf-8": make_nitf("Roof", "<p>Besançon was hit.</p>").decode().encode("latin-1"),
        "nul-inside": good.replace(b"dusk", b"du\0k"),
        "control-inside": good.replace(b"dusk", b"du\x01k"),
        "nul-as-a-number": good.replace(b"dusk", b"&#0;"),
        "beyond-unicode": good.replace(b"dusk", b"&#x110000;"),
        "half-pair-as-a-number": good.replace(b"dusk", b"&#xD83D;"),
        "bare-ampersand": good.replace(b"dusk", b"dusk & dawn"),
        "attribute-twice": good.replace(b"<p>", b'<p a="1" a="2">'),
        "prefix-unknown": good.replace(b"<p>", b"<n:p>"),
        "deep": make_nitf("", "<p>" * 100_000 + "</p>" * 100_000),
        "deep-and-open": b"<nitf>" + b"<p>" * 100_000,
        "too-long": make_nitf("Roof", f"<p>{_LONG}</p>"),
        "attribute-too-long": make_nitf("", f'<p class="{"a" * 1_500_000}"></p>'),
        "text-before-the-declaration": b"  \n" + good,
    }
    for what, data in made.items():
        yield BadInput(f"xml-{what}.xml", f"xml: {what.replace('-', ' ')}", data=data)
