"""All of a release beside its rows: card, counts, hosts, tag set, Croissant, plots, unfetched."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.datasets.asked import QUESTIONS, questions_json
from pipeline.engine.audits import read_results
from pipeline.engine.counting import count_together, filled
from pipeline.engine.origins import hosts_table, merged, tally_refused
from pipeline.engine.workspace import Workspace
from pipeline.release.contents import Asked, Contents, Label
from pipeline.release.figures import release_figures
from pipeline.release.ledger import Refusal, count_refusals
from pipeline.release.legal.facts import Inputs as LegalInputs
from pipeline.release.legal.facts import legal_facts
from pipeline.release.makers import DERIVED_FROM
from pipeline.release.people import People, annotators_by_tag, count_people
from pipeline.release.redact import public_rules, public_texts, public_urls
from pipeline.release.tally import ReleaseCounts, total
from schemas.config import Config, ReleaseConfig
from schemas.release import SPLITS, columns_of
from schemas.tables import HOSTS, MOVED, UNFETCHED

_MONTH = len("2026-12")
_URLS = ("page_url", "media_url", "licence_url")
# Ids and titles are names; errors are sentences that may quote a path or an address.
_SENTENCES = (
    *("source_id", "error", "author", "x_robots_tag", "tdm_reservation", "tdm_policy"),
    *("content_usage", "preference"),
)
_RULES = ("robots_content_usage", "tdmrep")


def write_texts(
    folder: Path,
    workspace: Workspace,
    config: Config,
    tally: ReleaseCounts,
    num_bytes: dict[str, int],
    report: Callable[[str], None],
) -> dict[str, str]:
    """Write every file that describes the rows already written to ``folder``.

    Returns the sha256 of those files whose bytes were read for it, by name.
    """
    # Slow to import, and a finished release needs none of them.
    from pipeline.release.card import CardFacts, render_card
    from pipeline.release.croissant import croissant_json, read_files, read_shards
    from pipeline.release.legal.write import write_legal
    from pipeline.release.plots import write_plots
    from pipeline.release.responsible import responsible_ai

    tables = _write_tables(folder, workspace, tally)
    agreement = workspace.read_checked("agreement").to_pylist()
    votes, ids = workspace.read_checked("votes"), _released(folder)
    counted = sum(number * rows for number, rows in tally.makers.voted.items())
    people = count_people(votes, ids, counted)
    legal = LegalInputs(tally, tables.hosts, tables.refusals, people, tally.simulated)
    facts = legal_facts(config.release, legal)
    for line in facts["not_stated"]:
        report(f"the release doesn't state {line}")
    write_legal(folder, config.release, facts)
    shards = read_shards(folder)
    contents = replace(
        _contents(config.release, tally, people, _labels(tally, votes, ids)),
        shards=shards,
        questions=_asked(tally, agreement),
        files=read_files(folder, [QUESTIONS] if tally.answers else []),
        about=responsible_ai(facts, tally, agreement),
    )
    (folder / "croissant.json").write_text(croissant_json(contents), "utf-8")
    figures = release_figures(tally, agreement, read_results(workspace))
    _write_json(folder / "statistics.json", figures)
    facts_of_card = CardFacts(
        tally=tally,
        num_bytes=num_bytes,
        download_size=sum(shard.nbytes for shard in shards.values()),
        unfetched=tables.unfetched,
        hosts=tables.hosts,
        agreement=agreement,
        leakage=workspace.read_checked("leakage").to_pylist(),
        moved=tables.moved,
        tagset=tables.tagset,
        named=tables.named,
        plots=write_plots(folder / "plots", tally, figures, report),
    )
    (folder / "README.md").write_text(render_card(config, facts_of_card), "utf-8")
    return {name: shard.sha256 for name, shard in shards.items()}


@dataclass(frozen=True)
class _Tables:
    """What small tables say: rows of ``hosts``, counts of what was not got, by state and class, of
    refusals, and of what moved, by split before and now; the version of the tag set, and whether
    people named it."""

    hosts: list[dict[str, Any]]
    unfetched: Counter[tuple[str, str]]
    refusals: Counter[Refusal]
    moved: Counter[tuple[str, str]]
    tagset: str | None
    named: bool


def _write_tables(folder: Path, workspace: Workspace, tally: ReleaseCounts) -> _Tables:
    """Write the small tables of a release, and its counts."""
    missed = workspace.read_checked("unfetched")
    unfetched = _write_unfetched(folder / "unfetched.parquet", missed)
    hosts = _by_month(hosts_table(merged([tally.origins, tally_refused(missed)])))
    pq.write_table(hosts.cast(HOSTS.schema.remove_metadata()), folder / "hosts.parquet")
    tagset = workspace.read_checked("tagset").to_pylist()
    _write_json(folder / "tagset.json", tagset)
    if tally.answers:
        questions = (answers.question for answers in tally.answers)
        (folder / QUESTIONS).write_text(questions_json(questions), "utf-8")
    _write_json(folder / "counts.json", tally.as_json())
    moved = workspace.read_checked("moved")
    if len(moved):
        bare = moved.cast(MOVED.schema.remove_metadata())
        pq.write_table(bare, folder / "moved.parquet", compression="zstd")
    return _Tables(
        hosts=hosts.to_pylist(),
        unfetched=unfetched,
        refusals=count_refusals(missed),
        moved=count_together([moved["from"], moved["to"]]),
        tagset=tagset[0]["version"] if tagset else None,
        named=any(row["named"] for row in tagset),
    )


def _contents(
    release: ReleaseConfig, tally: ReleaseCounts, people: People, labels: list[Label]
) -> Contents:
    simulated = people.simulated_annotators == people.annotators
    return Contents(
        name=release.name,
        version=release.version,
        description=release.description,
        licence=release.licence,
        columns=columns_of(answers.question for answers in tally.answers),
        rows={split: tally.rows[split] for split in SPLITS if tally.rows[split]},
        shards={},
        made_by={
            **tally.makers.makings(people.annotators, simulated),
            **{
                answers.question.column: [answers.making(people.annotators, simulated)]
                for answers in tally.answers
                if answers.answered
            },
        },
        derived_from={
            **DERIVED_FROM,
            **{answers.question.column: ("image",) for answers in tally.answers},
        },
        labels=labels,
    )


def _released(folder: Path) -> pa.ChunkedArray:
    decisions = pq.read_table(folder / "decisions.parquet", columns=["id", "outcome"])
    return decisions.filter(pc.equal(decisions["outcome"], "released"))["id"]


def _labels(tally: ReleaseCounts, votes: pa.Table, ids: pa.ChunkedArray) -> list[Label]:
    rows = total(tally.tags)
    names = rows.keys() | tally.makers.tag_votes.keys()
    annotators = annotators_by_tag(votes, ids, names)
    return [
        Label(name, rows[name], tally.makers.tag_votes[name], annotators[name])
        for name in sorted(names)
    ]


def _asked(tally: ReleaseCounts, agreement: list[dict[str, Any]]) -> list[Asked]:
    alphas = {row["question"]: row["alpha"] for row in agreement if row["measure"] == "question"}
    return [
        Asked(
            question=answers.question.name,
            kind=answers.question.kind,
            title_en=answers.question.title_en,
            title_zh=answers.question.title_zh,
            answers=" | ".join(answers.question.values),
            rows=answers.answered,
            alpha=alphas.get(answers.question.name),
        )
        for answers in tally.answers
    ]


def _by_month(hosts: pa.Table) -> pa.Table:
    """Months of the crawl: to the second, no crawl that was interrupted would give the same."""
    for name in ("first_fetched", "last_fetched"):
        place = hosts.schema.get_field_index(name)
        months = pc.utf8_slice_codeunits(hosts[name], 0, _MONTH)
        hosts = hosts.set_column(place, hosts.schema.field(name), months)
    return hosts


def _write_unfetched(path: Path, table: pa.Table) -> Counter[tuple[str, str]]:
    # When all of it was crawled is public (hosts.parquet), when one of it was is not.
    place = table.schema.get_field_index("fetched_at")
    undated = pa.nulls(len(table), table.schema.field(place).type)
    table = table.set_column(place, table.schema.field(place), undated)
    for names, public in (
        (_URLS, public_urls),
        (_SENTENCES, public_texts),
        (_RULES, public_rules),
    ):
        for name in names:
            place = table.schema.get_field_index(name)
            table = table.set_column(place, table.schema.field(name), public(table[name]))
    bare = table.cast(UNFETCHED.schema.remove_metadata())
    pq.write_table(bare, path, compression="zstd")
    return count_together([filled(table[name], "unknown") for name in ("state", "error_class")])


def _write_json(path: Path, value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", "utf-8")
