"""PDF, Word, book and rich text files without text, locked, or built wrongly inside."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator

from reliability.bad_input import OLE, PNG, BadInput, noise
from reliability.formats import (
    CONTAINER,
    CONTENT_TYPES,
    DOCX_LINKS,
    make_docx,
    make_epub,
    make_pdf,
    make_pdf_of,
    make_rtf,
    make_zip,
)

_NEWS = ["The convoy turned back at the ford.", "A driver was hit in the arm, the relief agency said."]
_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "boom boom boom boom">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
_OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
_WORD = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{}</w:body></w:document>'
_OPF = '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/>{}</package>'
_LOCKED = (
    '<?xml version="1.0"?><encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
    'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod '
    'Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/><enc:CipherData><enc:CipherReference '
    'URI="book/c1.xhtml"/></enc:CipherData></enc:EncryptedData></encryption>'
)


def bad_documents(rng: random.Random) -> Iterator[BadInput]:
    """Yield documents that give no text."""
    yield from _pdf(rng)
    yield from _docx(rng)
    yield from _epub(rng)
    yield from _rtf(rng)


def _pdf(rng: random.Random) -> Iterator[BadInput]:
    good = make_pdf(_NEWS)
    locked = b"<</Filter/Standard/V 2/R 3/Length 128/P -3904/O<%s>/U<%s>>>" % (
        rng.randbytes(32).hex().encode(),
        rng.randbytes(32).hex().encode(),
    )
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>"
    catalogue, pages = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    drawing = b"0 0 m 100 100 l S"
    trailer = b"/Encrypt 6 0 R/ID[<00><00>]"
    made = {
        "locked": make_pdf(_NEWS, trailer=trailer, extra=[locked]),
        "locked-unknown-filter": make_pdf(_NEWS, trailer=trailer, extra=[b"<</Filter/Nobody.Knows/V 9>>"]),
        "locked-key-missing": make_pdf(_NEWS, trailer=trailer, extra=[b"<</Filter/Standard/V 5/R 6/P -1>>"]),
        "drawing-only": make_pdf_of([catalogue, pages, page, _stream(drawing)]),
        "picture-only": make_pdf_of([catalogue, pages, page, _stream(b"q BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q")]),
        "blank-page": make_pdf_of([catalogue, pages, page.replace(b"/Contents 4 0 R", b"")]),
        "no-page": make_pdf_of([catalogue, b"<</Type/Pages/Kids[]/Count 0>>"]),
        "pages-missing": make_pdf_of([b"<</Type/Catalog>>"]),
        "pages-in-a-circle": make_pdf_of([catalogue, b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>"]),
        "page-is-its-own-parent": make_pdf_of([catalogue, b"<</Type/Pages/Kids[2 0 R]/Parent 2 0 R/Count 1>>"]),
        "count-of-millions": make_pdf_of([catalogue, b"<</Type/Pages/Kids[9 0 R]/Count 9999999>>"]),
        "count-negative": make_pdf_of([catalogue, b"<</Type/Pages/Kids[]/Count -5>>"]),
        "catalogue-is-a-number": make_pdf_of([b" 7"]),
        "stream-of-garbage": make_pdf_of([catalogue, pages, page, _stream(noise(200, rng), b"/Filter/FlateDecode")]),
        "stream-bomb": make_pdf_of(
            [catalogue, pages, page, _stream(zlib.compress(b" " * (8 << 20)), b"/Filter/FlateDecode")]
        ),
        "filters-on-filters": make_pdf_of(
            [catalogue, pages, page, _stream(drawing, b"/Filter[" + b"/ASCIIHexDecode" * 500 + b"]")]
        ),
        "length-huge": make_pdf_of([catalogue, pages, page, b"<</Length 99999999999>>stream\nx\nendstream"]),
        "length-in-a-circle": make_pdf_of([catalogue, pages, page, b"<</Length 4 0 R>>stream\nx\nendstream"]),
        "deep-lists": make_pdf_of([catalogue, b"[" * 50_000 + b"]" * 50_000]),
        "header-only": b"%PDF-1.7\n%%EOF\n",
        "script-only": make_pdf_of([b"<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>"]),
        "without-objects": b"%PDF-1.4\n" + good[good.index(b"xref") :],
        "reference-beyond": good.replace(b"/Contents 4 0 R", b"/Contents 8 0 R"),
        "no-end-of-strings": good.replace(b"/Kids[3 0 R]", b"/Kids(3 0 R "),
    }
    for what, data in made.items():
        yield BadInput(f"pdf-{what}.pdf", f"pdf: {what.replace('-', ' ')}", data=data)


def _docx(rng: random.Random) -> Iterator[BadInput]:
    path_out = DOCX_LINKS.replace("word/document.xml", "../../../../etc/passwd")
    network = DOCX_LINKS.replace('Target="word/document.xml"', 'Target="http://127.0.0.1:9/x" TargetMode="External"')
    sheet = CONTENT_TYPES.replace("wordprocessingml.document", "spreadsheetml.sheet")
    slides = CONTENT_TYPES.replace("wordprocessingml.document", "presentationml.presentation")
    made = {
        "old-office": OLE + noise(800, rng),
        "locked": OLE + "EncryptedPackage".encode("utf-16-le") + noise(800, rng),
        "no-text": make_docx(["", "  "]),
        "no-paragraph": make_docx([]),
        "no-document": make_docx(_NEWS, document=""),
        "no-types": make_docx(_NEWS, types=""),
        "no-links": make_docx(_NEWS, links=""),
        "broken-types": make_docx(_NEWS, types="<Types"),
        "broken-links": make_docx(_NEWS, links="<Relationships>"),
        "broken-document": make_docx(_NEWS, document=_WORD.format("").replace("</w:body>", "")),
        "binary-document": make_docx(_NEWS, document=PNG),
        "other-root": make_docx(_NEWS, document='<?xml version="1.0"?><html><p>One.</p></html>'),
        "link-out": make_docx(_NEWS, links=path_out),
        "link-to-network": make_docx(_NEWS, links=network),
        "sheet": make_docx(_NEWS, types=sheet),
        "slides": make_docx(_NEWS, types=slides),
        "open-document": make_zip({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<a/>"}),
        "entity-bomb": make_docx([], document=_BOMB + _WORD.format("<w:p><w:r><w:t>&j;</w:t></w:r></w:p>")),
        "entity-outside": make_docx([], document=_OUTSIDE + _WORD.format("<w:p><w:r><w:t>&a;</w:t></w:r></w:p>")),
        "spaces-bomb": make_docx([" " * (4 << 20)]),
        "deep": make_docx([], document=_WORD.format("<w:p>" * 50_000 + "</w:p>" * 50_000)),
        "pictures-only": make_docx([], document=_WORD.format("<w:p><w:r><w:drawing/></w:r></w:p>")),
    }
    for what, data in made.items():
        yield BadInput(f"docx-{what}.docx", f"docx: {what.replace('-', ' ')}", data=data)


def _epub(rng: random.Random) -> Iterator[BadInput]:
    chapter = "<p>The ferry was searched twice.</p>"
    spine = '<manifest><item id="c1" href="{}" media-type="application/xhtml+xml"/></manifest><spine>{}</spine>'
    gone = _OPF.format(spine.format("gone.xhtml", '<itemref idref="c1"/>'))
    out = _OPF.format(spine.format("../../../../etc/passwd", '<itemref idref="c1"/>'))
    unknown = _OPF.format(spine.format("c1.xhtml", '<itemref idref="c9"/>'))
    made = {
        "no-container": make_epub([chapter], container=""),
        "broken-container": make_epub([chapter], container="<container>"),
        "container-without-book": make_epub([chapter], container=CONTAINER.replace("rootfile ", "other ")),
        "container-leads-out": make_epub([chapter], container=CONTAINER.replace("book/", "../../../etc/")),
        "container-leads-nowhere": make_epub([chapter], container=CONTAINER.replace("book/", "elsewhere/")),
        "container-bomb": make_epub([chapter], container=_BOMB + "<container>&j;</container>"),
        "no-package": make_epub([chapter], package=""),
        "broken-package": make_epub([chapter], package="<package><manifest>"),
        "package-bomb": make_epub([chapter], package=_BOMB + _OPF.format("&j;")),
        "empty-package": make_epub([chapter], package=_OPF.format("")),
        "empty-spine": make_epub([chapter], package=_OPF.format(spine.format("c1.xhtml", ""))),
        "chapter-gone": make_epub([chapter], package=gone),
        "chapter-unknown": make_epub([chapter], package=unknown),
        "chapter-outside": make_epub([chapter], package=out),
        "locked": make_epub([noise(400, rng).hex()], rights=_LOCKED),
        "no-text": make_epub(["<p></p>", "<div> </div>"]),
        "pictures-only": make_epub(['<p><img src="a.png" alt=""/></p>']),
        "no-chapter": make_epub([]),
        "spaces-bomb": make_epub([" " * (4 << 20)]),
        "mimetype-only": make_zip({"mimetype": "application/epub+zip"}),
    }
    for what, data in made.items():
        yield BadInput(f"epub-{what}.epub", f"epub: {what.replace('-', ' ')}", data=data)


def _rtf(rng: random.Random) -> Iterator[BadInput]:
    head = b"{\\rtf1\\ansi\\deff0"
    made = {
        "no-text": make_rtf([]),
        "head-only": head + b"}",
        "not-closed-and-empty": head + b"{\\fonttbl{\\f0 Times",
        "without-its-mark": b"\\ansi The ferry was searched.}",
        "picture-only": head + b"{\\pict\\pngblip " + PNG.hex().encode() + b"}}",
        "object-only": head + b"{\\object\\objemb{\\*\\objdata " + OLE.hex().encode() + b"}}}",
        "binary-part": head + b"{\\pict\\bin900 " + noise(900, rng) + b"}}",
        "binary-part-too-long": head + b"{\\pict\\bin999999999 " + noise(90, rng),
        "deep-and-empty": head + b"{" * 100_000,
        "deep-closed-and-empty": head + b"{" * 100_000 + b"}" * 100_001,
        "utf-16-without-mark": make_rtf(_NEWS).decode().encode("utf-16-le"),
        "hidden-only": head + b"{\\*\\generator Nobody 1.0;}{\\info{\\title Ferry}}}",
        "too-long": make_rtf(["The line goes on. " * 90_000]),
    }
    for what, data in made.items():
        yield BadInput(f"rtf-{what}.rtf", f"rtf: {what.replace('-', ' ')}", data=data)


def _stream(data: bytes, more: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (more, len(data), data)
