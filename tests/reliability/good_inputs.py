"""One small, whole file of every format, each with a text of its own and a phrase that must come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reliability.formats import (
    make_csv,
    make_docx,
    make_epub,
    make_gzip,
    make_html,
    make_jsonl,
    make_mail,
    make_mbox,
    make_newsml,
    make_nitf,
    make_parquet,
    make_pdf,
    make_rtf,
    make_tar,
    make_zip,
    make_zst,
)


@dataclass(frozen=True)
class GoodInput:
    """A file, and a phrase of its text: where it has several documents, of the last."""

    data: bytes
    phrase: str


def write_good_inputs(folder: Path) -> dict[str, str]:
    """Write one file of every format; return each file's name with a phrase that its extracted text must hold."""
    folder.mkdir(parents=True, exist_ok=True)
    made = good_inputs()
    for name, good in made.items():
        (folder / name).write_bytes(good.data)
    return {name: good.phrase for name, good in made.items()}


def good_inputs() -> Mapping[str, GoodInput]:
    """Return the files by name, in the order of the formats: texts, documents, mail, XML, tables, archives."""
    return {**_texts(), **_documents(), **_mail_and_xml(), **_tables(), **_compressed(), **_archives()}


def _texts() -> dict[str, GoodInput]:
    plain = (
        "Mortar rounds landed beside the grain store at Velm before sunrise. Two night watchmen were taken to "
        "hospital with cuts.\nThe garrison said it had fired no weapon that night.\n"
    )
    marked = (
        "# Ferry landing hit\n\nA drone struck the **ferry landing** at Ostrel on Sunday. Dockers counted four "
        "dead under the collapsed roof.\n\nRepairs will take a month, the harbour office said.\n"
    )
    page = [
        "Gunmen on motorcycles stormed the police post at Karun Bridge shortly after the evening prayer, residents of "
        "the nearby hamlet said by telephone. They burned two trucks and left with a crate of rifles.",
        "The interior ministry confirmed the raid and put the number of missing constables at three. A search party "
        "was sent up the valley at first light, a spokeswoman said.",
        "It was the second raid on the bridge this season, and traders have begun to take the longer road.",
    ]
    short = [
        "Engineers reopened the pumping station outside Tal Mareb after eleven days without water, a relief worker "
        "wrote in her daily note. Shell holes in the main pipe had been patched with steel plates.",
        "The army blamed the damage on rebels who, it said, had wanted to answer last week's air strike. The rebels' "
        "office denied that and accused the army of shelling its own pipe.",
        "About nine thousand people depend on the station, and queues at the two wells in town have lasted all night.",
    ]
    return {
        "plain.txt": GoodInput(plain.encode(), "Two night watchmen were taken to hospital"),
        "marked.md": GoodInput(marked.encode(), "Dockers counted four dead"),
        "page.html": GoodInput(make_html("Raid on Karun Bridge", page), "They burned two trucks"),
        "short.htm": GoodInput(make_html("Water returns to Tal Mareb", short), "patched with steel plates"),
    }


def _documents() -> dict[str, GoodInput]:
    printed = [
        "The rebel council ordered a ceasefire along the Iddo river.",
        "Its field commander said snipers had broken it within the hour.",
        "Nobody was reported hurt.",
    ]
    typed = [
        "Relatives buried seven farm hands in Old Harrow on Thursday.",
        "They had been shot at a checkpoint. The governor promised an inquiry, and the militia that runs the "
        "checkpoint called the shooting an error.",
    ]
    chapters = [
        "<h1>One</h1><p>Our convoy waited four hours at the pass while sappers cleared the road. Then the first "
        "rockets came over the ridge.</p>",
        "<h1>Two</h1><p>By noon the clinic in Seld had run out of plasma. A nurse read us the names of the wounded, "
        "and the list filled both sides of the page.</p>",
    ]
    rich = [
        "Coast guards opened fire on a smugglers' launch off Point Nadir.",
        "Three crew drowned. The navy announced an inquest for May.",
    ]
    return {
        "printed.pdf": GoodInput(make_pdf(printed), "snipers had broken it within the hour"),
        "typed.docx": GoodInput(make_docx(typed), "The governor promised an inquiry"),
        "book.epub": GoodInput(make_epub(chapters), "run out of plasma"),
        "rich.rtf": GoodInput(make_rtf(rich), "The navy announced an inquest for May"),
    }


