"""The instructions on a sheet, short enough to be read."""

from __future__ import annotations

from pipeline.tags.naming.grid.cells import MOST_CHARS
from pipeline.tags.naming.sheet.columns import ADDED, CLUSTERS
from pipeline.tags.naming.sheet.contents import Sheet, SheetRow

TITLE = "How to name clusters"


def how_to(sheet: Sheet) -> list[tuple[str, str]]:
    """Rows of two cells; the first is blank where a line stands by itself."""
    return [
        (TITLE, ""),
        ("", "On the sheet 'clusters', each row is a cluster of keywords that belong together, or "
             "a tag (key t001, ...) that was named before. Fill in the yellow columns; look at "
             "terms, exemplars and stickers first."),
        ("", ""),
        ("keep", "The row becomes a tag: give it a name. The suggested name is only a suggestion; "
                 "copy it if it is right."),
        ("merge", "The row's keywords go to another tag: write that tag's name or key under into. "
                  "A name in the row itself becomes an alias of that tag."),
        ("drop", "The keywords mean no tag: too mixed, or of no use to anybody."),
        ("block", "As drop, and its words are never suggested as a name again: insults, "
                  "advertising, names of people."),
        ("", ""),
        ("name", "What the tag is called; no two tags may have one name, in whatever width, case "
                 "or script it is written."),
        ("english", "The same in English, if you like."),
        ("group", "A heading under which annotators find the tag, such as feelings or greetings."),
        ("aliases", "Other names for the tag, separated by commas, semicolons or line ends. One "
                    'that has a comma in it goes between quotation marks: "a, b".'),
        ("note", "Anything; it is kept with the decision."),
        ("flags", "singleton: one keyword alone, which few stickers carry. oversized: so many "
                  "keywords that it is hardly one topic. blocked: its words are on the list of "
                  "blocked words."),
        ("", ""),
        ("added tags", "On the sheet 'added', each row is a tag of your own: a name, and its "
                       "keywords, or words (it then takes every keyword that has one of them). So "
                       "a cluster is split: name here what is to leave it."),
        ("unclustered", f"{_count(sheet.unclustered)} in no cluster, as no word is left there; "
                        "only tags added by hand can have such keywords."),
        ("", ""),
        ("", "Rows may be sorted, columns moved, and columns of your own added. Leave key and "
             "version as they are; merge no cells; write texts and no formulas."),
        ("", "When every row has a decision, save the file (.xlsx or .ods; saved as .csv, it has "
             "the sheet 'clusters' alone) and run: stickerworks tags apply FILE"),
        ("version", sheet.version),
        *(("", note) for note in (*sheet.notes, *cut_lines(sheet))),
    ]  # fmt: skip


def cut_lines(sheet: Sheet) -> list[str]:
    """What was filled in before and is longer than a cell, each with where it stands whole."""
    return [
        f"{column.name} of {row.filled.key or row.filled.name} is longer than a cell can be, and "
        "was cut: only the CSV has all of it"
        for columns, rows in ((CLUSTERS, sheet.rows), (ADDED, map(SheetRow, sheet.added)))
        for row in rows
        for column in columns
        if column.filled and len(str(column.value(row))) > MOST_CHARS
    ]


def _count(keywords: int) -> str:
    return "one keyword is" if keywords == 1 else f"{keywords:,} keywords are"
