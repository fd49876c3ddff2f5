"""The legal part: sums of the release's own tables, and nothing of the web becomes a page's."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.release.build import Release, build_release
from pipeline.release.legal.datasheet import KEYS, check_answers
from pipeline.release.legal.sums import check_sums
from schemas.config import Config

Build = Callable[..., Release]
CHINESE = "表情包.example"
LONG = f"{'very-long-name-' * 12}.example"
PAGES = ("index", "training-summary", "datasheet")


def facts_of(release: Release) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((release.path / "legal/legal.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory, drawn_once: Any) -> Release:
    """A release from some forty hosts of two sources, with refusals, C2PA and model's texts."""
    drawn = drawn_once
    for number, seen in enumerate(drawn.rows["observations"]):
        host = (CHINESE, LONG)[number] if number < 2 else f"host-{number % 40}.example"
        seen["media_url"] = f"https://{host}/{number}.gif"
        seen["source"] = ("site", drawn.hostile)[number % 2]
        seen["user_agent"] = "stickers/1 (=cmd|x)" if number % 3 else None
        seen["licence"] = ("CC-BY-4.0", None, "=HYPERLINK(1)")[number % 3]
        seen["tdm_reservation"] = "0" if number == 7 else None
        seen["fetched_at"] = f"2026-0{1 + number % 4}-05T00:00:00Z"
    # Seen once more, at another host of the other source.
    again = {**drawn.rows["observations"][0], "source": drawn.hostile, "source_id": "again"}
    drawn.rows["observations"].insert(1, {**again, "media_url": "https://elsewhere.example/x.gif"})
    for number, row in enumerate(drawn.rows["stickers"]):
        row["c2pa"] = (True, False, None)[number % 3]
    drawn.rows["unfetched"] += [
        {"source": "site", "source_id": f"r{n}", "state": "refused", "error_class": kind,
         "media_url": "https://no.example/x.gif", "preference": words}
        for n, (kind, words) in enumerate(
            (("robots", None), ("opt_out", f"noai {drawn.hostile}"), ("http_403", None)))
    ]  # fmt: skip
    for number, row in enumerate(drawn.rows["descriptions"]):
        if row["written_by"] and number % 2:
            row["written_by"] = ["template/1", f"{drawn.hostile} vsd2m/2"]
        if row["written_by"] and number % 10 in (0, 1):
            more = ["template/1"] if number % 10 else []
            row["written_by"] = [*more, f"imported {drawn.hostile}"]
    for number, row in enumerate(drawn.rows["imported"]):
        row["dataset"] = drawn.hostile if number % 3 else "set"
    drawn.rows["imported"] = [row for n, row in enumerate(drawn.rows["imported"]) if n % 4]
    twice = [{**row, "dataset": "set", "name": "b"} for row in drawn.rows["imported"][::5]]
    drawn.rows["imported"] += twice
    settings = {"name": "spread", "licence": drawn.hostile, "publisher": drawn.hostile}
    settings |= {"contact": "群@example", "datasheet": {"purpose": drawn.hostile}}
    workspace = drawn.write(tmp_path_factory.mktemp("spread") / "workspace")
    return build_release(workspace, Config.model_validate({"release": settings}))


def test_sums_are_those_of_the_releases_own_tables(spread: Release) -> None:
    facts, rows = facts_of(spread), pq.read_table(spread.path / "data").to_pylist()
    assert facts["rows"]["all"] == len(rows)
    assert facts["rows"]["with_bytes"] == sum(row["image"] is not None for row in rows)
    carried = sum(len(row["image"]["bytes"]) for row in rows if row["image"])
    assert facts["rows"]["carried_nbytes"] == carried
    by_source = Counter(source for row in rows for source in row["sources"])
    assert {row["source"]: row["stickers"] for row in facts["sources"]} == by_source
    licences = Counter((r["licence"] or "not stated", r["licence_basis"] or "none") for r in rows)
    assert {(r["licence"], r["basis"]): r["rows"] for r in facts["licences"]} == licences
    hosts = pq.read_table(spread.path / "hosts.parquet").to_pylist()
    stated = [{key: row[key] for key in ("host", "files", "nbytes")} for row in facts["hosts"]]
    assert stated == [{key: row[key] for key in ("host", "files", "nbytes")} for row in hosts]
    assert all(sum(t["files"] for t in row["terms"]) == row["files"] for row in facts["hosts"])
    texts = {field["field"]: field for field in facts["machine_made"]}
    said = {field["field"]: field for field in facts["said_by_data_sets"]}
    assert texts["caption_en"]["rows"] + said["caption_en"]["rows"] == sum(
        row["caption_en"] is not None for row in rows
    )
    assert sum(facts["c2pa"].values()) == len(rows)
    assert facts["preferences"]["refused"] == 3
    assert facts["preferences"]["by_preference"] == 2
    assert facts["preferences"]["stated_with_files_that_are_in"] == {"tdm_reservation": 1}
    assert facts["crawlers"]["first_fetched"] == "2026-01"


