"""An HTTP client that asks again where asking twice does no harm."""

from __future__ import annotations

import random
import time
from typing import Any

import httpx

_ATTEMPTS = 4
_FIRST_WAIT_S = 0.5


class PatientClient(httpx.Client):
    """Repeats reads that broke off or met a busy server; a write is sent once.

    A write whose answer was lost may have been done: only its caller can find out.
    """

    def request(self, method: str, url: Any, **options: Any) -> httpx.Response:
        """As httpx.Client.request; raises what the last attempt raised."""
        last = _ATTEMPTS if method.upper() in ("GET", "HEAD") else 1
        for attempt in range(1, last):
            try:
                answer = super().request(method, url, **options)
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                pass  # the last attempt is outside of the loop and raises
            # Spread out, so that several clients don't come back all at once.
            time.sleep(_FIRST_WAIT_S * 2 ** (attempt - 1) * random.uniform(1, 2))
        return super().request(method, url, **options)
