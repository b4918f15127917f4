"""Tables without text, with bad rows only, and in forms that are none."""

from __future__ import annotations

from collections.abc import Iterator

from reliability.bad_input import BadInput
from reliability.formats import make_csv, make_gzip, make_jsonl, make_parquet, make_zst

_NEWS = "Scouts were shot at from the water tower. They fired back, the captain said."
_LONG = "The line goes on and on. " * 60_000  # 1.5 MB


def bad_tables() -> Iterator[BadInput]:
    """Yield tables that lose at least one row."""
    yield from _jsonl()
    yield from _csv()
    yield from _parquet()
    yield from _compressed()


def _jsonl() -> Iterator[BadInput]:
    good = make_jsonl([{"text": _NEWS}])
    wrong: dict[str, bytes] = {
        "array-of-rows": b'[{"text": "One."}, {"text": "Two."}]\n',
        "one-object-over-lines": b'{\n  "text": "One."\n}\n',
        "no-text-column": b'{"body": "One."}\n{"body": "Two."}\n',
        "text-in-another-case": b'{"TEXT": "One."}\n',
        "null-text": b'{"text": null}\n',
        "number-text": b'{"text": 7}\n',
        "true-text": b'{"text": true}\n',
        "list-text": b'{"text": ["One.", "Two."]}\n',
        "object-text": b'{"text": {"value": "One."}}\n',
        "empty-text": b'{"text": ""}\n{"text": "  "}\n',
        "list-id": b'{"id": [1], "text": "One."}\n',
        "nan": b"NaN\n",
        "nan-text": b'{"text": NaN}\n',
        "infinity": b"-Infinity\n",
        "string-rows": b'"One."\n"Two."\n',
        "null-rows": b"null\nnull\n",
        "empty-objects": b"{}\n{}\n",
        "deep-lists": b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n",
        "deep-objects": b'{"text":' * 100_000 + b"1" + b"}" * 100_000 + b"\n",
        "deep-and-open": b"[" * 500_000 + b"\n",
        "endless-number": b'{"text": ' + b"9" * 5_000 + b"}\n",
        "single-quotes": b"{'text': 'One.'}\n",
        "no-quotes": b"{text: One.}\n",
        "last-comma": b'{"text": "One.",}\n',
        "comment": b'// {"text": "One."}\n',
        "two-on-a-line": b'{"text": "One."}{"text": "Two."}\n',
        "open-string": b'{"text": "One.}\n',
        "open-object": b'{"text": "One."\n',
        "bad-escape": b'{"text": "\\x41"}\n',
        "cut-escape": b'{"text": "\\u00"}\n',
        "raw-tab-and-control": b'{"text": "One\x01\ttwo."}\n',
        "nul-in-text": b'{"text": "One\0two."}\n',
        "latin-1": '{"text": "Une attaque à Besançon."}\n'.encode("latin-1"),
        "overlong-utf-8": b'{"text": "\xc0\xaf\xc0\xaf"}\n',
        "surrogates-in-utf-8": b'{"text": "\xed\xa0\xbd"}\n',
        "utf-16": '{"text": "One."}\n'.encode("utf-16"),
        "utf-16-without-mark": '{"text": "One."}\n'.encode("utf-16-le"),
        "utf-32": '{"text": "One."}\n'.encode("utf-32"),
        "python": b"{'text': u'One.', 'n': None}\n",
        "yaml": b"- text: One.\n- text: Two.\n",
        "row-too-long": make_jsonl([{"text": _LONG}]),
        "line-without-end": b'{"text": "' + b"a" * 1_500_000,
    }
    for what, data in wrong.items():
        yield BadInput(f"jsonl-{what}.jsonl", f"jsonl: {what.replace('-', ' ')}", data=data)
    for what in ("null-text", "open-string", "latin-1", "row-too-long", "deep-lists", "string-rows"):
        data = good + wrong[what] + good
        yield BadInput(f"jsonl-{what}-and-good.jsonl", f"jsonl: {what.replace('-', ' ')} between good rows", 2, data)
    for what, text in {"high": "\\ud83d", "low": "\\ude00", "swapped": "\\ude00\\ud83d"}.items():
        data = b'{"text": "%b"}\n' % text.encode()
        yield BadInput(f"jsonl-surrogate-{what}.jsonl", f"jsonl: half a surrogate pair alone, {what}", data=data)


