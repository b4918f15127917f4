"""A Hugging Face Hub on loopback: repositories with commits, branches, large files, private and gated ones, and faults.

It speaks the HTTP API that `huggingface_hub` uses, so that the unmodified client can be tested without a network.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
import yaml
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

TOKEN = "hf_WriteTokenOfTheTests"
READ_TOKEN = "hf_ReadTokenOfTheTests"
OWNER = "my-team"
_LARGE = (".safetensors", ".onnx", ".bin", ".parquet")


@dataclass
class Commit:
    """One state of a repository."""

    sha: str
    files: dict[str, bytes]
    message: str


@dataclass
class Repository:
    """A repository: its commits by hash, its branches and tags by name."""

    name: str
    kind: str = "models"
    private: bool = False
    gated: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], message: str = "change", branch: str = "main") -> str:
        """Make a commit that holds exactly these files; return its hash."""
        state = json.dumps([message, len(self.commits), *sorted(files)]).encode() + b"".join(files.values())
        sha = hashlib.sha1(state).hexdigest()
        self.commits[sha] = Commit(sha, dict(files), message)
        self.refs[branch] = sha
        return sha

    def at(self, revision: str) -> Commit | None:
        """Return the commit of a branch, tag or hash."""
        return self.commits.get(self.refs.get(revision, revision))


@dataclass
class Hub:
    """What the server holds and does.

    Attributes:
        endpoint: its address.
        repositories: by kind and name.
        uploads: large files by SHA-256.
        requests: ``METHOD path`` of every request so far.
        fault: called with each request; what it returns is the answer, None goes on as usual.
        announced: other sizes than the true ones, by file name.
        break_at: bytes after which the first download of a file breaks off, by file name.
        tokens: those that were shown, in order.
    """

    endpoint: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    fault: Callable[[Request], Any] | None = None
    announced: dict[str, int] = field(default_factory=dict)
    break_at: dict[str, int] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    def add(self, name: str, files: dict[str, bytes], **options: Any) -> Repository:
        """Add a repository with one commit."""
        repository = Repository(name, **options)
        repository.commit(files, "first")
        self.repositories[repository.kind, name] = repository
        return repository

    def model(self, name: str) -> Repository:
        """Return a model repository."""
        return self.repositories["models", name]


@contextmanager
def serve() -> Iterator[Hub]:
    """Run a Hub on a free port until the block ends."""
    hub = Hub()
    server = uvicorn.Server(uvicorn.Config(_app(hub), host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    hub.endpoint = f"http://127.0.0.1:{port}"
    try:
        yield hub
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


def _app(hub: Hub) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.middleware("http")
    async def _watch(request: Request, go_on: Callable[[Request], Any]) -> Any:
        hub.requests.append(f"{request.method} {request.url.path}")
        hub.tokens.append(_token(request))
        if hub.fault is not None:
            answer = hub.fault(request)
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer is not None:
                return answer
        return await go_on(request)

    _add_accounts(app, hub)
    _add_reading(app, hub)
    _add_writing(app, hub)
    return app


def _token(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _error(status: int, code: str = "", text: str = "no") -> JSONResponse:
    headers = {"X-Error-Code": code, "X-Error-Message": text} if code else {}
    return JSONResponse({"error": text}, status, headers)


def _find(hub: Hub, request: Request, kind: str, name: str, revision: str | None = None) -> Any:
    """Return a repository and its commit, or the answer that refuses them."""
    repository = hub.repositories.get((kind, name))
    known = _token(request) in (TOKEN, READ_TOKEN)
    if repository is None or (repository.private and not known):
        return _error(404 if known else 401, "RepoNotFound", "Repository not found")
    if repository.gated and not known:
        return _error(403, "GatedRepo", "Access to this model is restricted")
    commit = repository.at(revision or "main")
    if commit is None:
        return _error(404, "RevisionNotFound", "Invalid rev id")
    return repository, commit


def _add_accounts(app: FastAPI, hub: Hub) -> None:
    @app.get("/api/whoami-v2")
    def whoami(request: Request) -> Response:
        role = {TOKEN: "write", READ_TOKEN: "read"}.get(_token(request))
        if role is None:
            return _error(401, text="Invalid username or password.")
        auth = {"accessToken": {"role": role, "displayName": "tests"}}
        return JSONResponse({"type": "user", "name": "me", "orgs": [{"name": OWNER}], "auth": auth})

    @app.post("/api/validate-yaml")
    async def validate(request: Request) -> Response:
        problems = card_problems((await request.json())["content"])
        return JSONResponse(
            {"errors": [{"message": one} for one in problems], "warnings": []}, 400 * bool(problems) or 200
        )

    @app.post("/api/repos/create")
    async def create(request: Request) -> Response:
        body = await request.json()
        kind = f"{body.get('type') or 'model'}s"
        name = f"{body.get('organization') or 'me'}/{body['name']}"
        if _token(request) != TOKEN:
            return _error(401 if not _token(request) else 403, text="You don't have the rights to create a model here")
        url = f"{hub.endpoint}/{'datasets/' * (kind == 'datasets')}{name}"
        if (kind, name) in hub.repositories:
            return JSONResponse({"error": "You already created this repo", "url": url}, 409)
        private = body.get("visibility") == "private" or bool(body.get("private"))
        hub.add(name, {".gitattributes": b""}, kind=kind, private=private)
        return JSONResponse({"url": url, "name": name, "id": name})


def card_problems(content: str) -> list[str]:
    """Return what the Hub would not like of a card: the same checks as far as they are documented."""
    parts = content.split("---\n")
    if len(parts) < 3 or parts[0]:
        return ["the card has no YAML block"]
    data = yaml.safe_load(parts[1])
    kinds = (("tags", list), ("datasets", list), ("model-index", list), ("pipeline_tag", str))
    problems = [
        f'"{key}" must be a {kind.__name__}' for key, kind in kinds if not isinstance(data.get(key, kind()), kind)
    ]
    results = [result for entry in data.get("model-index") or [] for result in entry.get("results", [])]
    for result in results:
        problems += [
            f'"{where}.type" is required' for where in ("task", "dataset") if "type" not in result.get(where, {})
        ]
        metrics = result.get("metrics", [])
        problems += ['"metrics" need type and value' for one in metrics if not {"type", "value"} <= set(one)]
    return problems


def _add_reading(app: FastAPI, hub: Hub) -> None:
    def describe(path: str, content: bytes) -> dict[str, Any]:
        size = hub.announced.get(path, len(content))
        entry: dict[str, Any] = {"type": "file", "path": path, "size": size, "oid": hashlib.sha1(content).hexdigest()}
        if path.endswith(_LARGE):
            entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 130}
        return entry

    @app.get("/api/{kind}/{owner}/{name}")
    @app.get("/api/{kind}/{owner}/{name}/revision/{revision:path}")
    def info(request: Request, kind: str, owner: str, name: str, revision: str | None = None) -> Response:
        found = _find(hub, request, kind, f"{owner}/{name}", revision)
        if isinstance(found, Response):
            return found
        repository, commit = found
        siblings = []
        for path, content in commit.files.items():
            entry = describe(path, content)
            siblings.append({"rfilename": path, "size": entry["size"], "blobId": entry["oid"]})
        answer = {"id": repository.name, "sha": commit.sha, "private": repository.private, "siblings": siblings}
        return JSONResponse(answer | {"tags": [], "downloads": 0, "lastModified": "2026-01-01T00:00:00.000Z"})

    @app.get("/api/{kind}/{owner}/{name}/tree/{revision}")
    @app.get("/api/{kind}/{owner}/{name}/tree/{revision}/{folder:path}")
    def tree(request: Request, kind: str, owner: str, name: str, revision: str, folder: str = "") -> Response:
        found = _find(hub, request, kind, f"{owner}/{name}", revision)
        if isinstance(found, Response):
            return found
        top = f"{folder}/" if folder else ""
        deep = request.query_params.get("recursive", "false").lower() in ("true", "1")
        entries: dict[str, dict[str, Any]] = {}
        for path, content in found[1].files.items():
            if not path.startswith(top):
                continue
            rest = path.removeprefix(top).split("/")
            for depth in range(1, len(rest) if deep else min(len(rest), 2)):
                at = top + "/".join(rest[:depth])
                entries[at] = {"type": "directory", "path": at, "size": 0, "oid": "0" * 40}
            if deep or len(rest) == 1:
                entries[path] = describe(path, content)
        if folder and not entries:
            return _error(404, "EntryNotFound", "no such folder")
        return JSONResponse(list(entries.values()))

    @app.post("/api/{kind}/{owner}/{name}/paths-info/{revision}")
    async def paths_info(request: Request, kind: str, owner: str, name: str, revision: str) -> Response:
        found = _find(hub, request, kind, f"{owner}/{name}", revision)
        if isinstance(found, Response):
            return found
        body = await request.body()
        try:
            wanted = json.loads(body)["paths"]
        except ValueError:
            wanted = [value for key, value in (await request.form()).multi_items() if key == "paths"]
        wanted = [wanted] if isinstance(wanted, str) else wanted
        return JSONResponse([describe(path, found[1].files[path]) for path in wanted if path in found[1].files])

    @app.get("/api/{kind}/{owner}/{name}/refs")
    def refs(request: Request, kind: str, owner: str, name: str) -> Response:
        found = _find(hub, request, kind, f"{owner}/{name}")
        if isinstance(found, Response):
            return found
        branches = [
            {"name": ref, "ref": f"refs/heads/{ref}", "targetCommit": sha} for ref, sha in found[0].refs.items()
        ]
        return JSONResponse({"branches": branches, "tags": [], "converts": []})

    @app.get("/api/{kind}/{owner}/{name}/commits/{revision}")
    def commits(request: Request, kind: str, owner: str, name: str, revision: str) -> Response:
        found = _find(hub, request, kind, f"{owner}/{name}", revision)
        if isinstance(found, Response):
            return found
        return JSONResponse(
            [
                {"id": one.sha, "title": one.message, "message": "", "authors": [], "date": "2026-01-01T00:00:00.000Z"}
                for one in reversed(found[0].commits.values())
            ]
        )

    @app.api_route("/{owner}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
    def model_file(request: Request, owner: str, name: str, revision: str, path: str) -> Response:
        return send(request, "models", f"{owner}/{name}", revision, path)

    @app.api_route("/datasets/{owner}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
    def dataset_file(request: Request, owner: str, name: str, revision: str, path: str) -> Response:
        return send(request, "datasets", f"{owner}/{name}", revision, path)

    def send(request: Request, kind: str, name: str, revision: str, path: str) -> Response:
        found = _find(hub, request, kind, name, revision)
        if isinstance(found, Response):
            return found
        commit = found[1]
        if path not in commit.files:
            return _error(404, "EntryNotFound", "Entry not found")
        content = commit.files[path]
        headers = {
            "ETag": f'"{hashlib.sha1(content).hexdigest()}"',
            "X-Repo-Commit": commit.sha,
            "Accept-Ranges": "bytes",
        }
        if path.endswith(_LARGE):
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            headers["X-Linked-Size"] = str(hub.announced.get(path, len(content)))
        if request.method == "HEAD":
            return Response(None, 200, {**headers, "Content-Length": str(hub.announced.get(path, len(content)))})
        start, end = 0, len(content)
        status = 200
        if (span := request.headers.get("Range", "")).startswith("bytes="):
            first, _, last = span.removeprefix("bytes=").partition("-")
            start, end = int(first or 0), min(int(last) + 1, len(content)) if last else len(content)
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
            status = 206
        body = content[start:end]
        headers["Content-Length"] = str(len(body))
        breaks = hub.break_at.pop(path, None)

        def stream() -> Iterator[bytes]:
            sent = 0
            while sent < len(body):
                if breaks is not None and sent >= breaks:
                    raise ConnectionResetError("broken off")
                piece = body[sent : sent + (breaks or 65536)]
                sent += len(piece)
                yield piece

        return StreamingResponse(stream(), status, headers)


def _add_writing(app: FastAPI, hub: Hub) -> None:
    def writable(request: Request, kind: str, name: str) -> Any:
        found = _find(hub, request, kind, name)
        if isinstance(found, Response):
            return found
        if _token(request) != TOKEN:
            return _error(403, text="You need write access")
        return found[0]

    @app.post("/api/{kind}/{owner}/{name}/preupload/{revision:path}")
    async def preupload(request: Request, kind: str, owner: str, name: str, revision: str) -> Response:
        repository = writable(request, kind, f"{owner}/{name}")
        if isinstance(repository, Response):
            return repository
        files = (await request.json())["files"]
        return JSONResponse(
            {
                "files": [
                    {
                        "path": one["path"],
                        "uploadMode": "lfs" if one["path"].endswith(_LARGE) else "regular",
                        "shouldIgnore": False,
                    }
                    for one in files
                ]
            }
        )

    @app.post("/{owner}/{name}.git/info/lfs/objects/batch")
    async def batch(request: Request, owner: str, name: str) -> Response:
        return await _batch(request, "models", f"{owner}/{name}")

    @app.post("/datasets/{owner}/{name}.git/info/lfs/objects/batch")
    async def dataset_batch(request: Request, owner: str, name: str) -> Response:
        return await _batch(request, "datasets", f"{owner}/{name}")

    async def _batch(request: Request, kind: str, name: str) -> Response:
        repository = writable(request, kind, name)
        if isinstance(repository, Response):
            return repository
        objects = []
        for one in (await request.json())["objects"]:
            entry: dict[str, Any] = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in hub.uploads:
                entry["actions"] = {
                    "upload": {"href": f"{hub.endpoint}/upload/{one['oid']}"},
                    "verify": {"href": f"{hub.endpoint}/verify"},
                }
            objects.append(entry)
        return JSONResponse({"transfer": "basic", "objects": objects})

    @app.put("/upload/{oid}")
    async def upload(request: Request, oid: str) -> Response:
        content = await request.body()
        if hashlib.sha256(content).hexdigest() != oid:
            return _error(422, text="the content is not what was announced")
        hub.uploads[oid] = content
        return Response(status_code=200)

    @app.post("/verify")
    async def verify(request: Request) -> Response:
        body = await request.json()
        there = len(hub.uploads.get(body["oid"], b"")) == body["size"]
        return Response(status_code=200 if there else 404)

    @app.post("/api/{kind}/{owner}/{name}/branch/{branch:path}")
    async def make_branch(request: Request, kind: str, owner: str, name: str, branch: str) -> Response:
        repository = writable(request, kind, f"{owner}/{name}")
        if isinstance(repository, Response):
            return repository
        if branch in repository.refs:
            return _error(409, text="Reference already exists")
        repository.refs[branch] = repository.refs["main"]
        return PlainTextResponse("")

    @app.post("/api/{kind}/{owner}/{name}/commit/{branch:path}")
    async def commit(request: Request, kind: str, owner: str, name: str, branch: str) -> Response:
        repository = writable(request, kind, f"{owner}/{name}")
        if isinstance(repository, Response):
            return repository
        before = repository.at(branch)
        if before is None:
            return _error(404, "RevisionNotFound", "no such branch")
        files, message = dict(before.files), ""
        for line in (await request.body()).splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                message = value["summary"]
                if value.get("parentCommit") not in (None, before.sha):
                    return _error(412, text="the branch has moved on")
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = hub.uploads[value["oid"]]
            elif entry["key"] == "deletedFile":
                files.pop(value["path"], None)
            elif entry["key"] == "deletedFolder":
                top = value["path"].rstrip("/") + "/"
                files = {path: content for path, content in files.items() if not path.startswith(top)}
        sha = repository.commit(files, message, branch)
        url = f"{hub.endpoint}/{repository.name}/commit/{sha}"
        return JSONResponse({"commitOid": sha, "commitUrl": url, "success": True, "pullRequestUrl": None})
