"""What a chat completion request must look like; everything else is refused as the API does."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from openai_plan import Plan
from openai_schema import check_schema, schema_in

JPEG = "data:image/jpeg;base64,"
TOKENS_AN_IMAGE = 85
_KEYS = {
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "seed",
    "response_format",
    "stream",
    "n",
}


class Refused(Exception):  # noqa: N818 - an answer, not a failure of the server
    """A request that gets an error instead of an answer, in OpenAI's shape."""

    def __init__(self, message: str, param: str | None, code: str | None = None, status: int = 400):
        super().__init__(message)
        self.status = status
        self.error = {
            "message": message,
            "type": "invalid_request_error",
            "param": param,
            "code": code,
        }


@dataclass(frozen=True)
class ChatRequest:
    """A request that passed the checks. ``images`` counts them for each message.

    ``schema`` is the response format's, else one that the instructions spell out, else None.
    """

    model: str
    digest: str
    messages_digest: str
    images: tuple[int, ...]
    last_user_text: str
    characters: int
    response_format: str | None
    schema: dict[str, Any] | None
    seed: int | None
    max_tokens: int | None

    @property
    def wants_json(self) -> bool:
        return self.response_format is not None or self.schema is not None

    @property
    def prompt_tokens(self) -> int:
        return TOKENS_AN_IMAGE * sum(self.images) + self.characters // 4


def digest_of(body: bytes) -> str:
    """sha256 of a body, as the log shows it."""
    return hashlib.sha256(body).hexdigest()


def read_request(body: bytes, plan: Plan) -> ChatRequest:
    """The request in this body; raises Refused with what is wrong and where."""
    given = _parse(body)
    unknown = sorted(set(given) - _KEYS - set(plan.extra_keys))
    if unknown:
        _refuse(f"Unrecognized request argument supplied: {', '.join(unknown)}", unknown[0])
    model = given.get("model")
    if not isinstance(model, str) or not model:
        _refuse("you must provide a model parameter", "model")
    if model not in plan.models:
        message = f"The model `{model}` does not exist or you do not have access to it."
        raise Refused(message, "model", "model_not_found", status=404)
    texts, images, messages_digest = _read_messages(given.get("messages"), plan)
    max_tokens = _read_numbers(given)
    kind, schema = _read_format(given.get("response_format"), plan, texts)
    request = ChatRequest(
        model=model,
        digest=digest_of(body),
        messages_digest=messages_digest,
        images=images,
        last_user_text=texts[-1],
        characters=sum(len(text) for text in texts),
        response_format=kind,
        schema=schema,
        seed=given.get("seed"),
        max_tokens=max_tokens,
    )
    asked = request.prompt_tokens + (max_tokens or 0)
    if plan.max_model_len is not None and asked > plan.max_model_len:
        _refuse(
            f"This model's maximum context length is {plan.max_model_len} tokens. However, you "
            f"requested {asked} tokens ({request.prompt_tokens} in the messages, "
            f"{max_tokens or 0} in the completion).",
            "messages",
            "context_length_exceeded",
        )
    return request


def _refuse(message: str, param: str | None, code: str | None = None) -> NoReturn:
    raise Refused(message, param, code)


def _parse(body: bytes) -> dict[str, Any]:
    def constant(name: str) -> NoReturn:
        _refuse(f"We could not parse the JSON body of your request: {name} is no JSON", None)

    try:
        given = json.loads(body.decode("utf-8"), parse_constant=constant)
    except (ValueError, RecursionError) as error:
        _refuse(f"We could not parse the JSON body of your request: {error}", None)
    if not isinstance(given, dict):
        _refuse("The JSON body of your request must be an object", None)
    return given


def _read_messages(messages: Any, plan: Plan) -> tuple[list[str], tuple[int, ...], str]:
    """Each message's text, its number of images, and a digest of them all."""
    if not isinstance(messages, list) or not messages:
        _refuse("'messages' must be a list of at least one message", "messages")
    sha = hashlib.sha256()
    texts, images, roles = [], [], []
    for at, message in enumerate(messages):
        where = f"messages.[{at}]"
        if not isinstance(message, dict):
            _refuse(f"'{where}' must be an object", where)
        role = message.get("role")
        if role not in ("system", "user", "assistant"):
            _refuse(f"'{where}.role' is {role!r}; it must be system, user or assistant", where)
        odd = sorted(set(message) - {"role", "content"})
        if odd:
            _refuse(f"Additional properties are not allowed in '{where}': {odd}", where)
        text, urls = _read_content(message.get("content"), role, f"{where}.content", plan)
        for piece in (role, text, *urls):
            sha.update(b"%d:" % len(piece))
            sha.update(piece.encode())
        texts.append(text)
        images.append(len(urls))
        roles.append(role)
    _check_roles(roles)
    if sum(images) > plan.max_images:
        _refuse(
            f"At most {plan.max_images} image(s) may be provided in one prompt, not {sum(images)}",
            "messages",
        )
    return texts, tuple(images), sha.hexdigest()


def _check_roles(roles: list[str]) -> None:
    turns = roles[1:] if roles[0] == "system" else roles
    if "system" in turns:
        _refuse("System message must be at the beginning.", "messages")
    if not turns or turns[-1] != "user":
        _refuse("The last message must be the user's.", "messages")
    if turns != [("user", "assistant")[at % 2] for at in range(len(turns))]:
        _refuse("Conversation roles must alternate user/assistant/user/assistant/...", "messages")


