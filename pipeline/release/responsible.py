"""What Croissant's RAI vocabulary asks of a release, from the same facts as its legal part."""

from __future__ import annotations

import calendar
from collections import Counter
from datetime import datetime
from typing import Any

from pipeline.release.legal.facts import Facts
from pipeline.release.tally import ReleaseCounts, ranked, total

_LARGEST = 3


def responsible_ai(
    facts: Facts, tally: ReleaseCounts, agreement: list[dict[str, Any]]
) -> dict[str, Any]:
    """Properties of ``mlcroissant.Metadata`` on collection, annotation, biases and limits."""
    rows, people = facts["rows"], facts["people"]
    sources = ", ".join(f"{row['source']} ({row['stickers']:,})" for row in facts["sources"])
    stated = facts["preferences"]
    return {
        "data_collection": f"Stickers and GIFs found at: {sources}. {stated['by_preference']:,} "
        "listed files were left out since their host reserves them by a preference for machines.",
        "data_collection_type": ["Web Scraping" if facts["crawlers"]["names"] else "Others"],
        "data_collection_missing_data": f"{rows['without_bytes']:,} of {rows['all']:,} rows carry "
        "no file, since no source of theirs allows redistribution or no reader of pictures opens "
        "them; unfetched.parquet lists what was not got.",
        "data_collection_timeframe": _timeframe(facts),
        "data_preprocessing_protocol": [
            f"left out by the rule {name}: {count:,} stickers"
            for name, count in facts["rules"].items()
        ],
        "data_annotation_protocol": [
            "People choose tags from a fixed tag set (tagset.json); tags that enough of them agree "
            "on are effective (column tags).",
            *(
                f"People answer the question {answers.question.name} (questions.json); what enough "
                f"of them say is the column {answers.question.column}."
                for answers in tally.answers
            ),
        ]
        if people["votes"]
        else [],
        "data_annotation_platform": list(people["platforms"]),
        "data_annotation_analysis": _agreement(agreement),
        "annotations_per_item": _per_item(tally.makers.voted),
        "machine_annotation_tools": sorted(
            {by["by"] for field in facts["machine_made"] for by in field["written"]}
        ),
        "data_biases": list(_biases(tally)),
        "data_limitations": list(_limits(facts)),
        "personal_sensitive_information": [
            "Stickers can show people, and texts can name them; the column authors names authors "
            "as their sources do. Nobody checked each sticker for personal data. Removal: "
            + (facts["removal_contact"] or "no contact is stated")
            + "."
        ],
    }


def _timeframe(facts: Facts) -> list[datetime]:
    """First day of the first month and last of the last: more than the month isn't published."""
    months = [facts["crawlers"][name] for name in ("first_fetched", "last_fetched")]
    try:
        (first, last) = (datetime.strptime(month, "%Y-%m") for month in months)
    except (TypeError, ValueError):
        return []
    return [first, last.replace(day=calendar.monthrange(last.year, last.month)[1])]


def _agreement(agreement: list[dict[str, Any]]) -> list[str]:
    found = []
    for row in agreement:
        if row["measure"] in ("tag_sets", "domain", "question"):
            what = row["question"] or row["measure"]
            for name in ("alpha", "kappa"):
                if row[name] is not None:
                    found.append(f"{what}: {name} {row[name]:.3f}, "
                                 f"{row['stickers']:,} stickers")  # fmt: skip
    return found


def _per_item(voted: Counter[int]) -> str:
    judged = {votes: rows for votes, rows in voted.items() if votes}
    if not judged:
        return "none: nobody voted"
    rows = sum(judged.values())
    mean = sum(votes * count for votes, count in judged.items()) / rows
    return (
        f"{min(judged)} to {max(judged)} counted votes, {mean:.2f} on average, on {rows:,} of "
        f"{voted.total():,} stickers"
    )


def _biases(tally: ReleaseCounts) -> list[str]:
    rows = tally.rows.total()
    found = []
    for what, counts in (("domain", tally.domains), ("format", tally.formats)):
        shares = [f"{name} {count / rows:.1%}" for name, count in ranked(total(counts))[:_LARGEST]]
        found.append(f"{what}: {', '.join(shares)}")
    tags = ranked(total(getattr(tally, tally.tag_column)))
    if tags:
        shares = [f"{name} {count / rows:.1%}" for name, count in tags[:_LARGEST]]
        found.append(f"most frequent of {len(tags):,} {tally.tag_column}: {', '.join(shares)}")
    return found


def _limits(facts: Facts) -> list[str]:
    found = ["Licences are what the sources state; nobody checked that they could state them."]
    if facts["people"]["rows_with_simulated_votes"]:
        found.append(
            f"The labels of {facts['people']['rows_with_simulated_votes']:,} stickers rest on "
            "simulated votes: no person looked at them."
        )
    if facts["machine_made"]:
        found.append("Texts by models can be wrong; legal/legal.json says which model wrote what.")
    return found
