"""Models at addresses: a store in memory, and a web server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest
from eventroles.inference.hub import HubAccess, fetch_model
from eventroles.inference.reading import remote_sources
from eventroles.labels.errors import ConfigError, HubError, ModelError

CONTENT = "what a file of a model holds"


@pytest.fixture
def web(tmp_path) -> Iterator[tuple[str, Path]]:
    """A web server and the folder that it serves."""
    folder = tmp_path / "www"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Quiet(*args, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join()


def fill(store: fsspec.AbstractFileSystem, *names: str) -> None:
    for name in names:
        store.pipe_file(name, CONTENT.encode())


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def names(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith("."))


def test_a_model_at_an_address_is_fetched_without_what_no_model_needs(store, cache):
    fill(store, "/m/eventroles.json", "/m/model.safetensors", "/m/onnx/model.onnx", "/m/pickle.bin", "/m/onnx/run.py")
    fill(store, "/m/.cache/x.json", "/m/sub/config.json", "/m/a\\b.json", "/m/c:d.json")
    fetched = fetch_model("memory://m")
    assert ["eventroles.json", "model.safetensors", "onnx/model.onnx"] == names(fetched.folder)
    assert fetched.revision is None
    assert cache in fetched.folder.parents
    assert fetched == fetch_model("memory://m")


def test_a_file_of_a_model_is_fetched_again_only_after_a_change(store, cache, monkeypatch):
    fill(store, "/m/eventroles.json", "/m/model.safetensors", "/m/vocab.txt")
    fetch_model("memory://m")
    fetched = []
    get_file = type(store).get_file
    monkeypatch.setattr(
        type(store), "get_file", lambda *args, **more: fetched.append(args[1]) or get_file(*args, **more)
    )
    store.pipe_file("/m/eventroles.json", b"other")
    store.rm("/m/vocab.txt")
    folder = fetch_model("memory://m").folder
    assert ["/m/eventroles.json"] == fetched
    assert b"other" == (folder / "eventroles.json").read_bytes()
    assert ["eventroles.json", "model.safetensors"] == names(folder)


def test_a_file_of_a_model_that_nothing_is_known_of_is_fetched_each_time(store, cache, monkeypatch):
    monkeypatch.setattr(remote_sources, "_mark", lambda _: 0)
    store.pipe_file("/m/eventroles.json", b"old")
    fetch_model("memory://m")
    store.pipe_file("/m/eventroles.json", b"new")  # of the same size
    assert b"new" == (fetch_model("memory://m").folder / "eventroles.json").read_bytes()


def test_a_fetch_that_breaks_off_leaves_the_older_file_whole(store, cache, monkeypatch):
    fill(store, "/m/eventroles.json")
    folder = fetch_model("memory://m").folder
    store.pipe_file("/m/eventroles.json", b"other")

    def half(self, inside, path, **more):
        Path(path).write_bytes(b"ot")
        raise ConnectionResetError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(type(store), "get_file", half)
        with pytest.raises(
            HubError, match=r"^memory:///m/eventroles.json: cannot be fetched \(ConnectionResetError: go"
        ):
            fetch_model("memory://m")
    assert CONTENT == (folder / "eventroles.json").read_text(encoding="utf-8")
    assert b"other" == (fetch_model("memory://m").folder / "eventroles.json").read_bytes()


def test_a_model_on_a_web_server_is_fetched_again_only_after_a_change(web, cache, monkeypatch):
    address, folder = web
    (folder / "m").mkdir()
    (folder / "m" / "eventroles.json").write_text("{}", encoding="utf-8")
    (folder / "m" / "model.safetensors").write_text("weights", encoding="utf-8")
    fetched = fetch_model(f"{address}/m").folder
    assert ["eventroles.json", "model.safetensors"] == names(fetched)
    before = (fetched / "model.safetensors").stat().st_ino
    fetch_model(f"{address}/m")
    assert before == (fetched / "model.safetensors").stat().st_ino


def test_an_address_without_a_model_is_refused_in_one_line(store, web, cache):
    fill(store, "/in/a.bin")
    with pytest.raises(ModelError, match=r"^memory://in: no model folder"):
        fetch_model("memory://in")
    for name in ("memory://gone", f"{web[0]}/gone"):
        with pytest.raises(HubError, match=f"^{name}: not found; check the spelling and your rights$"):
            fetch_model(name)
    with pytest.raises(HubError, match=r"^http://127.0.0.1:9/m: Client\w+: [^\n]+$"):
        fetch_model("http://127.0.0.1:9/m")
    with pytest.raises(ConfigError, match=r"^memory://in: --revision is for models on the Hub"):
        fetch_model("memory://in", HubAccess(revision="main"))
