"""A Hub on loopback that serves the files of one model, as far as downloads need it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serve(folder: Path, *, name: str, token: str | None = None) -> Iterator[str]:
    """Serve a model folder as ``name`` on a free port; yield the endpoint. With ``token``, only to who shows it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            allowed = token is None or self.headers.get("Authorization") == f"Bearer {token}"
            if name not in path or not allowed:
                self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"}, body=body)
            elif path.startswith(f"/api/models/{name}"):
                files = [{"rfilename": file.name} for file in sorted(folder.iterdir()) if file.is_file()]
                if "/tree/" in path:
                    tree = [
                        {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": "0" * 40}
                        for file in sorted(folder.iterdir())
                        if file.is_file()
                    ]
                    self._send(200, json.dumps(tree).encode(), {}, body=body)
                elif "revision" in path and path.rsplit("/", 1)[1] not in ("main", COMMIT):
                    self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body=body)
                else:
                    answer = {"id": name, "sha": COMMIT, "private": token is not None, "siblings": files}
                    self._send(200, json.dumps(answer).encode(), {}, body=body)
            else:
                self._file(folder / path.rsplit("/", 1)[1], body=body)

        def _file(self, file: Path, *, body: bool) -> None:
            if not file.is_file():
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, body=body)
                return
            content = file.read_bytes()
            headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
            self._send(200, content, headers, body=body)

        def _send(self, status: int, content: bytes, headers: dict[str, str], *, body: bool) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
