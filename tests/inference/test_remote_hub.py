"""Inputs in data sets on the Hugging Face Hub, for which a server on loopback stands in."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from hub.server import READ_TOKEN, serve

FILES = {
    "README.md": b"# A card",
    "data/a.txt": b"Gunmen fired on a bus.",
    "data/deep/b.jsonl": b'{"text": "Rain fell."}\n{"text": "Aid came."}\n',
}


def test_files_of_a_data_set_on_the_hub_are_listed_and_read():
    code = """
        import json
        from eventroles.inference.documents import Document, ReadOptions
        from eventroles.inference.reading.process import ReaderProcess
        from eventroles.inference.reading.sources import check_inputs, find_sources
        from eventroles.labels.errors import ConfigError
        found = list(find_sources(["hf://datasets/team/news/data"]).sources)
        with ReaderProcess(ReadOptions()) as reader:
            items = [item for item in reader.read_all((source, 0) for source in found) if isinstance(item, Document)]
        try:
            check_inputs(["hf://datasets/team/news/gone", "hf://datasets/team/other"])
        except ConfigError as error:
            refusal = str(error)
        read = {item.id: item.text for item in items}
        print(json.dumps([[(source.id, source.size, source.modified_ns > 0) for source in found], read, refusal]))
    """
    # The library reads the endpoint when it is imported, so that this process would not do.
    code = "\n".join(line.removeprefix(" " * 8) for line in code.splitlines())
    with serve() as hub:
        hub.add("team/news", FILES, kind="datasets")
        environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "HF_TOKEN": READ_TOKEN}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert "" == done.stderr, done.stderr[-1500:]
    found, read, refusal = json.loads(done.stdout)
    assert [["a.txt", 22, True], ["deep/b.jsonl", 45, True]] == found
    assert {
        "a.txt": "Gunmen fired on a bus.",
        "deep/b.jsonl:1": "Rain fell.",
        "deep/b.jsonl:2": "Aid came.",
    } == read
    assert refusal == (
        "hf://datasets/team/news/gone, hf://datasets/team/other do not exist; check the spelling and your rights"
    )