def _mail_and_xml() -> dict[str, GoodInput]:
    letter = (
        "Colleagues,\r\n\r\nthe hospital in Brenn received nineteen wounded last night. All of them came from the "
        "market that was bombed at dusk.\r\n\r\nThe air force has not commented."
    )
    first = "Tribal fighters ambushed a fuel convoy south of Wadi Lorn. Five drivers are being held."
    second = "The drivers held at Wadi Lorn were freed today. Elders had paid for them in sheep, one of them told us."
    newsml = (
        "<p>Artillery pounded the heights above Cresk for a third day.</p><p>Rescuers pulled an old couple alive from "
        "a cellar, the mayor said.</p>"
    )
    nitf = (
        "<p>Police in Damar fired tear gas at marchers who threw stones.</p><p>A student lost an eye, according to the "
        "union. The prefect spoke of measured force.</p>"
    )
    return {
        "letter.eml": GoodInput(make_mail("Brenn hospital", letter), "received nineteen wounded last night"),
        "box.mbox": GoodInput(
            make_mbox([make_mail("Ambush", first), make_mail("Freed", second)]), "Elders had paid for them in sheep"
        ),
        "wire-g2.xml": GoodInput(make_newsml("Heights above Cresk shelled", newsml), "pulled an old couple alive"),
        "wire-nitf.xml": GoodInput(make_nitf("Marchers gassed in Damar", nitf), "A student lost an eye"),
    }


def _tables() -> dict[str, GoodInput]:
    lines = [
        {
            "id": "border-1",
            "text": "Border guards traded shots across the Sunn canal. The exchange lasted ten minutes.",
        },
        {"id": "border-2", "text": "Both capitals protested over the canal shooting. Neither side named its losses."},
    ]
    commas = [
        ["id", "text"],
        ["siege-1", "The siege of Fort Anselm entered its fifth week. Bread is down to one loaf a family."],
        ["siege-2", "Besiegers at Fort Anselm let the sick leave. Forty came out on stretchers, a monk said."],
    ]
    tabs = [["id", "text"], ["mine-1", "A shepherd trod on a mine near Gorst. His brother, who ran to him, also died."]]
    cells = {
        "id": ["air-1", "air-2"],
        "text": [
            "Jets bombed an airstrip held by separatists at Yarrow.",
            "Separatists vowed to avenge the airstrip. Hours later a rocket hit the officers' mess in Linden.",
        ],
    }
    return {
        "lines.jsonl": GoodInput(make_jsonl(lines), "traded shots across the Sunn canal"),
        "commas.csv": GoodInput(make_csv(commas), "Forty came out on stretchers"),
        "tabs.tsv": GoodInput(make_csv(tabs, "\t"), "A shepherd trod on a mine near Gorst"),
        "cells.parquet": GoodInput(make_parquet(cells), "a rocket hit the officers' mess"),
    }


def _compressed() -> dict[str, GoodInput]:
    text = b"Masked men set fire to the customs shed at Pell. The warden got his children out through a window.\n"
    other = b"Peacekeepers found a second arms cache under the school in Orla. No arrests were made, they said.\n"
    rows = [{"id": "coup-1", "text": "Tanks circled the radio house in Merrin. The general read a statement at six."}]
    table = [["id", "text"], ["truce-1", "Envoys extended the truce in Hask by ten days. Shelling fell off by dusk."]]
    return {
        "shed.txt.gz": GoodInput(make_gzip(text), "The warden got his children out"),
        "cache.txt.zst": GoodInput(make_zst(other), "a second arms cache under the school"),
        "coup.jsonl.gz": GoodInput(make_gzip(make_jsonl(rows)), "Tanks circled the radio house"),
        "truce.csv.zst": GoodInput(make_zst(make_csv(table)), "extended the truce in Hask"),
    }


def _archives() -> dict[str, GoodInput]:
    zipped: dict[str, bytes | str] = {
        "north/quarry.txt": "Quarry workers were lined up and shot in Tessel. One man survived beneath the others.",
        "south/mill.md": "Loyalists retook the mill at Adder Creek. They answered a raid of the week before.",
    }
    tarred = {
        "barge.txt": b"A shell sank a coal barge on the lower Rhun. Its skipper swam ashore.",
        "well.txt": b"Someone poisoned the village well in Kesh. The district officer blamed deserters.",
    }
    rolled = {"tower.txt": b"Saboteurs cut down a pylon outside Norwick. Half the city was dark until ten."}
    inner = make_tar(
        {"monastery.txt": b"Monks hid eighty villagers from the patrol at Sant Orrin. Nobody betrayed them."}
    )
    return {
        "region.zip": GoodInput(make_zip(zipped), "One man survived beneath the others"),
        "river.tar": GoodInput(make_tar(tarred), "Its skipper swam ashore"),
        "power.tar.gz": GoodInput(make_gzip(make_tar(rolled)), "Half the city was dark until ten"),
        "nested.zip": GoodInput(make_zip({"inner/abbey.tar": inner}), "Monks hid eighty villagers"),
    }
