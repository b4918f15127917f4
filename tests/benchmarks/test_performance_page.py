"""Tests of the page, its chart and the targets, from findings that were made up."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ElementTree

from chart import draw_chart
from eventroles.inference.manifest import Comparison
from findings import Findings, judge
from invariance import Invariance
from machine import Machine
from peak import Operations, Share
from performance_page import render_page
from processes import ColdStart, Memory
from speeds import FOLDER, FOLDER_ENGINE, FP32, INT8, PIPELINE_1, PIPELINE_32, Speed

RATES = {PIPELINE_1: 50, PIPELINE_32: 100, FP32: 300, INT8: 800, FOLDER: 640, FOLDER_ENGINE: 780}
FINDINGS = Findings(
    machine=Machine("A processor", 2, ("avx2",), 0.1, "Linux x86_64", {"Python": "3.11"}, "2026-01-02"),
    rounds=3,
    mean=27.04,
    deciles=[14, 20, 22, 23, 26, 29, 31, 33, 41],
    speeds={name: Speed(name, 1200, (rate - 5.0, float(rate), rate + 9.0)) for name, rate in RATES.items()},
    layouts=[Speed("2 × 1 thread, 512 tokens a batch", 1200, (900.0, 910.0, 920.0))],
    shares=[Share(INT8, Operations(600e6, 500e6), speed=800.0, peak=1e12)],
    cold_start=ColdStart(tag=(0.9, 1.0, 1.1), pipeline=(3.0, 5.0, 6.0)),
    memory=[
        Memory("eventroles tag, 1 ×", 100, 1000, 200_000_000),
        Memory("eventroles tag, 100 ×", 10_000, 100_000, 230_000_000),
        Memory("transformers.pipeline, batch 32, 1 ×", 100, 1000, 600_000_000),
    ],
    invariance=[Invariance(PIPELINE_32, 400, 0.9975, 1.2e-7), Invariance(INT8, 400, 0.0, 0.0)],
    contracts={INT8: Comparison.model_construct(
        sentences=386,
        decisions=1544,
        largest_change=0.0812,
        mean_change=0.0021,
        flips={"attack": 2, "retaliation": 1},
        macro_f1=0.86,
        macro_f1_change=-0.0012,
    )},
)  # fmt: skip


def test_targets_are_met_missed_or_not_measured() -> None:
    found = {target.name: (target.found, target.met) for target in judge(FINDINGS)}
    assert ("16.00 ×", True) == found["int8 to the pipeline, batch 1"]
    assert ("8.00 ×", True) == found["int8 to the pipeline, batch 32"]
    assert ("–", None) == found["student to int8"]
    assert ("0.82 ×", False) == found["a folder to the engine alone"]
    assert ("0.20", True) == found["cold start to the pipeline's"]
    assert ("230 MB", True) == found["peak memory"]
    assert ("1.15", False) == found["peak memory, 100 × the corpus to 1 ×"]


def test_the_page_says_how_it_was_made_and_what_was_found() -> None:
    page = render_page(FINDINGS, chart="performance.svg")
    assert "make bench" in page.splitlines()[0]
    assert "![Sentences per second of each engine, with the spread of the rounds](performance.svg)" in page
    assert f"| {INT8} | 1,200 | 800 | 795 – 809 | 16.0 × | 8.0 × |" in page
    assert f"| {INT8} | 600 | 500 | 400 | 1,000 | 40% |" in page
    assert f"| {INT8} | 386 | 3 of 1,544 (0.19%) | attack 2, retaliation 1 | 0.081 | 0.0021 | -0.0012 |" in page
    assert "27.0 tokens on average, deciles 14, 20, 22, 23, 26, 29, 31, 33, 41" in page.replace("\n", " ")


def test_every_table_of_the_page_has_as_many_cells_in_each_row() -> None:
    page = render_page(FINDINGS, chart="performance.svg")
    tables = re.findall(r"(?:^\|.*\|\n)+", page, flags=re.MULTILINE)
    assert 9 == len(tables)
    assert [] == [table for table in tables if len({line.count("|") for line in table.splitlines()}) != 1]


def test_a_part_that_was_not_measured_has_no_heading() -> None:
    page = render_page(dataclasses.replace(FINDINGS, contracts={}), chart="performance.svg")
    assert "## What int8 changes" not in page


def test_the_chart_is_xml_with_words_for_screen_readers_and_loads_nothing() -> None:
    speeds = [*FINDINGS.speeds.values(), Speed("<quick> & small", 10, (1.0,))]
    chart = draw_chart(speeds, title="Sentences per second", note="A note")
    root = ElementTree.fromstring(chart)
    name = "{http://www.w3.org/2000/svg}"
    assert "Sentences per second" == root.findtext(f"{name}title")
    assert f"{INT8}: 800" in (root.findtext(f"{name}desc") or "")
    assert [] == re.findall(r"href|url\(|<script|<image|@import", chart)


def test_every_bar_of_the_chart_stays_inside() -> None:
    chart = draw_chart(list(FINDINGS.speeds.values()), title="Sentences per second", note="A note")
    root = ElementTree.fromstring(chart)
    bars = root.findall("{http://www.w3.org/2000/svg}rect")[1:]
    assert len(FINDINGS.speeds) == len(bars)
    assert max(float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in bars) < float(root.attrib["width"])