def _read_content(content: Any, role: str, where: str, plan: Plan) -> tuple[str, list[str]]:
    """Text and image URLs of one message."""
    if isinstance(content, str):
        return _read_text(content, where), []
    if not isinstance(content, list) or not content:
        _refuse(f"'{where}' must be a string or a list of at least one part", where)
    texts, urls = [], []
    for at, part in enumerate(content):
        here = f"{where}.[{at}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and set(part) == {"type", "text"}:
            texts.append(_read_text(part["text"], f"{here}.text"))
        elif kind == "image_url" and set(part) == {"type", "image_url"}:
            if role != "user":
                _refuse(f"'{here}': images may stand in user messages alone, not {role}", here)
            urls.append(_read_image(part["image_url"], f"{here}.image_url", plan))
        else:
            _refuse(
                f"'{here}' must be {{type: text, text}} or {{type: image_url, image_url}}", here
            )
    return "\n".join(texts), urls


def _read_text(text: Any, where: str) -> str:
    if not isinstance(text, str):
        _refuse(f"'{where}' must be a string", where)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            _refuse(f"'{where}' holds a lone surrogate, which is no Unicode text", where)
    return text


def _read_image(image: Any, where: str, plan: Plan) -> str:
    if not isinstance(image, dict) or not {"url"} <= set(image) <= {"url", "detail"}:
        _refuse(f"'{where}' must be an object with 'url'", where)
    if image.get("detail", "auto") not in ("auto", "low", "high"):
        _refuse(f"'{where}.detail' must be auto, low or high", where)
    url = image["url"]
    if not isinstance(url, str) or not url.startswith(JPEG) or not url.isascii():
        _refuse(f"'{where}.url' must be a data URL that begins with {JPEG}", where)
    if plan.check_images:
        try:
            jpeg = base64.b64decode(url[len(JPEG) :], validate=True)
        except binascii.Error as error:
            _refuse(f"'{where}.url' isn't base64: {error}", where)
        if not (jpeg.startswith(b"\xff\xd8\xff") and jpeg.endswith(b"\xff\xd9")):
            _refuse(f"'{where}.url' doesn't hold a whole JPEG", where)
    return url


def _read_numbers(given: dict[str, Any]) -> int | None:
    """Check the sampling settings; returns the most tokens of an answer."""
    if "max_tokens" in given and "max_completion_tokens" in given:
        _refuse("Give 'max_tokens' or 'max_completion_tokens', not both", "max_tokens")
    for name in ("max_tokens", "max_completion_tokens"):
        if name in given and not (type(given[name]) is int and given[name] > 0):
            _refuse(f"'{name}' must be a positive integer, not {given[name]!r}", name)
    for name, most in (("temperature", 2), ("top_p", 1)):
        value = given.get(name, 0)
        if type(value) not in (int, float) or not 0 <= value <= most:
            _refuse(f"'{name}' must be a number from 0 to {most}, not {value!r}", name)
    if type(given.get("seed", 0)) is not int:
        _refuse(f"'seed' must be an integer, not {given['seed']!r}", "seed")
    if given.get("stream", False) is not False:
        _refuse("'stream' must be false: this server sends whole answers", "stream")
    if type(given.get("n", 1)) is not int or given.get("n", 1) != 1:
        _refuse("'n' must be 1", "n")
    tokens: int | None = given.get("max_tokens", given.get("max_completion_tokens"))
    return tokens


def _read_format(
    wanted: Any, plan: Plan, texts: list[str]
) -> tuple[str | None, dict[str, Any] | None]:
    """Type of the response format, and the schema that the answer has to fulfil."""
    name = "response_format"
    if wanted is None:
        return None, schema_in(texts)
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in ("json_object", "json_schema"):
        _refuse(f"'{name}.type' must be json_object or json_schema, not {kind!r}", name)
    if plan.structured == "none" or (plan.structured, kind) == ("json_object", "json_schema"):
        _refuse(f"'{name}' of type '{kind}' is not supported with this model.", name)
    if kind == "json_object":
        if set(wanted) != {"type"}:
            _refuse(f"'{name}' of type json_object has no {sorted(set(wanted) - {'type'})}", name)
        if not any("json" in text.lower() for text in texts):
            _refuse(
                "'messages' must contain the word 'json' in some form, to use "
                "'response_format' of type 'json_object'.",
                "messages",
            )
        return kind, schema_in(texts)
    return kind, _read_schema(wanted, name)


def _read_schema(wanted: dict[str, Any], name: str) -> dict[str, Any]:
    inner = wanted.get("json_schema")
    if set(wanted) != {"type", "json_schema"} or not isinstance(inner, dict):
        _refuse(f"'{name}' of type json_schema must hold an object 'json_schema', no more", name)
    odd = sorted(set(inner) - {"name", "schema", "strict", "description"})
    if odd:
        _refuse(f"Unknown parameter: '{name}.json_schema.{odd[0]}'", name)
    title, schema, strict = inner.get("name"), inner.get("schema"), inner.get("strict", False)
    if not isinstance(title, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", title):
        _refuse(f"'{name}.json_schema.name' must match ^[a-zA-Z0-9_-]{{1,64}}$", name)
    if type(strict) is not bool:
        _refuse(f"'{name}.json_schema.strict' must be a boolean", name)
    if not isinstance(schema, dict):
        _refuse(f"'{name}.json_schema.schema' must be an object", name)
    try:
        check_schema(schema, strict)
    except ValueError as error:
        _refuse(f"Invalid schema for response_format '{title}': {error}", name)
    return schema
