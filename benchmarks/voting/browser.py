"""Somebody who labels, as the server sees their browser: a form, cookies, a token, requests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from annotation.human.studio.accounts import login

_TIMEOUT_S = 120
_PROJECT = re.compile(r"/projects/(\d{1,9})")


def log_in(url: str, account: str, password: str, certificate: str | None = None) -> Browser:
    """Log in by the form, at the address that people are told; StickerworksError if it fails."""
    return Browser(url, account, login(url, account, password, certificate))


@dataclass
class Browser:
    """One who is logged in; ``given`` are the answers that the server acknowledged, by task."""

    url: str
    account: str
    session: requests.Session
    given: dict[int, int] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Any request, with what a page of the server sends along."""
        token = self.session.cookies.get("csrftoken") or ""
        headers = {"X-CSRFToken": token, "Referer": f"{self.url}/", "Origin": self.url}
        return self.session.request(
            method, self.url + path, json=body, headers=headers, timeout=_TIMEOUT_S
        )

    def projects(self) -> list[int]:
        """Projects that the first page leads to."""
        page = self.ask("GET", "/")
        page.raise_for_status()
        return sorted({int(number) for number in _PROJECT.findall(page.text)})

    def next_task(self, project: int) -> dict[str, Any] | None:
        """The task that the labelling screen would show next; None when all are done."""
        answer = self.ask("GET", f"/api/projects/{project}/next")
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def answer(self, project: int, task: int, said: Mapping[str, Any]) -> bool:
        """Submit an answer; whether the server took it."""
        reply = self.ask("POST", f"/api/tasks/{task}/annotations/?project={project}", said)
        if reply.ok:
            self.given[task] = int(reply.json()["id"])
        return reply.ok


def vote(
    tags: Sequence[str], note: str = "", answers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """An answer with tags, perhaps a caption and choices by question, as the screen sends it."""
    regions = [_region("tags", "taxonomy", [[tag] for tag in tags])]
    regions += [
        _region(name, "choices", [value])
        for name, value in {"domain": "cartoon", **(answers or {})}.items()
    ]
    if note:
        regions.append(_region("caption", "textarea", [note], "text"))
    return {"result": regions, "lead_time": 3.0, "was_cancelled": False}


def _region(name: str, kind: str, values: Sequence[Any], key: str = "") -> dict[str, Any]:
    value = {key or kind: list(values)}
    return {"from_name": name, "to_name": "sticker", "type": kind, "value": value}


SKIP: dict[str, Any] = {"result": [], "was_cancelled": True}
