"""The card's section on hosts: what a provider has to publish of where its files come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.engine.text import markdown_text
from pipeline.release.markdown import table

_ROWS, _VALUES = 10, 3
_MIB = 1 << 20

Hosts = Sequence[dict[str, Any]]
"""Rows of table ``hosts``, the largest first."""


def hosts_section(hosts: Hosts) -> Iterator[str]:
    """Domains by volume, when and as whom they were crawled, licences, and opt-outs."""
    if not hosts:
        return
    yield "## Where the files come from"
    yield _crawl(hosts)
    yield table(
        ("host", "source", "stickers", "MiB", "files", "may be given on", "licences", "refused"),
        [
            (
                row["host"] or "local files",
                row["source"],
                row["stickers"],
                f"{row['nbytes'] / _MIB:,.1f}",
                row["files"],
                row["redistributable"],
                _most(row["licences"]),
                row["refused"],
            )
            for row in hosts[:_ROWS]
        ],
    )
    left = len(hosts) - _ROWS
    yield (
        (f"{left:,} more hosts are in `hosts.parquet` and `legal/index.html`. " if left > 0 else "")
        + "A file counts once, whatever found it; a sticker with the same bytes at two hosts "
        "counts at both. What was refused was not fetched, and stands in `unfetched.parquet`."
    )
    yield _opt_outs(hosts)


def _crawl(hosts: Hosts) -> str:
    firsts = [row["first_fetched"] for row in hosts if row["first_fetched"]]
    lasts = [row["last_fetched"] for row in hosts if row["last_fetched"]]
    if not firsts:
        return "Nothing was fetched from the network."
    agents = Counter[str]()
    for row in hosts:
        agents.update(_counter(row["user_agents"]))
    names = ", ".join(markdown_text(name, 200) for name, _ in agents.most_common(_VALUES))
    first, last = min(firsts), max(lasts, default=max(firsts))
    period = f"in {markdown_text(first)}"
    if first != last:
        period = f"from {markdown_text(first)} to {markdown_text(last)}"
    when = f"Files were fetched {period}"
    return f"{when}, by a crawler that calls itself: {names}." if names else f"{when}."


def _opt_outs(hosts: Hosts) -> str:
    refused = sum(row["by_preference"] for row in hosts)
    signals = Counter[str]()
    for row in hosts:
        signals.update(_counter(row["signals"]))
    text = (
        f"Opt-outs: {refused:,} observations were left out since robots.txt or another "
        "machine-readable preference of their host asks for it."
    )
    if signals:
        stated = ", ".join(f"{markdown_text(n)} with {c:,}" for n, c in sorted(signals.items()))
        text += f" Preferences stated with files that are in: {stated}."
    return text


def _most(counts: list[dict[str, Any]] | None) -> str:
    """The most frequent values for people."""
    counts = counts or []
    shown = [f"{entry['value']} ({entry['files']:,})" for entry in counts[:_VALUES]]
    left = len(counts) - len(shown)
    return "; ".join(shown + ([f"{left:,} more"] if left else [])) or "none stated"


def _counter(counts: list[dict[str, Any]] | None) -> Counter[str]:
    return Counter({entry["value"]: entry["files"] for entry in counts or []})
