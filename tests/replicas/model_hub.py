"""A hub of models on this machine: as much of its interface as a download needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def serve_model(folder: Path, name: str, commit: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder as the model ``name``; gives the address and the names of files sent."""
    sent: list[str] = []
    files = {path.name: path.read_bytes() for path in folder.iterdir()}

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

        def _answer(self, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            file = path.rpartition("/")[2]
            if path.startswith(f"/api/models/{name}/tree/"):
                self._send(json.dumps(_tree(files)).encode(), with_body)
            elif path.startswith(f"/api/models/{name}"):
                listed = [{"rfilename": one} for one in files]
                about = {"id": name, "sha": commit, "siblings": listed}
                self._send(json.dumps(about).encode(), with_body)
            elif path.startswith(f"/{name}/resolve/") and file in files:
                if with_body:
                    sent.append(file)
                self._send(files[file], with_body, etag=hashlib.sha256(files[file]).hexdigest())
            else:
                self.send_error(404)

        def _send(self, body: bytes, with_body: bool, etag: str | None = None) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            if etag is not None:
                self.send_header("ETag", f'"{etag}"')
                self.send_header("X-Repo-Commit", commit)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _tree(files: dict[str, bytes]) -> list[dict[str, object]]:
    return [
        {"type": "file", "path": name, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}
        for name, body in files.items()
    ]
