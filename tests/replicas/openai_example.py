"""A good request to the replica of an OpenAI-compatible server, and how tests send it."""

from __future__ import annotations

import base64
from typing import Any

import requests
from openai_server import OpenaiServer

JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
URL = "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
IMAGE = {"type": "image_url", "image_url": {"url": URL}}
ENGLISH = "Describe this sticker in one sentence."
CHINESE = "请用一句话描述这张贴纸。"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "caption_en": {"type": "string"},
        "caption_zh": {"type": "string", "maxLength": 12},
        "mood": {"enum": ["happy", "sad", "angry"]},
        "animated": {"type": "boolean"},
        "tags_zh": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 3},
        "score": {"type": ["integer", "null"], "minimum": 1, "maximum": 5},
    },
    "required": ["caption_en", "caption_zh", "mood", "animated", "tags_zh", "score"],
    "additionalProperties": False,
}
FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "caption", "schema": SCHEMA, "strict": True},
}


class Client(requests.Session):
    """A session that waits for no answer for ever, follows no redirect and knows no proxy."""

    trust_env = False

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        return super().request(*arguments, **{"timeout": 20, "allow_redirects": False, **options})


CLIENT = Client()  # one for all, which keeps its connections


def user(text: str = ENGLISH, images: int = 1) -> dict[str, Any]:
    return {"role": "user", "content": [IMAGE] * images + [{"type": "text", "text": text}]}


def body(text: str = ENGLISH, **changes: Any) -> dict[str, Any]:
    """A good request with these keys changed, or left out where they are None."""
    whole = {"model": "replica-vl", "messages": [user(text)], "max_tokens": 300, **changes}
    return {key: value for key, value in whole.items() if value is not None}


def ask(server: OpenaiServer, **changes: Any) -> requests.Response:
    return CLIENT.post(f"{server.url}/chat/completions", json=body(**changes))


def choice(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["choices"][0]
    return found


def content(answer: requests.Response) -> str:
    said = choice(answer)["message"]["content"]
    assert isinstance(said, str)
    return said
