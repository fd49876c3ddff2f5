"""What a model's provider must say of training content under Art. 53(1)(d) of Regulation (EU)
2024/1689, by the AI Office's template of July 2025, as far as a release's tables know it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.engine.page.render import say_bytes
from pipeline.release.legal.facts import Facts
from pipeline.release.legal.questions import Answer, Rows, Section

_LARGEST = 10  # per cent of the domains, by the template; small providers may give fewer
_IMAGE_CLASSES = ((1_000_000, "less than 1 million images"),
                  (1_000_000_000, "1 million to 1 billion images"))  # fmt: skip


def training_summary(facts: Facts) -> list[Section]:
    """The template's sections, filled; a provider copies them and adds what only people know."""
    return [
        Section("1. General information", _general(facts)),
        Section("2. List of data sources", _sources(facts)),
        Section("3. Data processing aspects", _processing(facts)),
    ]


def largest_domains(facts: Facts) -> list[tuple[str, int, int]]:
    """Host, bytes and files of the largest tenth of the hosts (by bytes, at least one)."""
    nbytes, files = Counter[str](), Counter[str]()
    for row in facts["hosts"]:
        if row["host"] is not None and row["files"]:
            nbytes[row["host"]] += row["nbytes"]
            files[row["host"]] += row["files"]
    ranked = sorted(nbytes, key=lambda host: (-nbytes[host], host))
    most = -(-len(ranked) * _LARGEST // 100)
    return [(host, nbytes[host], files[host]) for host in ranked[:most]]


def _general(facts: Facts) -> tuple[Answer, ...]:
    rows, crawl = facts["rows"], facts["crawlers"]
    publisher = facts["publisher"]
    by = f"The data set {_title(facts)} is published by {publisher}." if publisher else None
    return (
        Answer("1.1 Provider: name, contact, representative", _lines(by), to_complete=True),
        Answer("1.2 Model: versioned name, dependencies, date of placement on the market"),
        Answer(
            "1.3 Modalities and size of the training data",
            (
                f"Image: {_image_class(rows['all'])} ({rows['all']:,} stickers, "
                f"{say_bytes(rows['nbytes'])}; animations are counted here as one image each).",
                "Text: titles, queries, tags and captions of these stickers; less than 1 billion "
                "tokens.",
                "Audio: none. Video: none but animated stickers.",
            ),
        ),
        Answer(
            "1.3 Types of content",
            (f"Stickers and GIFs: {_named(facts['formats'])}.",),
        ),
        Answer(
            "1.3 Latest date of acquisition",
            _lines(_month(crawl["last_fetched"]) or "Nothing was fetched from the network."),
        ),
        Answer(
            "1.3 Linguistic characteristics",
            ("Captions in English and Chinese where models wrote them; titles, queries and text on "
             "stickers in whatever language their sources have.",),
        ),
    )  # fmt: skip


def _sources(facts: Facts) -> tuple[Answer, ...]:
    local = sum(row["files"] for row in facts["hosts"] if row["host"] is None)
    here = f"{local:,} files lay on the machine that made the release."
    imported = facts["imported_rows"]
    labelled = f"{imported:,} rows have labels of these data sets."
    public = f"{facts['rows']['of_data_sets']:,} rows were imported from published data sets."
    data_sets = Rows(
        ("data set", "licence as stated", "stated for", "stickers", "size"),
        tuple(
            (row["data_set"], row["licence"], row["basis"], row["rows"], say_bytes(row["nbytes"]))
            for row in facts["data_sets"]
        ),
        "A sticker of two data sets counts at both.",
    )
    quoted = [
        f"{field['field']}: {field['rows']:,} rows with texts as {by} has them."
        for field in facts["said_by_data_sets"]
        for by in [", ".join(w["by"] for w in field["written"][:5])]
    ]
    domains = largest_domains(facts)
    hosts = {row["host"] for row in facts["hosts"] if row["host"] is not None and row["files"]}
    crawled = bool(hosts)
    return (
        Answer("2.1 Publicly available data sets",
               _lines(public if facts["data_sets"] else None, labelled if imported else None,
                      *quoted, here if local else None),
               rows=data_sets if facts["data_sets"] else None, to_complete=bool(local)),
        Answer("2.2.1 Data sets licensed from rightsholders or their representatives"),
        Answer("2.2.2 Private data sets obtained from other third parties",
               _lines(here if local else None), to_complete=bool(local)),
        Answer("2.3 Data crawled and scraped: was a crawler used?",
               ("Yes." if crawled else "No file of this release was fetched by a crawler.",)),
        Answer("2.3 Name of the crawler", tuple(_crawler_names(facts))),
        Answer("2.3 Purpose and behaviour of the crawler",
               ("Collecting stickers for this data set. Unless it is told otherwise it obeys "
                "robots.txt (RFC 9309) and what hosts state against training in headers, "
                "robots.txt and tdmrep.json; it passes no paywall, login or captcha.",
                _against(facts)) if crawled else ()),
        Answer("2.3 Period of collection", _lines(_period(facts))),
        Answer("2.3 Type of content and of sources",
               tuple(f"{row['source']}: {row['stickers']:,} stickers in {row['files']:,} files "
                     f"of {row['hosts']:,} hosts" for row in facts["sources"] if row["hosts"])),
        Answer(
            "2.3 The most relevant domain names (the top 10% by size)",
            rows=Rows(
                ("domain", "size", "files"),
                tuple((host, say_bytes(nbytes), files) for host, nbytes, files in domains),
                f"{len(domains):,} of {len(hosts):,} hosts, as hosts are named in addresses; "
                "all of them are in hosts.parquet.",
            ) if domains else None,
        ),
        Answer("2.4 User data"),
        Answer("2.5 Synthetic data: made by which models", tuple(_synthetic(facts))),
        Answer("2.6 Other sources", _lines(_people(facts))),
    )  # fmt: skip


def _processing(facts: Facts) -> tuple[Answer, ...]:
    stated = facts["preferences"]
    signals = stated["stated_with_files_that_are_in"]
    return (
        Answer("3.1 Code of Practice: signatory?"),
        Answer(
            "3.1 Reservations of rights: measures",
            (
                f"{stated['by_preference']:,} files that were listed were left out since "
                "robots.txt or another machine-readable preference of their host reserves them; "
                f"{stated['refused'] - stated['by_preference']:,} more since the host refused.",
                "What hosts state of files that are in is kept with each of them: "
                + (_named_counts(signals) or "nothing") + ".",
                "Requests for removal: "
                + (facts["removal_contact"] or "no contact is stated (release.contact)") + ".",
            ),
        ),
        Answer(
            "3.2 Removal of illegal content: measures",
            (f"Stickers left out by rules and reviewers: {_named_counts(facts['rules']) or 'none'}"
             ". decisions.parquet names the rules of each.",),
        ),
        Answer("3.3 Other information"),
    )  # fmt: skip


def _against(facts: Facts) -> str:
    signals = facts["preferences"]["stated_with_files_that_are_in"]
    if not signals.get("preference"):
        return "No file that is in had a stated preference against training when it was fetched."
    return f"{signals['preference']:,} files that are in had a stated preference against training."


def _crawler_names(facts: Facts) -> list[str]:
    names = facts["crawlers"]["names"]
    shown = [f"{row['name']} ({row['files']:,} files)" for row in names[:20]]
    return shown + ([f"{len(names) - 20:,} more names, in hosts.parquet"] if names[20:] else [])


def _synthetic(facts: Facts) -> list[str]:
    found = []
    for field in facts["machine_made"]:
        by = ", ".join(
            f"{w['by']} ({w['alone'] + w['with_others']:,})" for w in field["written"][:5]
        )
        found.append(f"{field['field']}: {field['rows']:,} rows, by {by or 'nothing known'}")
    return found or ["None."]


def _people(facts: Facts) -> str | None:
    people = facts["people"]
    if not people["annotators"]:
        return None
    how = "simulated " if people["simulated_annotators"] == people["annotators"] else ""
    return (
        f"Labels: {people['votes']:,} votes of {people['annotators']:,} {how}annotators on "
        f"{', '.join(people['platforms'])}."
    )


def _image_class(rows: int) -> str:
    return next(
        (name for most, name in _IMAGE_CLASSES if rows < most), "more than 1 billion images"
    )


def _period(facts: Facts) -> str | None:
    months = [facts["crawlers"][name] for name in ("first_fetched", "last_fetched")]
    return " to ".join(dict.fromkeys(filter(None, map(_month, months)))) or None


def _month(month: str | None) -> str | None:
    """MM/YYYY, as the template has it."""
    return None if month is None else f"{month[5:7]}/{month[:4]}"


def _title(facts: Facts) -> str:
    return f"{facts['release']['name']} {facts['release']['version']}"


def _named(formats: dict[str, dict[str, Any]]) -> str:
    return ", ".join(f"{name} {amount['rows']:,}" for name, amount in formats.items())


def _named_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _lines(*lines: str | None) -> tuple[str, ...]:
    return tuple(line for line in lines if line)
