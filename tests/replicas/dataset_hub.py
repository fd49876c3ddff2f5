"""A hub of data sets on this machine: as much of its interface as a push needs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from loopback_site import Answer, Asked, Site, body, json_body, serving, status


@dataclass
class DatasetHub(Site):
    """One repository. ``files`` are those of its last commit; ``stored`` are large files by their
    sha256, which may be there before any commit names them.

    ``token`` is the only one it takes; ``large`` the size from which files go to large storage;
    ``private`` is None until it is made; ``damage`` names a file that is stored with another byte,
    ``full`` refuses uploads.
    """

    repo: str = "me/stickers"
    token: str = "hf_secret"
    large: int = 4096
    private: bool | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    kept_large: set[str] = field(default_factory=set)
    stored: dict[str, bytes] = field(default_factory=dict)
    damage: str | None = None
    full: bool = False
    commits: int = 0

    @property
    def head(self) -> str:
        """The newest commit."""
        return f"{self.commits:040x}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("Transfer-Encoding") == "chunked":
            sent = _unchunked(handler)
            handler.rfile = _Bytes(sent)  # type: ignore[assignment]
            handler.headers["Content-Length"] = str(len(sent))
        super().answer(handler)

    def choose(self, asked: Asked) -> Answer:
        path = asked.path
        if path.startswith("/storage/"):
            return self._store(path.rpartition("/")[2], asked)
        headers = {name.lower(): value for name, value in asked.headers.items()}
        if headers.get("authorization") != f"Bearer {self.token}":
            return json_body({"error": "Invalid username or password."}, 401)
        if path == "/api/repos/create":
            return self._create(asked.json())
        if path == f"/datasets/{self.repo}.git/info/lfs/objects/batch":
            return self._batch(asked.json())
        if path.startswith(f"/datasets/{self.repo}/resolve/"):
            name = path.split("/", 6)[6]
            return body(self.files[name]) if name in self.files else status(404)
        return self._api(path.removeprefix(f"/api/datasets/{self.repo}"), asked)

    def _api(self, inner: str, asked: Asked) -> Answer:
        if inner == "/api/validate-yaml":
            return json_body({"errors": [], "warnings": []})
        if inner.startswith("/preupload/"):
            return json_body({"files": [self._mode(file) for file in asked.json()["files"]]})
        if inner.startswith("/commit/"):
            return self._commit(asked.body)
        if inner.startswith("/tree/"):
            return json_body([self._entry(name) for name in sorted(self.files)])
        if inner == "":
            return self._info()
        return status(404)

    def _info(self) -> Answer:
        if self.private is None:
            return json_body({"error": "not found"}, 404, X_Error_Code="RepoNotFound")
        return json_body({"id": self.repo, "sha": self.head, "private": self.private})

    def _create(self, asked: dict[str, Any]) -> Answer:
        there, self.private = self.private is not None, asked.get("visibility") == "private"
        return json_body({"url": f"{self.url}/datasets/{self.repo}"}, 409 if there else 200)

    def _mode(self, file: dict[str, Any]) -> dict[str, Any]:
        large = file["size"] >= self.large
        mode = "lfs" if large else "regular"
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}

    def _batch(self, asked: dict[str, Any]) -> Answer:
        if self.full:
            return json_body({"error": "Storage is full"}, 507)
        objects = []
        for one in asked["objects"]:
            said = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in self.stored:
                href = f"{self.url}/storage/{one['oid']}"
                said["actions"] = {"upload": {"href": href}}
            objects.append(said)
        return json_body({"transfer": "basic", "objects": objects})

    def _store(self, oid: str, asked: Asked) -> Answer:
        assert hashlib.sha256(asked.body).hexdigest() == oid
        self.stored[oid] = asked.body
        return status(200)

    def _commit(self, text: bytes) -> Answer:
        for line in text.decode().splitlines():
            said = json.loads(line)
            value = said["value"]
            if said["key"] == "header" and value.get("parentCommit") != self.head:
                return json_body({"error": "A commit has happened since"}, 412)
            if said["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif said["key"] == "lfsFile":
                self.files[value["path"]] = self.stored[value["oid"]]
                self.kept_large.add(value["path"])
            elif said["key"] == "deletedFile":
                del self.files[value["path"]]
        if self.damage is not None:
            self.files[self.damage] = self.files[self.damage][:-1] + b"?"
        self.commits += 1
        oid = self.head
        url = f"{self.url}/datasets/{self.repo}/commit/{oid}"
        return json_body({"commitOid": oid, "commitUrl": url, "pullRequestUrl": None})

    def _entry(self, name: str) -> dict[str, Any]:
        data = self.files[name]
        entry: dict[str, Any] = {
            "type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()
        }  # fmt: skip
        if name in self.kept_large:
            oid = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"oid": oid, "size": len(data), "pointerSize": 130}
        return entry


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int) -> bytes:
        return self._data[:size]


def _unchunked(handler: BaseHTTPRequestHandler) -> bytes:
    pieces = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        pieces.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(pieces)


@contextmanager
def serve_hub(**settings: Any) -> Iterator[DatasetHub]:
    """Serve an empty hub on loopback."""
    with serving(DatasetHub(**settings)) as hub:
        yield hub
