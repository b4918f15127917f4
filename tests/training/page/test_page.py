"""The report as files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from eventroles.labels import DataError, LabelSet
from eventroles.training import Evaluation
from eventroles.training.page import Findings, page, write_report
from eventroles.training.page.sections import SECTIONS

HOSTILE = "</p><script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }} \ud83d \x00 & \u202egnitset"


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    VOID = ("meta", "link", "br", "img", "hr", "input")

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures for papers out: they take most of the time."""
    monkeypatch.setattr(page, "_for_papers", lambda *_: [])


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert [] == reader.open
    return reader


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory,
    evaluation: Evaluation,
    robustness: Mapping[str, Any],
    crossvalidation: Mapping[str, Any],
    learning_curve: Mapping[str, Any],
) -> Path:
    folder = tmp_path_factory.mktemp("report")
    findings = Findings(robustness=robustness, crossvalidation=crossvalidation, learning_curve=learning_curve)
    write_report(folder, evaluation, findings=findings, date="1 May 2021", about={"Articles": "2019 to 2020"})
    return folder


def test_a_report_is_a_page_its_numbers_and_its_figures(folder: Path) -> None:
    stems = ["calibration", "confusion", "learning-curve", "precision-recall", "robustness", "scores"]
    figures = [f"figures/{stem}.{kind}" for stem in stems for kind in ("png", "svg")]
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert [*figures, "report.html", "report.json"] == found


def test_the_page_is_well_formed_and_has_every_section_in_the_list_of_contents(folder: Path) -> None:
    reader = read(folder / "report.html")
    sections = [attributes["id"] for tag, attributes in reader.tags if tag == "section"]
    links = [attributes["href"] for tag, attributes in reader.tags if tag == "a"]
    assert [one.anchor for one in SECTIONS] == sections
    assert ["#content", *(f"#{one.anchor}" for one in SECTIONS)] == links


def test_ids_are_unique_and_what_refers_to_them_finds_them(folder: Path) -> None:
    reader = read(folder / "report.html")
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert [] == [one for one in ids if ids.count(one) > 1]
    named = [attributes["aria-labelledby"] for _, attributes in reader.tags if "aria-labelledby" in attributes]
    assert set(named) <= set(ids)


def test_the_page_asks_for_nothing_and_forbids_it(folder: Path) -> None:
    reader = read(folder / "report.html")
    assert "script" not in [tag for tag, _ in reader.tags]
    assert [] == [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]
    policy = next(attributes["content"] for _, attributes in reader.tags if "http-equiv" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    addresses = [
        value for _, one in reader.tags for name, value in one.items() if name in ("src", "href", "xlink:href")
    ]
    assert [] == [one for one in addresses if not str(one).startswith(("#", "data:,"))]
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"} == set(
        re.findall(r"https?://[^\"'\s<]+", text)
    )
    assert "@import" not in text


def test_what_was_asked_for_is_there(folder: Path, evaluation: Evaluation) -> None:
    text = read(folder / "report.html").text
    for expected in (
        f"{evaluation.model.macro_f1.value:.3f}",
        "120 sentences in 20 documents",
        "1 May 2021",
        "2019 to 2020",
        "Norland ↔ Sudland",
        "Sudland shelled <b>the port</b>.",
        "Shells fell <i>near</i> Nara.",
        "2 sentences are longer than the model's window",
        "5.0\u202f% are decided automatically",
        "negation",
        "more <labels> would help",
        "Attack needs more labels most",
    ):
        assert expected in text


@pytest.mark.usefixtures("quick")
def test_what_is_missing_says_in_a_sentence_how_to_get_it(evaluation: Evaluation, tmp_path: Path) -> None:
    text = read(write_report(tmp_path, evaluation)).text
    for command in (
        "eventroles robustness",
        "eventroles learning-curve",
        "eventroles crossvalidate",
        "eventroles train",
    ):
        assert command in text
    assert not (tmp_path / "figures" / "robustness.svg").exists()


