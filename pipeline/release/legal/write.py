"""Writes a release's ``legal`` folder: legal.json, pages, the licence table, and their sums."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.engine.page.render import Page, write_page
from pipeline.engine.text import one_line
from pipeline.release.legal.datasheet import datasheet
from pipeline.release.legal.facts import Facts
from pipeline.release.legal.questions import Section, as_json, count_open
from pipeline.release.legal.sums import Sum, check_sums
from pipeline.release.legal.training_summary import training_summary
from schemas.config import ReleaseConfig

_PAGES = Path(__file__).parent / "pages"
_MOST_ROWS = 500
_CONTENTS = (
    ("overview", "At a glance"),
    ("sources", "Sources"),
    ("data-sets", "Data sets"),
    ("hosts", "Hosts"),
    ("licences", "Licences"),
    ("preferences", "Preferences"),
    ("machines", "Models"),
    ("said", "Said by data sets"),
    ("people", "People"),
    ("sums", "Sums"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_legal(folder: Path, config: ReleaseConfig, facts: Facts) -> list[Sum]:
    """Write ``folder``/legal of a release whose other tables are there, once the sums agree.

    Raises StickerworksError where a sum differs from what the release's files say.
    """
    sums = check_sums(folder, facts)
    legal = folder / "legal"
    legal.mkdir()
    _write_json(legal / "legal.json", facts)
    _write_licences(legal / "licences.csv", facts)
    _write_index(legal / "index.html", facts, sums)
    name = f"{facts['release']['name']} {facts['release']['version']}"
    summary = training_summary(facts)
    _write_questions(
        legal / "training-summary",
        Page(
            folder=_PAGES / "questions",
            title=f"Public summary of training content: {name}",
            kind="Regulation (EU) 2024/1689, Art. 53(1)(d)",
            lead="The AI Office's template of July 2025, filled as far as the tables of this data "
            "set go, for whoever trains a general-purpose model on it.",
            contents=_sections(summary),
        ),
        summary,
        "the provider of the model answers them",
    )
    sheet = datasheet(facts, config.datasheet)
    _write_questions(
        legal / "datasheet",
        Page(
            folder=_PAGES / "questions",
            title=f"Datasheet: {name}",
            kind="datasheet",
            lead="The questions of Gebru et al., “Datasheets for Datasets” (2021): what the tables "
            "know, and what people say.",
            contents=_sections(sheet),
        ),
        sheet,
        "answers in the configuration (release.datasheet) stand here in the next version",
    )
    return sums


def _write_index(path: Path, facts: Facts, sums: Sequence[Sum]) -> None:
    there = {"data-sets": facts["data_sets"], "said": facts["said_by_data_sets"]}
    page = Page(
        folder=_PAGES / "index",
        title=f"{facts['release']['name']} {facts['release']['version']}",
        kind="origins and terms",
        lead="Where this release comes from, on what terms, what was left out because somebody "
        "asked, and who or what wrote its fields. Made from its tables; legal.json holds the same. "
        "What was taken down since, if anything, is listed in taken_down.csv and counted here.",
        contents=tuple(part for part in _CONTENTS if there.get(part[0], True)),
    )
    hidden = facts["hosts"][_MOST_ROWS:]
    names = ("files", "stickers", "nbytes", "redistributable", "refused", "by_preference")
    rest = {name: sum(row[name] for row in hidden) for name in names} | {"hosts": len(hidden)}
    total = {name: sum(row[name] for row in facts["hosts"]) for name in names}
    values = {"facts": facts, "sums": sums, "most": _MOST_ROWS, "total": total}
    write_page(path, page, {**values, "rest": rest if hidden else None})


def _write_questions(path: Path, page: Page, sections: Sequence[Section], where: str) -> None:
    values = {"sections": sections, "unanswered": count_open(sections), "where": where}
    write_page(path.with_suffix(".html"), page, {**values, "most": _MOST_ROWS})
    _write_json(path.with_suffix(".json"), as_json(sections))


def _sections(sections: Sequence[Section]) -> tuple[tuple[str, str], ...]:
    return tuple((f"s{number}", found.title) for number, found in enumerate(sections, 1))


def _write_licences(path: Path, facts: Facts) -> None:
    header = ("licence", "basis", "rows", "with_bytes", "without_bytes", "sources")
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        for row in facts["licences"]:
            texts = [row["licence"], row["basis"], " + ".join(row["sources"])]
            licence, basis, sources = (_cell(text) for text in texts)
            numbers = [row[name] for name in ("rows", "with_bytes", "without_bytes")]
            table.writerow([licence, basis, *numbers, sources])


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    line = one_line(text, None)
    return f"'{line}" if line.startswith(_FORMULA) else line


def _write_json(path: Path, value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", "utf-8")
