"""The report in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from eventroles.training import Evaluation
from eventroles.training.page import Findings, page, write_report
from eventroles.training.page.sections import SECTIONS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
REQUIRED = "required" == os.environ.get("CI_BROWSER")


def find_browser() -> str:
    """Return the browser of this machine; without one the tests are skipped, or fail where CI_BROWSER=required."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        import playwright.sync_api  # noqa: F401
    except ModuleNotFoundError:
        found = None
    if found is None:
        give_up = pytest.fail if REQUIRED else pytest.skip
        give_up("no browser to open the report in: pip install playwright, apt-get install chromium")
    return str(found)


@dataclass
class Seen:
    """What a browser complained of while a page was open."""

    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory,
    evaluation: Evaluation,
    robustness: Mapping[str, Any],
    crossvalidation: Mapping[str, Any],
    learning_curve: Mapping[str, Any],
) -> str:
    findings = Findings(robustness=robustness, crossvalidation=crossvalidation, learning_curve=learning_curve)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "_for_papers", lambda *_: [])
        path: Path = write_report(tmp_path_factory.mktemp("report"), evaluation, findings=findings)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = find_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def opened(browser: Browser, address: str, seen: Seen) -> Iterator[Page]:
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.on("console", lambda message: seen.problems.append(message.text))
    tab.on("pageerror", lambda error: seen.problems.append(str(error)))
    tab.on("requestfailed", lambda request: seen.problems.append(request.url))
    tab.on("request", lambda request: seen.requests.append(request.url))
    tab.goto(address)
    yield tab
    tab.close()


def test_every_section_shows_and_nothing_fails_or_is_fetched(opened: Page, seen: Seen, address: str) -> None:
    for section in SECTIONS:
        heading = opened.locator(f"section#{section.anchor} > h2")
        assert section.title == heading.inner_text()
        assert opened.locator(f"section#{section.anchor}").is_visible()
        box = opened.locator(f"section#{section.anchor}").bounding_box()
        assert box is not None
        assert box["height"] > 60
    assert [] == seen.problems
    assert [address] == [url for url in seen.requests if not url.startswith("data:")]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_of_the_window(opened: Page, width: int, scheme: Any) -> None:
    opened.set_viewport_size({"width": width, "height": 800})
    opened.emulate_media(color_scheme=scheme)
    opened.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert width == opened.evaluate("document.documentElement.scrollWidth")


def test_the_list_of_contents_stays_in_sight(opened: Page) -> None:
    opened.locator("#reading").scroll_into_view_if_needed()
    opened.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
    box = opened.locator("nav").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 100


def test_headings_come_in_order_under_a_single_title(opened: Page) -> None:
    levels = opened.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(one => Number(one.tagName[1]))")
    assert 1 == levels.count(1)
    assert 1 == levels[0]
    assert [] == [(one, other) for one, other in pairwise(levels) if other > one + 1]


def test_every_picture_table_and_region_has_a_name(opened: Page) -> None:
    pictures = opened.locator("svg, img")
    assert pictures.count() == opened.get_by_role("img").count() > 8
    names = opened.evaluate("[...document.querySelectorAll('svg, img')].map(one => one.getAttribute('aria-label'))")
    assert all(len(name) > 20 for name in names)
    assert len(names) == len(set(names))
    captions = opened.evaluate("[...document.querySelectorAll('table')].map(one => one.caption?.textContent || '')")
    assert "" not in captions
    assert 0 == opened.locator("th:not([scope])").count()
    assert ["main", "navigation", "banner", "contentinfo"] == [
        role
        for role in ("main", "navigation", "banner", "contentinfo")
        if opened.get_by_role(role).count() == 1  # type: ignore[arg-type]
    ]


def test_the_keyboard_reaches_the_text_the_contents_and_what_is_folded(opened: Page) -> None:
    opened.keyboard.press("Tab")
    assert "#content" == opened.evaluate("document.activeElement.getAttribute('href')")
    opened.keyboard.press("Tab")
    assert "#summary" == opened.evaluate("document.activeElement.getAttribute('href')")
    outline = opened.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert "solid" == outline, "where the focus is can be seen"
    for _ in range(60):
        opened.keyboard.press("Tab")
        if "SUMMARY" == opened.evaluate("document.activeElement.tagName"):
            break
    assert not opened.evaluate("document.activeElement.parentElement.open")
    opened.keyboard.press("Enter")
    assert opened.evaluate("document.activeElement.parentElement.open")


def test_text_can_be_read_in_light_and_dark(opened: Page) -> None:
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        faint = opened.evaluate(CONTRASTS)
        assert [] == faint, scheme


def test_paper_holds_what_is_folded_and_no_list_of_contents(opened: Page, tmp_path: Path) -> None:
    pypdfium2 = pytest.importorskip("pypdfium2")
    folded = opened.locator("details:not([open]) .mistake mark").last
    assert not folded.is_visible()
    hidden = folded.text_content()
    assert hidden
    opened.emulate_media(color_scheme="dark")
    opened.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    document = pypdfium2.PdfDocument(tmp_path / "report.pdf")
    text = " ".join(" ".join(page.get_textpage().get_text_bounded() for page in document).split())
    document.close()
    assert hidden in text
    assert "Contents" not in text
    assert "How to read this" in text


# Text whose contrast with what is behind it is below 4.5:1 (3:1 where it is large), as WCAG 2.2 AA asks.
CONTRASTS = """() => {
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const over = (colors) => {
    context.clearRect(0, 0, 1, 1);
    for (const color of colors) { context.fillStyle = color; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => rgb.map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const found = new Set();
  for (const one of document.querySelectorAll('body *')) {
    const own = [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || one.closest('.hidden, .skip') || !one.getClientRects().length) continue;
    const behind = [];
    for (let at = one; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const style = getComputedStyle(one), paper = over(behind);
    const ink = over([...behind, one.closest('svg') ? style.fill : style.color]);
    const [high, low] = [luminance(ink), luminance(paper)].sort((a, b) => b - a);
    const large = parseFloat(style.fontSize) >= 24;
    if ((high + 0.05) / (low + 0.05) < (large ? 3 : 4.5)) found.add(`${one.tagName}.${one.className} ${ink} ${paper}`);
  }
  return [...found];
}"""
