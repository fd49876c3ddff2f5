"""The replica behind its connections: what it answers to which request, and the log of it all."""

from __future__ import annotations

import asyncio
import json
import os
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from openai_faults import answer_to, error_response, fault_of
from openai_http import Deliver, HttpRequest, Response
from openai_plan import Plan
from openai_request import ChatRequest, Refused, digest_of, read_request

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"


class Replica:
    """What a running server knows: its plan, how often it saw what, how much is in flight.

    A line of the log has: at (seconds since the epoch), seconds, method, path, authorized, kind,
    status, complete and in_flight; a chat completion's that could be read has body (its sha256),
    messages (the same of the messages alone), same (what misbehave_by counts), seen, model, images,
    images_per_message, n_messages, last_user_text, response_format, seed and max_tokens too; a
    refused one has why. ``kind`` is ok, a fault of the plan, bad_request, unauthorized,
    unknown_model, busy, gone (the client left before its answer), models, not_found or crash.
    """

    def __init__(self, plan: Plan, log: Path) -> None:
        self._plan = plan
        self._in_flight = 0
        self._seen: Counter[str] = Counter()
        self._badly: Counter[str] = Counter()
        for entry in read_log(log):
            if "seen" in entry:
                self._seen[entry["same"]] = max(self._seen[entry["same"]], entry["seen"] + 1)
                self._badly[entry["same"]] += entry["fault"]
        with log.open("ab") as file:  # ends a line that a kill cut off
            if file.tell() and not log.read_bytes().endswith(b"\n"):
                os.truncate(log, log.read_bytes().rfind(b"\n") + 1)
        self._file = log.open("ab", buffering=0)

    def follow(self, plan: Plan) -> None:
        """Behave so from the next request on."""
        self._plan = plan

    async def serve(self, http: HttpRequest, deliver: Deliver) -> None:
        """Answer one request and note it."""
        chat = http.path == CHAT
        self._in_flight += chat
        at = time.time()
        entry: dict[str, Any] = {
            "at": at,
            "method": http.method,
            "path": http.path,
            "authorized": self._authorized(http),
            "kind": "gone",
            "status": None,
            "in_flight": self._in_flight,
        }

        def note(complete: bool) -> None:
            entry.update(complete=complete, seconds=round(time.time() - at, 6))
            self._file.write(json.dumps(entry).encode() + b"\n")

        try:
            kind, response = await self._answer(http, entry)
            entry.update(kind=kind, status=response.status)
            await deliver(response, note)
        finally:
            self._in_flight -= chat
            if "complete" not in entry:
                note(False)

    async def _answer(self, http: HttpRequest, entry: dict[str, Any]) -> tuple[str, Response]:
        try:
            if http.path not in (CHAT, MODELS):
                message = f"Invalid URL ({http.method} {http.path})"
                return "not_found", _refusal(Refused(message, None, status=404))
            if self._plan.key is not None and not entry["authorized"]:
                message = "Incorrect API key provided."
                refused = Refused(message, None, "invalid_api_key", status=401)
                return "unauthorized", _refusal(refused)
            if http.method != ("POST" if http.path == CHAT else "GET"):
                message = f"Not allowed to {http.method} on {http.path}"
                return "not_found", _refusal(Refused(message, None, status=405))
            if http.path == MODELS:
                return "models", self._models()
            return await self._chat(http, entry)
        except Exception as error:  # noqa: BLE001 - a fault of the replica must be seen as such
            traceback.print_exc()
            entry["why"] = repr(error)
            return "crash", error_response(500, self._plan, "")

    async def _chat(self, http: HttpRequest, entry: dict[str, Any]) -> tuple[str, Response]:
        plan = self._plan
        if plan.max_concurrent is not None and self._in_flight > plan.max_concurrent:
            return "busy", error_response(429, plan, "")
        try:
            if http.headers.get("content-type", "").split(";")[0].strip() != "application/json":
                raise Refused("'Content-Type' must be application/json", None)
            request = read_request(http.body, plan)
        except Refused as refused:
            entry.update(body=digest_of(http.body), why=str(refused))
            return ("unknown_model" if refused.status == 404 else "bad_request"), _refusal(refused)
        fault = self._meet(request, entry)
        if fault != "429":
            await asyncio.sleep(plan.latency_s + (plan.slow_s if fault == "slow" else 0))
        return fault or "ok", answer_to(plan, request, fault)

    def _meet(self, request: ChatRequest, entry: dict[str, Any]) -> str | None:
        """Note what was asked; the fault that it meets."""
        by_body = self._plan.misbehave_by == "body"
        same = request.digest if by_body else request.messages_digest
        seen = self._seen[same]
        fault = fault_of(self._plan, request, seen, self._badly[same])
        self._seen[same] += 1
        self._badly[same] += fault is not None
        entry.update(
            body=request.digest,
            messages=request.messages_digest,
            same=same,
            seen=seen,
            fault=fault is not None,
            model=request.model,
            images=sum(request.images),
            images_per_message=request.images,
            n_messages=len(request.images),
            last_user_text=request.last_user_text[:200],
            response_format=request.response_format,
            seed=request.seed,
            max_tokens=request.max_tokens,
        )
        return fault

    def _authorized(self, http: HttpRequest) -> bool:
        given = http.headers.get("authorization", "")
        return bool(given) if self._plan.key is None else given == f"Bearer {self._plan.key}"

    def _models(self) -> Response:
        made = {"object": "model", "created": 0, "owned_by": "replica"}
        data = [{"id": name, **made} for name in self._plan.models]
        return Response(200, json.dumps({"object": "list", "data": data}).encode())


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last one that a kill cut off is left out."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def _refusal(refused: Refused) -> Response:
    return Response(refused.status, json.dumps({"error": refused.error}).encode())