def _csv() -> Iterator[BadInput]:
    wrong: dict[str, bytes] = {
        "no-header": b"1,Shots were fired.\r\n2,Nobody was hurt.\r\n",
        "no-text-column": b"id,body\r\n1,Shots were fired.\r\n",
        "text-in-another-case": b"id,Text\r\n1,Shots were fired.\r\n",
        "open-quote-in-header": b'id,"text\r\n1,Shots were fired.\r\n',
        "open-quote": b'id,text\r\n1,"Shots were fired.\r\n2,Nobody was hurt.\r\n',
        "text-behind-a-quote": b'id,text\r\n1,"Shots" were fired.\r\n',
        "too-many-fields": b"id,text\r\n1,Shots were fired, and nobody was hurt.\r\n",
        "too-few-fields": b"id,text\r\n1\r\n2\r\n",
        "empty-fields": b"id,text\r\n1,\r\n2,  \r\n",
        "another-delimiter": b"id|text\r\n1|Shots were fired.\r\n",
        "nul": b"id,text\r\n1,Shots\0were fired.\r\n",
        "utf-16-without-mark": "id,text\r\n1,Shots were fired.\r\n".encode("utf-16-le"),
        "utf-16-cut": "id,text\r\n1,Shots were fired.\r\n".encode("utf-16")[:-1],
        "controls": b"id,text\r\n1,\x01\x02\x03\x04\x05\x06\x0e\x0f\r\n",
        "quote-only": b'"',
        "delimiters-only": b",,,\r\n,,,\r\n",
        "html-table": b"<table><tr><td>id</td><td>text</td></tr></table>\n",
        "field-too-long": make_csv([["id", "text"], ["1", _LONG]]),
        "header-too-long": b"a" * 1_500_000 + b",text\r\n1,Shots were fired.\r\n",
        "many-columns": b",".join(b"c%d" % number for number in range(50_000)) + b"\r\n" + b"1," * 49_999 + b"1\r\n",
    }
    for what, data in wrong.items():
        yield BadInput(f"csv-{what}.csv", f"csv: {what.replace('-', ' ')}", data=data)
        if data.count(b",") < 10 and what not in ("another-delimiter", "quote-only", "html-table", "too-many-fields"):
            tabs = data.replace(b",", b"\t")
            yield BadInput(f"tsv-{what}.tsv", f"tsv: {what.replace('-', ' ')}", data=tabs)
    rows = b'id,text\r\n1,Shots were fired.\r\n2\r\n3,Nobody was hurt.\r\n4,"Open\r\n'
    yield BadInput("csv-bad-and-good.csv", "csv: a short row and an open quote among good rows", 2, rows)
    tabs = b"id\ttext\r\n1\tShots were fired.\r\n2\tNobody\twas hurt.\r\n"
    yield BadInput("tsv-bad-and-good.tsv", "tsv: a row with a field too many below a good one", 1, tabs)


def _parquet() -> Iterator[BadInput]:
    import pyarrow as pa

    wrong: dict[str, dict[str, object]] = {
        "no-text-column": {"body": ["One."]},
        "no-column": {},
        "number-text": {"text": [1, 2]},
        "null-text": {"text": [None, None]},
        "null-type-text": {"text": pa.nulls(2), "lang": ["en", "fr"]},
        "empty-text": {"text": ["", " \n"]},
        "list-text": {"text": [["One."], ["Two."]]},
        "struct-text": {"text": [{"value": "One."}]},
        "date-text": {"text": pa.array([0, 1], pa.timestamp("s"))},
        "bytes-text": {"text": pa.array([b"\xff\xfe\0", b"\x80"], pa.binary())},
        "not-utf-8-text": {"text": _not_utf8()},
        "list-id": {"id": [[1]], "text": ["One."]},
        "row-too-long": {"text": [_LONG]},
    }
    for what, columns in wrong.items():
        data = make_parquet(columns)  # type: ignore[arg-type]
        yield BadInput(f"parquet-{what}.parquet", f"parquet: {what.replace('-', ' ')}", data=data)
    mixed = make_parquet({"text": ["One came home.", None, "", "Two stayed."]})
    yield BadInput("parquet-bad-and-good.parquet", "parquet: a null and an empty text between good rows", 2, mixed)
    # Not packed and without a dictionary, the pages lie where they were written, one behind the other.
    plain = make_parquet({"text": [_NEWS + str(n) for n in range(200)]}, compression="none", use_dictionary=False)
    middle = plain.index(b"said.100")
    for what, data in {
        "lengths": plain[: middle - len(_NEWS)] + b"\xff\xff\xff\x7f" + plain[middle - len(_NEWS) + 4 :],
        "page-header": plain[:4] + b"\x15\xff\xff\xff\xff\xff\x0f" + plain[11:],
        "pages-taken-out": plain[: middle - 2_000] + plain[middle + 2_000 :],
    }.items():
        yield BadInput(f"parquet-broken-{what}.parquet", f"parquet: broken {what.replace('-', ' ')}", data=data)


def _compressed() -> Iterator[BadInput]:
    rows = make_jsonl([{"body": "One."}])
    yield BadInput("packed-no-text-column.jsonl.gz", "jsonl.gz: no text column", data=make_gzip(rows))
    yield BadInput("packed-no-text-column.jsonl.zst", "jsonl.zst: no text column", data=make_zst(rows))
    yield BadInput("packed-open-quote.csv.gz", "csv.gz: open quote", data=make_gzip(b'id,text\n1,"Shots\n'))
    yield BadInput("packed-open-quote.csv.zst", "csv.zst: open quote", data=make_zst(b'id,text\n1,"Shots\n'))
    yield BadInput(
        "packed-footer.parquet.gz", "parquet.gz: no footer", data=make_gzip(make_parquet({"text": ["a"]})[:-8])
    )
    long = make_gzip(make_jsonl([{"text": _LONG}, {"text": _NEWS}]))
    yield BadInput("packed-row-too-long.jsonl.gz", "jsonl.gz: a row too long above a good one", 1, long)


def _not_utf8() -> object:
    """Return a column that says it is text and is not."""
    import pyarrow as pa

    raw = pa.array([b"\xff\xfe\xfd", b"caf\xe9"], pa.binary())
    return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
