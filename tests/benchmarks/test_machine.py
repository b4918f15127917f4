"""Tests of describing the machine."""

from __future__ import annotations

from pathlib import Path

from machine import describe_machine


def test_processor_and_instruction_sets_come_from_cpuinfo(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    one = "processor\t: {}\nmodel name\t: A processor @ 2.0GHz\nflags\t\t: fpu avx2 avx512_vnni\n\n"
    cpuinfo.write_text(one.format(0) + one.format(1), encoding="utf-8")
    machine = describe_machine(cpuinfo)
    assert ("A processor @ 2.0GHz", ("avx2", "avx512_vnni")) == (machine.processor, machine.instructions)
    assert machine.cores >= 1


def test_a_system_without_cpuinfo_is_described_as_well(tmp_path: Path) -> None:
    machine = describe_machine(tmp_path / "none")
    assert machine.processor
    assert {"Python", "onnxruntime", "torch"} <= machine.versions.keys()
