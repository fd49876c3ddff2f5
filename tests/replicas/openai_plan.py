"""How the replica of an OpenAI-compatible server behaves: one plan, passed to it as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

STRUCTURED = ("json_schema", "json_object", "none")
FAULTS = (
    "slow",  # answers well, slow_s later
    "cut",  # hangs up in the middle of the body
    "drop",  # hangs up without an answer
    "huge",  # an envelope of huge_bytes, its length announced or not
    "redirect",  # 302 to redirect_to
    "broken_envelope",  # 200 with what isn't a chat completion: cut JSON, HTML, nothing, no choices
    "page",  # 200 with a proxy's HTML
    "no_choices",  # 200 with an envelope that holds no answer
    "broken_json",  # content that isn't the JSON that was wanted; plain text is answered well
    "refusal",  # content_filter, message.refusal or an apology
    "wrong_language",  # English where Chinese was wanted and the other way round
    "empty",  # content "", null or white space
    "length",  # cut off, finish_reason length
    "quote",  # claims a text on the sticker
    "think",  # reasoning before the answer, its opening tag there or not
)  # and every HTTP status from 400 to 599, such as "429"


@dataclass(frozen=True)
class Plan:
    """What the replica serves and how it misbehaves.

    ``misbehave`` gives each fault's share of the requests. Which request meets which fault hangs on
    ``seed``, the body's digest and how often that body was seen. After ``misbehave_times`` faults
    the same body is answered well (None: never for that reason); with ``misbehave_by`` "messages"
    the same is what has the same messages, whatever else differs, such as the seed.
    A question whose last text is ``spare`` meets no fault.
    ``rules`` are pairs of a regular expression, searched in the last user text, and a reply: text,
    an object sent as JSON, or a list of these of which the digest picks one.
    """

    models: tuple[str, ...] = ("replica-vl",)
    key: str | None = None
    seed: int = 0
    latency_s: float = 0.0
    max_concurrent: int | None = None
    structured: str = "json_schema"
    max_images: int = 16
    check_images: bool = False
    max_model_len: int | None = None
    extra_keys: tuple[str, ...] = ("chat_template_kwargs",)
    rules: tuple[tuple[str, Any], ...] = ()
    misbehave: Mapping[str, float] = field(default_factory=dict)
    misbehave_times: int | None = 1
    spare: str | None = None
    misbehave_by: str = "body"
    slow_s: float = 1.0
    retry_after: str | None = "1"
    huge_bytes: int = 20_000_000
    redirect_to: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for what can't be played."""
        unknown = [kind for kind in self.misbehave if not _is_fault(kind)]
        if unknown:
            raise ValueError(f"unknown faults {unknown}; there are HTTP statuses and {FAULTS}")
        if any(share < 0 for share in self.misbehave.values()) or self._shares() > 1 + 1e-9:
            raise ValueError(f"shares must be from 0 to 1 in all: {dict(self.misbehave)}")
        if self.structured not in STRUCTURED:
            raise ValueError(f"structured is {self.structured!r}; one of {STRUCTURED}")
        if self.misbehave_by not in ("body", "messages"):
            raise ValueError(f"misbehave_by is {self.misbehave_by!r}; body or messages")
        for pattern, _ in self.rules:
            re.compile(pattern)

    def _shares(self) -> float:
        return sum(self.misbehave.values())

    def json(self) -> str:
        """The plan as ``plan_from`` reads it."""
        return json.dumps(asdict(self))


def plan_from(given: Mapping[str, Any]) -> Plan:
    """A plan from decoded JSON; ValueError for a key that no plan has."""
    known = {one.name for one in fields(Plan)}
    if set(given) - known:
        raise ValueError(f"a plan has no {sorted(set(given) - known)}; it has {sorted(known)}")
    lists = {name: tuple(given[name]) for name in ("models", "extra_keys") if name in given}
    rules = tuple((pattern, reply) for pattern, reply in given.get("rules", ()))
    return Plan(**{**given, **lists, "rules": rules})


def _is_fault(kind: str) -> bool:
    return kind in FAULTS or bool(re.fullmatch(r"[45]\d\d", kind))
