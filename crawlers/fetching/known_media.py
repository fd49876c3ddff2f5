"""What is known of media already: whether it needs to be asked for, and how."""

from __future__ import annotations

import time

from crawlers.fetching.source_run import SourceRun
from crawlers.ledger.ledger import Known
from crawlers.ledger.store import has_bytes
from crawlers.takedown.takedown import ERROR_CLASS
from pipeline.engine.retry_after import LONGEST_RETRY_S
from schemas.config import CrawlConfig

DAY_S = 86_400.0


def policy_of(config: CrawlConfig) -> str:
    """Our own settings that can refuse a file: when they change, refused files are tried again."""
    hosts = ",".join(sorted(config.allow_hosts))
    return (
        f"robots={config.obey_robots} preferences={config.obey_preferences} "
        f"max={config.max_bytes} hosts={hosts}"
    )


class KnownMedia:
    """Looks at what the ledger knows of an observation; ``policy`` is that of this run."""

    def __init__(self, run: SourceRun) -> None:
        self._run = run
        self.policy = policy_of(run.config)

    def is_settled(self, known: Known) -> bool:
        """Whether nothing needs to be fetched: the bytes are there, or can't be had."""
        if known.state == "ok":
            return not self._is_expired(known) and self.has_bytes(known)
        if known.failure is None:
            return False
        if known.state == "retry_at":
            # Longer than anybody may ask for: the clock was ahead when it was noted.
            return 0 < (known.failure.retry_at or 0) - time.time() <= LONGEST_RETRY_S
        # What the takedown list names no more is pending again: see refuse_known().
        named = known.failure.error_class == ERROR_CLASS
        return known.state == "gone" or named or known.failure.policy == self.policy

    def _is_expired(self, known: Known) -> bool:
        days = self._run.config.recheck_days
        return days is not None and time.time() - (known.checked_at or 0) > days * DAY_S

    def has_bytes(self, known: Known) -> bool:
        """Whether the bytes of a known observation are there."""
        blob = known.blob
        return blob is not None and has_bytes(self._run.workspace, self._run.ledger, blob)

    def conditions(self, known: Known | None) -> dict[str, str]:
        """Headers that ask for bytes only if they are others than those that we hold."""
        if known is None or known.state != "ok" or not self.has_bytes(known):
            return {}
        named = {"If-None-Match": "etag", "If-Modified-Since": "last_modified"}
        return {name: known.facts[fact] for name, fact in named.items() if known.facts.get(fact)}
