"""All that the legal part says, as one value for JSON and pages: sums over a release's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.engine.origins import Place
from pipeline.release.ledger import Ledger, Refusal, Term
from pipeline.release.makers import Makers, Written
from pipeline.release.people import People
from pipeline.release.tally import ReleaseCounts, ranked
from schemas.config import ReleaseConfig
from schemas.release import SPLITS

Facts = dict[str, Any]

UNSTATED = {
    "publisher": "who publishes this release (release.publisher)",
    "contact": "where people ask for the removal of a file (release.contact)",
}
"""What only the configuration can say, by its key, for a line that says that it is missing."""


@dataclass(frozen=True)
class Inputs:
    """What the facts are made from: counts, rows of ``hosts``, and what was refused."""

    tally: ReleaseCounts
    hosts: list[dict[str, Any]]
    refusals: Counter[Refusal]
    people: People
    simulated: int


def legal_facts(config: ReleaseConfig, inputs: Inputs) -> Facts:
    """The content of ``legal.json``; equal for equal tables."""
    tally, ledger, hosts = inputs.tally, inputs.tally.ledger, inputs.hosts
    return {
        "release": {
            "name": config.name,
            "version": config.version,
            "licence_of_the_annotations": config.licence,
        },
        "publisher": config.publisher or None,
        "removal_contact": config.contact or None,
        "not_stated": [text for key, text in UNSTATED.items() if not getattr(config, key)],
        "rows": {
            "all": tally.rows.total(),
            "with_bytes": tally.rows.total() - tally.without_bytes,
            "without_bytes": tally.without_bytes,
            "of_data_sets": ledger.imported,
            "splits": {split: tally.rows[split] for split in SPLITS if tally.rows[split]},
            "nbytes": sum(amount.nbytes for amount in ledger.formats.values()),
            "carried_nbytes": sum(amount.carried_nbytes for amount in ledger.formats.values()),
        },
        "formats": {name: asdict(ledger.formats[name]) for name in sorted(ledger.formats)},
        "sources": _sources(ledger, hosts),
        "data_sets": _data_sets(ledger),
        "hosts": [_host(row, ledger) for row in hosts],
        "licences": licence_rows(tally),
        "preferences": _preferences(hosts, inputs.refusals),
        "crawlers": _crawlers(hosts),
        "c2pa": dict(sorted(ledger.c2pa.items())),
        "machine_made": machine_made(tally.makers),
        "said_by_data_sets": [
            _field(name, said)
            for name, said in tally.makers.said.items()
            if said.rows or said.shared
        ],
        "rules": dict(ranked(tally.rules)),
        "imported_rows": tally.makers.provenance["imported"],
        "people": {**asdict(inputs.people), "rows_with_simulated_votes": inputs.simulated},
    }


def licence_rows(tally: ReleaseCounts) -> list[dict[str, Any]]:
    """Rows of the release by the licence that decides about their bytes, the most rows first."""
    found: dict[tuple[str, str], Counter[str]] = {}
    sources: dict[tuple[str, str], set[str]] = {}
    for (of, licence, basis), counts in tally.licences.items():
        found.setdefault((licence, basis), Counter()).update(counts)
        sources.setdefault((licence, basis), set()).update(of.split(" + "))
    by_rows = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
    return [
        {
            "licence": licence,
            "basis": basis,
            "rows": counts.total(),
            "with_bytes": counts["with bytes"],
            "without_bytes": counts["without bytes"],
            "sources": sorted(sources[licence, basis]),
        }
        for (licence, basis), counts in by_rows
    ]


def machine_made(makers: Makers) -> list[dict[str, Any]]:
    """Fields that models wrote: rows, and with which model and prompt set."""
    texts = [(name, written) for name, written in makers.fields.items() if written.rows]
    counted = [("ocr_text", makers.ocr), ("domain", makers.domain)]
    plain = [(name, Written(counts.total(), counts)) for name, counts in counted if counts]
    return [_field(name, written) for name, written in [*texts, *plain]]


def _field(name: str, written: Written) -> dict[str, Any]:
    return {
        "field": name,
        "rows": written.rows,
        "written": [
            {"by": by, "alone": written.alone[by], "with_others": written.shared[by]}
            for by in _names(written.alone + written.shared)
        ],
    }


def _data_sets(ledger: Ledger) -> list[dict[str, Any]]:
    by_rows = sorted(ledger.data_sets.items(), key=lambda item: (-item[1].rows, item[0]))
    return [
        {"data_set": name, "licence": licence, "basis": basis, **asdict(amount)}
        for (name, licence, basis), amount in by_rows
    ]


def _sources(ledger: Ledger, hosts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = sorted({*ledger.sources, *(row["source"] for row in hosts)})
    return [_source(name, ledger, [row for row in hosts if row["source"] == name])
            for name in names]  # fmt: skip


def _source(name: str, ledger: Ledger, hosts: list[dict[str, Any]]) -> dict[str, Any]:
    amount = ledger.sources.get(name)
    return {
        "source": name,
        "stickers": amount.rows if amount else 0,
        "nbytes": amount.nbytes if amount else 0,
        "carried": amount.carried if amount else 0,
        "hosts": sum(row["files"] > 0 for row in hosts),
        **{key: sum(row[key] for row in hosts) for key in _SUMMED},
        **_period(hosts),
    }


_SUMMED = ("files", "redistributable", "refused", "by_preference")


def _host(row: Mapping[str, Any], ledger: Ledger) -> dict[str, Any]:
    place: Place = (row["source"], row["host"])
    terms: Counter[Term] = ledger.terms.get(place, Counter())
    by_files = sorted(
        terms.items(), key=lambda item: (-item[1], *map(str, asdict(item[0]).values()))
    )
    return {
        **{key: value for key, value in row.items() if key not in ("licences", "licence_bases")},
        "terms": [{**asdict(term), "files": count} for term, count in by_files],
        "c2pa": dict(sorted(ledger.host_c2pa.get(place, Counter()).items())),
    }


def _preferences(hosts: list[dict[str, Any]], refusals: Counter[Refusal]) -> dict[str, Any]:
    signals: Counter[str] = Counter()
    for row in hosts:
        signals.update({entry["value"]: entry["files"] for entry in row["signals"] or ()})
    by_words = [
        {**asdict(refusal), "observations": count}
        for refusal, count in sorted(
            refusals.items(), key=lambda item: (-item[1], *map(str, asdict(item[0]).values()))
        )
    ]
    return {
        "refused": sum(row["refused"] for row in hosts),
        "by_preference": sum(row["by_preference"] for row in hosts),
        "refusals": by_words,
        "stated_with_files_that_are_in": dict(sorted(signals.items())),
    }


def _crawlers(hosts: list[dict[str, Any]]) -> dict[str, Any]:
    agents: Counter[str] = Counter()
    for row in hosts:
        agents.update({entry["value"]: entry["files"] for entry in row["user_agents"] or ()})
    names = [{"name": name, "files": agents[name]} for name in _names(agents)]
    return {"names": names, **_period(hosts)}


def _period(hosts: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    hosts = list(hosts)
    firsts = [row["first_fetched"] for row in hosts if row["first_fetched"]]
    lasts = [row["last_fetched"] for row in hosts if row["last_fetched"]]
    return {
        "first_fetched": min(firsts, default=None),
        "last_fetched": max(lasts, default=None),
    }


def _names(counts: Counter[str]) -> list[str]:
    return [name for name, _ in ranked(counts)]