def test_a_writer_that_wrote_alone_is_told_from_one_among_others(spread: Release) -> None:
    (caption,) = (f for f in facts_of(spread)["machine_made"] if f["field"] == "caption_en")
    alone, shared = caption["written"]
    assert alone["alone"] + alone["with_others"] == caption["rows"]
    rows = [row for row in pq.read_table(spread.path / "data").to_pylist() if row["caption_en"]]
    with_model = sum(any(by.endswith("vsd2m/2") for by in row["written_by"]) for row in rows)
    assert (shared["alone"], shared["with_others"]) == (0, with_model)
    assert shared["by"].endswith("vsd2m/2")


def test_data_sets_that_rows_were_imported_from(spread: Release, drawn_once: Any) -> None:
    found: dict[tuple[str, str, str], list[int]] = {}
    imported = 0
    for row in pq.read_table(spread.path / "data").to_pylist():
        said = json.loads(row["imported"] or "null")
        imported += said is not None
        nbytes = len(row["image"]["bytes"]) if row["image"] else 0
        for name in {each["dataset"] for each in (said, *said.get("others", ()))} if said else ():
            key = (name, row["licence"] or "not stated", row["licence_basis"] or "none")
            found.setdefault(key, []).append(nbytes)
    facts = facts_of(spread)
    assert facts["rows"]["of_data_sets"] == imported
    assert {name for name, *_ in found} == {drawn_once.hostile, "set"}
    assert {
        (row["data_set"], row["licence"], row["basis"]): (row["rows"], row["carried_nbytes"])
        for row in facts["data_sets"]
    } == {key: (len(sizes), sum(sizes)) for key, sizes in found.items()}
    summary = json.loads((spread.path / "legal/training-summary.json").read_text("utf-8"))
    (public,) = (entry for entry in summary if entry["question"].startswith("2.1"))
    assert sum(row["stickers"] for row in public["rows"]) == sum(map(len, found.values()))
    page = (spread.path / "legal/index.html").read_text("utf-8")
    for part in ("data-sets", "said"):
        assert f'href="#{part}"' in page
        assert f'<section id="{part}">' in page


def test_what_data_sets_say_is_no_models(spread: Release) -> None:
    rows = [row for row in pq.read_table(spread.path / "data").to_pylist() if row["caption_en"]]
    quoted = [row["written_by"] for row in rows if "imported" in " ".join(row["written_by"])]
    alone = sum(len(writers) == 1 for writers in quoted)
    assert 0 < alone < len(quoted)
    facts = facts_of(spread)
    assert not any("imported" in w["by"] for f in facts["machine_made"] for w in f["written"])
    (said,) = (f for f in facts["said_by_data_sets"] if f["field"] == "caption_en")
    (by,) = said["written"]
    assert not by["by"].startswith("imported")
    assert said["rows"] == by["alone"] == alone
    assert by["with_others"] == len(quoted) - alone
    summary = json.loads((spread.path / "legal/training-summary.json").read_text("utf-8"))
    asked = {entry["question"]: json.dumps(entry["from_the_tables"]) for entry in summary}
    (synthetic,) = (text for name, text in asked.items() if name.startswith("2.5"))
    assert "imported" not in synthetic
    assert "caption_en" in asked["2.1 Publicly available data sets"]
    croissant = json.loads((spread.path / "croissant.json").read_text("utf-8"))
    fields = {f["@id"]: f for found in croissant["recordSet"] for f in found["field"]}
    made = fields["default/caption_en"]["prov:wasGeneratedBy"]
    used = [activity["prov:used"] for activity in made if "prov:used" in activity]
    assert len(used) == 2
    assert all(agent["@type"] == "prov:Entity" for (agent,) in used)
    assert croissant["rai:machineAnnotationTools"] == sorted(
        {w["by"] for f in facts["machine_made"] for w in f["written"]}
    )


