"""Which request meets which fault, and what the client then sees."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from openai_http import Response
from openai_plan import Plan
from openai_replies import content_of, language_of_text
from openai_request import ChatRequest
from openai_schema import pick

_PAGE = b"<html><body>The service is being updated.</body></html>"
_FIXED = {
    "drop": Response(200, b"", delivery="drop"),
    "page": Response(200, _PAGE, kind="text/html"),
    "no_choices": Response(200, b'{"object": "chat.completion", "choices": []}'),
}
_SORRY = {
    "en": ("I'm sorry, but I can't help with that.", "I'm sorry, but I can't describe this image."),
    "zh": ("抱歉，我无法描述这张图片。", "抱歉，我无法协助处理这个请求。"),
}


def fault_of(plan: Plan, request: ChatRequest, seen: int, badly: int) -> str | None:
    """The fault that this request meets, None for a good answer.

    ``seen`` is how often its like came before, ``badly`` how often it met a fault then.
    """
    if plan.spare is not None and request.last_user_text == plan.spare:
        return None
    if plan.misbehave_times is not None and badly >= plan.misbehave_times:
        return None
    label = f"{plan.seed}/{request.digest}/{seen}"
    left = int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "big") / 2**64
    for kind, share in sorted(plan.misbehave.items()):
        left -= share
        if left < 0:
            return None if kind == "broken_json" and not request.wants_json else kind
    return None


def answer_to(plan: Plan, request: ChatRequest, kind: str | None) -> Response:
    """The answer to a request that meets this fault; a fault that only waits changes nothing."""
    if kind is not None and kind.isdigit():
        return error_response(int(kind), plan, request.digest)
    if kind == "redirect":
        return Response(302, b"", (("Location", plan.redirect_to or "/elsewhere"),))
    if kind in _FIXED:
        return _FIXED[kind]
    content, finish, refusal = _said(plan, request, kind)
    envelope = _envelope(plan, request, content, finish, refusal)
    if kind == "huge":
        delivery = pick(("whole", "chunked"), request.digest, "huge")
        padding = "x" * max(plan.huge_bytes - len(envelope), 0)
        envelope = _envelope(plan, request, f"{content} {padding}", finish, refusal)
        return Response(200, envelope, delivery=delivery)
    response = Response(200, envelope)
    if kind == "cut":
        return replace(response, delivery="cut")
    return _broken_envelope(response, request) if kind == "broken_envelope" else response


def error_response(status: int, plan: Plan, digest: str) -> Response:
    """An error that isn't the request's fault: OpenAI's shape, or a gateway's page."""
    headers = (("Retry-After", plan.retry_after),) if plan.retry_after is not None else ()
    if status in (502, 503, 504) and pick((True, False), digest, "gateway"):
        title = f"{status} {HTTPStatus(status).phrase}"
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        return Response(status, page.encode(), headers, kind="text/html")
    kinds = {429: "rate_limit_exceeded", 400: "invalid_request_error", 403: "permission_denied"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    message = {
        429: "Rate limit reached for requests. Please try again later.",
        500: "The server had an error while processing your request. Sorry about that!",
        503: "The engine is currently overloaded, please try again later.",
    }.get(status, f"The request failed with status {status}.")
    error = {"message": message, "type": kind, "param": None, "code": kind}
    return Response(status, json.dumps({"error": error}).encode(), headers * (status in (429, 503)))


def _said(plan: Plan, request: ChatRequest, kind: str | None) -> tuple[str | None, str, str | None]:
    """Content, finish reason and refusal."""
    content = content_of(request, plan, swap=kind == "wrong_language", claim=kind == "quote")
    digest = request.digest
    if kind == "refusal":
        sorry = pick(_SORRY[language_of_text(request.last_user_text)], digest, "sorry")
        ways = ((None, "content_filter", None), (None, "stop", sorry), (sorry, "stop", None))
        return pick(ways, digest, "refusal")
    if kind == "empty":
        return pick(("", None, " \n"), digest, "empty"), "stop", None
    if kind == "length":
        return content[: len(content) // 2], "length", None
    if kind == "think":
        thought = "The picture is small. I look at it, then I answer in one go.\n</think>\n\n"
        return pick(("<think>\n", ""), digest, "think") + thought + content, "stop", None
    if kind == "broken_json":
        content = _broken_json(content, digest)
    if request.max_tokens is not None and len(content) > 4 * request.max_tokens:
        return content[: 4 * request.max_tokens], "length", None
    return content, "stop", None


def _broken_json(content: str, digest: str) -> str:
    """An answer that isn't the wanted JSON, though it looks like it."""
    wrong: dict[str, Any] = {"note": "The keys that were wanted are missing."}
    return pick(
        (
            content[: max(len(content) * 2 // 3, 1)],
            f"Here is the JSON you asked for:\n```json\n{content}\n```\nHope this helps!",
            content.rstrip()[:-1] + ",}",
            f"[{content}]",
            json.dumps(wrong),
            "Sure, I describe the sticker in words instead.",
        ),
        digest,
        "broken_json",
    )


def _broken_envelope(response: Response, request: ChatRequest) -> Response:
    whole = response.body
    body, kind = pick(
        (
            (whole[: len(whole) * 2 // 3], response.kind),
            (b"<html><body>Please sign in to this network.</body></html>", "text/html"),
            (b"", response.kind),
            (b'{"object": "chat.completion", "choices": []}', response.kind),
            (b'{"error": {"message": "upstream failed", "code": 500}}', response.kind),
            (b"[" * 100_000, response.kind),
            (b'\xff\xfe{"choices": null}', response.kind),
        ),
        request.digest,
        "broken_envelope",
    )
    return replace(response, body=body, kind=kind)


def _envelope(
    plan: Plan, request: ChatRequest, content: str | None, finish: str, refusal: str | None
) -> bytes:
    tokens_out = max(1, len(content or refusal or "") // 4)
    message = {"role": "assistant", "content": content, "refusal": refusal}
    envelope = {
        "id": f"chatcmpl-{request.digest[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": request.prompt_tokens,
            "completion_tokens": tokens_out,
            "total_tokens": request.prompt_tokens + tokens_out,
        },
        "system_fingerprint": f"fp_replica_{plan.seed}",
    }
    return json.dumps(envelope, ensure_ascii=False).encode()
