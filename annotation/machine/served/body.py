"""Questions as requests of the chat completions API, and its responses as answers."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from annotation.machine.chat import Answer, Message, Question, frame_label, schema_in_words
from annotation.machine.served.options import ServedOptions

_AGAIN_TEMPERATURE = 0.7
UNTHINKING = "chat_template_kwargs"
_NO_THOUGHT = {UNTHINKING: {"enable_thinking": False}}


@dataclass(frozen=True)
class Dialect:
    """What a server takes: JSON by ``json_schema``, ``json_object`` or words (``off``), and
    whether thinking can be switched off as vLLM and SGLang let it be."""

    structured: str
    unthinking: bool


def request_body(question: Question, options: ServedOptions, dialect: Dialect) -> dict[str, Any]:
    """The JSON of a request. What ``extra`` sets to null is left out of it."""
    # Asked again at temperature 0, a model would only repeat itself.
    again = question.attempt > 0
    body: dict[str, Any] = {
        "model": options.model,
        "messages": [_message(message) for message in question.messages],
        "max_tokens": question.max_tokens,
        "temperature": max(options.temperature, _AGAIN_TEMPERATURE)
        if again
        else options.temperature,
        "seed": question.attempt,
        **(_NO_THOUGHT if dialect.unthinking and options.extra is None else {}),
        **(options.extra or {}),
    }
    if "max_completion_tokens" in body:
        body["max_tokens"] = None
    body = {key: value for key, value in body.items() if value is not None}
    if question.schema is not None:
        if dialect.structured == "json_schema":
            wanted = {"name": "annotation", "schema": question.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        elif dialect.structured == "json_object":
            body["response_format"] = {"type": "json_object"}
        # Also with a schema: servers such as vLLM only forbid what it doesn't allow, and a model
        # that isn't told the keys and classes writes something else as far as it is let.
        last = body["messages"][-1]
        last["content"] = _with_text(last["content"], schema_in_words(question.schema))
    return body


def _message(message: Message) -> dict[str, Any]:
    if not message.pictures:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = []
    for picture in message.pictures:
        if picture.start_ms is not None:
            parts.append(_text(frame_label(picture.start_ms)))
        data = base64.b64encode(picture.jpeg).decode("ascii")
        parts.append({"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}})
    return {"role": message.role, "content": [*parts, _text(message.text)]}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _with_text(content: Any, text: str) -> Any:
    return f"{content}\n\n{text}" if isinstance(content, str) else [*content, _text(text)]


def read_response(body: Any, seconds: float) -> Answer | None:
    """The answer of a response; None where it is none, as a proxy's page or a broken body is."""
    try:
        choice = body["choices"][0]
        message = choice["message"]
    except (KeyError, IndexError, TypeError):
        return None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return None
    finish = choice.get("finish_reason")
    refusal = message.get("refusal")
    usage = body.get("usage") if isinstance(body.get("usage"), dict) else {}
    return Answer(
        text=_content(message.get("content")) or _content(refusal) or None,
        finish=finish if isinstance(finish, str) else None,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        seconds=round(seconds, 3),
        refused=bool(refusal) or finish == "content_filter",
    )


def _content(content: Any) -> str | None:
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else None


def _count(value: Any) -> int | None:
    fine = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if fine else None
