"""/.well-known/tdmrep.json: a host's reservations of text and data mining (W3C, TDMRep)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from crawlers.preferences.mapping import TDM_RESERVATION
from crawlers.preferences.paths import PathPattern, target_of
from crawlers.preferences.policy_text import policy_text
from pipeline.engine.addresses import strip_secrets

TDMREP = "/.well-known/tdmrep.json"
MAX_BYTES = 512 * 1024
"""A longer file isn't read: ten thousand rules fit."""

_MAX_TEXT = 1000


@dataclass(frozen=True)
class TdmRule:
    """One entry: the paths, the reservation ("1", "0" or what else stands there), and as JSON.

    ``written`` is the pattern of the paths as it stands in the file.
    """

    pattern: PathPattern
    reservation: str
    entry: str
    written: str

    @property
    def refusal(self) -> str | None:
        """What in it forbids training; None when nothing does."""
        if self.reservation not in TDM_RESERVATION:
            return None
        return f"tdmrep.json tdm-reservation {self.reservation}"


def read_tdmrep(data: bytes) -> tuple[TdmRule, ...]:
    """The entries of a tdmrep.json that have both of the parts that they must have."""
    if len(data) > MAX_BYTES:
        return ()
    try:
        entries = json.loads(policy_text(data))
    except (ValueError, RecursionError):
        return ()
    if not isinstance(entries, list):
        return ()
    return tuple(rule for entry in entries if (rule := _rule(entry)) is not None)


def matching_entry(rules: Sequence[TdmRule], url: str) -> TdmRule | None:
    """The entry that holds for an address: the first that fits, as the specification has it."""
    target = target_of(url)
    return next((rule for rule in rules if rule.pattern.matches(target)), None)


def _rule(entry: Any) -> TdmRule | None:
    if not isinstance(entry, dict):
        return None
    location, reservation = entry.get("location"), entry.get("tdm-reservation")
    if not isinstance(location, str) or not isinstance(reservation, int | str):
        return None
    # Some write a boolean, which Python takes for 0 or 1 as they mean it.
    value = reservation.strip() if isinstance(reservation, str) else f"{reservation:d}"[:20]
    kept = {"location": location[:_MAX_TEXT], "tdm-reservation": reservation}
    if isinstance(reservation, str):
        kept["tdm-reservation"] = reservation[:20]
    policy = entry.get("tdm-policy")
    if isinstance(policy, str):
        kept["tdm-policy"] = strip_secrets(policy)[:_MAX_TEXT]
    entry_json = json.dumps(kept, ensure_ascii=True)
    return TdmRule(PathPattern.of(_path(location)), value, entry_json, location)


def _path(location: str) -> str:
    """Where a location was written as a whole address or without its slash, the path it means."""
    if location.startswith(("http://", "https://")):
        try:
            parts = urlsplit(location)
        except ValueError:
            return location
        return parts.path or "/"
    return location if location.startswith(("/", "*")) else f"/{location}"
