"""How long a server asks to be left alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_RETRY_S = 24 * 3600.0
"""The longest wait that counts: a typo at a host mustn't cost a sticker for ever."""
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait (RFC 9110 10.2.3: seconds or a date).

    At most a day; fractions, which some servers send, count. None when there is no header or it
    can't be read.
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_RETRY_S)
    try:
        date = parsedate_to_datetime(text)
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_S)
