"""Answers that people post: what Label Studio couldn't keep or give back is mended or refused."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

# Half of a pair that stands for one character: no text holds it, and Label Studio, which keeps it,
# could never send it again.
_HALF = re.compile(r"[\ud800-\udfff]")
_INSTEAD = "\ufffd"
_MOST_DEEP = 50


def posted(held: bytes | bytearray, names: frozenset[str] | None) -> bytes:
    """The named fields (None: all) of a JSON body, as it goes on; ValueError when it is no answer.

    >>> posted(b'{"result": [], "task": 5}', frozenset({"result"}))
    b'{"result": []}'
    """
    try:
        said = json.loads(held, parse_constant=_no_number)
        if not isinstance(said, dict):
            raise ValueError(type(said).__name__)
        kept = {name: said[name] for name in said if names is None or name in names}
        _check(kept)
        text = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return _HALF.sub(_INSTEAD, text).encode()


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _check(said: Mapping[str, Any]) -> None:
    """What Label Studio would break on is no answer."""
    result = said.get("result", [])
    if not isinstance(result, list) or not all(isinstance(region, dict) for region in result):
        raise ValueError("result is no list of regions")
    if any(not isinstance(region.get("value", {}), dict) for region in result):
        raise ValueError("a region's value is no object")
    if _depth_exceeds(result, _MOST_DEEP):
        raise ValueError("nested too deep")
    if said.get("unique_id") is not None:
        uuid.UUID(str(said["unique_id"])[:100])
    for name in ("draft_id", "parent_prediction"):
        if not isinstance(said.get(name), int | None) or isinstance(said.get(name), bool):
            raise ValueError(f"{name} is no number")
        if abs(said.get(name) or 0) >= 1 << 63:
            raise ValueError(f"{name} is too large")
    if not isinstance(said.get("was_cancelled"), bool | None):
        raise ValueError("was_cancelled is neither true nor false")


def _depth_exceeds(value: Any, left: int) -> bool:
    if not isinstance(value, list | dict):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return left == 0 or any(_depth_exceeds(item, left - 1) for item in inner)


_ANSWERS = re.compile(r"/api/(?:tasks/\d+/(?:annotations/\d+/)?|)(?:annotations|drafts)(?:/\d+)?/?")


def is_answer(method: str, path: str, kind: str) -> bool:
    """Whether a request of the lead's posts an answer as JSON.

    >>> is_answer("POST", "/api/tasks/7/annotations/", "application/json")
    True
    """
    json_ = kind == "application/json"
    return json_ and method in ("POST", "PUT", "PATCH") and bool(_ANSWERS.fullmatch(path))
