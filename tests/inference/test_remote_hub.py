"""Inputs in data sets on the Hugging Face Hub, for which a server on loopback stands in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

FILES = {
    "README.md": b"# A card",
    "data/a.txt": b"Gunmen fired on a bus.",
    "data/deep/b.jsonl": b'{"text": "Rain fell."}\n{"text": "Aid came."}\n',
}


def listed(folder: str, *, deep: bool) -> list[dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    top = f"{folder}/" if folder else ""
    for path, content in FILES.items():
        if not path.startswith(top):
            continue
        parts = path.removeprefix(top).split("/")
        for depth in range(1, len(parts) if deep else min(len(parts), 2)):
            name = top + "/".join(parts[:depth])
            found[name] = {"type": "directory", "path": name, "oid": "0" * 40}
        if deep or len(parts) == 1:
            found[path] = {"type": "file", "path": path, "size": len(content), "oid": f"{len(found):040}"}
    return list(found.values())


class Hub(BaseHTTPRequestHandler):
    """Serves the data set ``team/news``, as far as listing and reading need it."""

    def do_GET(self) -> None:
        path, _, query = unquote(self.path).partition("?")
        if path.startswith("/api/datasets/team/news/tree/main"):
            folder = path.partition("/tree/main")[2].strip("/")
            self.answer(200, json.dumps(listed(folder, deep="recursive=true" in query)).encode())
        elif path.startswith("/api/datasets/team/news"):
            self.answer(200, json.dumps({"id": "team/news", "sha": "0" * 40}).encode())
        elif (name := path.removeprefix("/datasets/team/news/resolve/main/")) in FILES:
            first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
            self.answer(206, FILES[name][int(first) : int(last) + 1])
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_files_of_a_data_set_on_the_hub_are_listed_and_read(endpoint):
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
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
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