@pytest.mark.parametrize(
    ("part", "key"),
    [("rows", "all"), ("rows", "without_bytes"), ("preferences", "refused")],
)
def test_a_sum_that_differs_stops_the_release(spread: Release, part: str, key: str) -> None:
    facts = facts_of(spread)
    assert len(check_sums(spread.path, facts)) > 20
    facts[part][key] += 1
    with pytest.raises(StickerworksError, match="doesn't fit the release's tables"):
        check_sums(spread.path, facts)


@pytest.mark.parametrize("part", ["licences", "hosts", "sources", "machine_made", "data_sets"])
def test_so_does_a_row_that_is_missing(spread: Release, part: str) -> None:
    facts = facts_of(spread)
    del facts[part][0]
    with pytest.raises(StickerworksError, match="doesn't fit"):
        check_sums(spread.path, facts)


class Elements(HTMLParser):
    """Names of the elements of a page, and what its attributes hold."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [value for name, value in attrs if name in ("href", "src") and value]


@pytest.mark.parametrize("name", PAGES)
def test_pages_load_nothing_and_run_nothing(spread: Release, name: str) -> None:
    text = (spread.path / f"legal/{name}.html").read_text("utf-8")
    page = Elements()
    page.feed(text)
    assert not page.names & {"script", "img", "iframe", "link", "form", "b:", "object"}
    assert all(value.startswith("#") for value in page.attributes)
    assert "<script>x" not in text
    assert "evil.example/p.png)" in text or name == "training-summary"


def test_the_largest_tenth_of_the_domains_by_size(spread: Release) -> None:
    entries = json.loads((spread.path / "legal/training-summary.json").read_text("utf-8"))
    (domains,) = (e for e in entries if "top 10%" in e["question"])
    nbytes = Counter[str]()
    for row in facts_of(spread)["hosts"]:
        nbytes[row["host"]] += row["nbytes"]
    assert len(domains["rows"]) == -(-len(nbytes) // 10)
    largest = sorted(nbytes, key=lambda host: (-nbytes[host], host))[: len(domains["rows"])]
    assert [row["domain"] for row in domains["rows"]] == largest
    asked = {entry["question"]: entry["open"] for entry in entries}
    assert asked["2.4 User data"]
    assert not asked["2.3 Period of collection"]


def test_what_is_not_stated_is_said_loudly(build: Build, tmp_path: Path) -> None:
    release = build(tmp_path / "silent")
    missing = facts_of(release)["not_stated"]
    assert [line.split("(")[1] for line in missing] == ["release.publisher)", "release.contact)"]
    page = (release.path / "legal/index.html").read_text("utf-8")
    assert page.count("<b>Not stated:</b>") == 2


def test_a_spreadsheet_takes_no_licence_for_a_formula(spread: Release) -> None:
    with (spread.path / "legal/licences.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert "'=HYPERLINK(1)" in {row["licence"] for row in rows}
    assert sum(int(row["rows"]) for row in rows) == 54


def test_people_answer_questions_of_the_datasheet(spread: Release, build: Build) -> None:
    entries = json.loads((spread.path / "legal/datasheet.json").read_text("utf-8"))
    answers = {entry["key"]: entry for entry in entries}
    assert set(answers) == set(KEYS)
    assert answers["purpose"]["from_people"].startswith("[click]")
    assert answers["funding"]["open"]
    assert answers["timeframe"]["from_the_tables"] == ["2026-01 to 2026-04."]
    with pytest.raises(StickerworksError, match="Did you mean purpose"):
        build(datasheet={"purpos": "x"})
    check_answers(dict.fromkeys(KEYS, "x"))