@pytest.mark.usefixtures("quick")
def test_sentences_are_text_whatever_they_hold(make_evaluation: Callable[..., Evaluation], tmp_path: Path) -> None:
    found = make_evaluation(text=HOSTILE, documents=12, noise=4.0)
    reader = read(write_report(tmp_path, found))
    assert {"script", "img"}.isdisjoint(tag for tag, _ in reader.tags)
    assert HOSTILE.replace("\ud83d", "\ufffd").replace("\x00", "\ufffd") in reader.text
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    alarms = [one for label in numbers["evaluation"]["mistakes"].values() for one in label["false_alarms"]]
    assert HOSTILE in alarms[0]["text"]


@pytest.mark.usefixtures("quick")
def test_no_folder_of_the_machine_is_in_the_page_or_the_numbers(
    make_evaluation: Callable[..., Evaluation], tmp_path: Path
) -> None:
    found = make_evaluation(name="/home/ann/runs/tiny", data=("/home/ann/data/new.jsonl",), baseline=False)
    write_report(tmp_path, found, warnings=["read /home/ann/data/new.jsonl again"])
    for name in ("report.html", "report.json"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "/home" not in text
        assert "secret" not in text
        assert "new.jsonl:" in text, "the place of a mistake is told by file and line"


def test_the_same_input_gives_the_same_bytes(evaluation: Evaluation, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(tmp_path / name, evaluation)
    for path in (tmp_path / "one").rglob("*.*"):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_all_numbers_are_read_back_from_the_json(folder: Path, evaluation: Evaluation) -> None:
    numbers = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert evaluation.model.to_dict() == numbers["evaluation"]["model"]
    assert evaluation.confusion.to_dict() == numbers["evaluation"]["confusion"]
    assert 5 == numbers["crossvalidation"]["folds"]
    assert numbers["leakage"] is None


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("count", "exclusive"), [(1, False), (3, True), (9, False)])
def test_any_label_set_has_a_report(
    make_evaluation: Callable[..., Evaluation],
    make_label_set: Callable[..., LabelSet],
    tmp_path: Path,
    count: int,
    exclusive: bool,
) -> None:
    labels = make_label_set(count, exclusive=exclusive)
    reader = read(write_report(tmp_path, make_evaluation(labels, documents=12)))
    assert "Title <0> & $x_0$" in reader.text
    panels = [one for tag, one in reader.tags if tag == "svg"]
    assert 2 * count + 1 == len(panels)
    assert ("most probable label" in reader.text) == exclusive


@pytest.mark.usefixtures("quick")
def test_labels_that_no_sentence_has_are_told_and_not_scored(
    make_evaluation: Callable[..., Evaluation], tmp_path: Path
) -> None:
    text = read(write_report(tmp_path, make_evaluation(documents=2, with_label=0.0, max_error=None))).text
    assert "nothing is known of the model there" in text
    assert "no review bands" in text
    assert [] == re.findall(r"\bnan\b", text)


@pytest.mark.usefixtures("quick")
def test_few_sentences_and_documents_are_warned_of(make_evaluation: Callable[..., Evaluation], tmp_path: Path) -> None:
    text = read(write_report(tmp_path, make_evaluation(documents=3), warnings=["The teacher saw them."])).text
    assert "Fewer than 30 sentences have Attack" in text
    assert "3 documents only" in text
    assert "The teacher saw them." in text


@pytest.mark.usefixtures("quick")
def test_a_report_of_400_sentences_is_small(make_evaluation: Callable[..., Evaluation], tmp_path: Path) -> None:
    path = write_report(tmp_path, make_evaluation(documents=40, sentences=10, noise=3.0))
    assert path.stat().st_size < 1_500_000


@pytest.mark.usefixtures("quick")
def test_a_folder_that_cannot_be_written_is_told(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DataError, match="cannot write the file"):
        write_report(tmp_path / "taken", evaluation)


@pytest.mark.usefixtures("quick")
def test_an_earlier_page_stays_whole_where_writing_fails(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.html").write_text("the earlier one")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(DataError, match=r"report\.html: cannot write the file: No space left on device"):
        write_report(tmp_path, evaluation)
    assert ["report.html"] == [path.name for path in tmp_path.iterdir()]
    assert "the earlier one" == (tmp_path / "report.html").read_text()
