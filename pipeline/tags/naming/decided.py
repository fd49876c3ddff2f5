"""The rows of a naming one by one: what each decides, and what is wrong with it by itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pipeline.engine.text import quoted, storable
from pipeline.tags.keywords import normalise
from pipeline.tags.name_forms import is_blocked, name_fault, same_name, shown_name
from pipeline.tags.naming.basis import Basis
from pipeline.tags.naming.rows import ADD, DECISIONS, Naming, NamingRow, Problem

FOUR = "keep, merge, drop or block"
_WORDS = {
    "keep": "keep 保留",
    "merge": "merge 合并",
    "drop": "drop 删除",
    "block": "block 屏蔽",
    ADD: "add 添加 新增",
}
_DECISION_OF = {same_name(w): name for name, words in _WORDS.items() for w in words.split()}


@dataclass(frozen=True)
class Decided:
    """A row as it is understood; ``key`` and ``decision`` are "" where they can't be."""

    row: NamingRow
    key: str
    decision: str
    name: str
    english: str
    group: str
    aliases: tuple[str, ...]
    into: str
    keywords: tuple[str, ...]
    words: tuple[str, ...]
    note: str

    @property
    def is_tag(self) -> bool:
        """Whether the row is to become a tag of the set."""
        return self.decision in ("keep", ADD)

    @property
    def told(self) -> str:
        """The row for people: its key and name, as far as it has them."""
        return " ".join(part for part in (self.key, self.name) if part) or "a row without a name"


def decide(naming: Naming) -> list[Decided]:
    """The rows as they are understood; those that say nothing at all are passed over."""
    return [_decided(row) for row in naming.rows if _says(row)]


def row_problems(one: Decided, basis: Basis, blocked: Collection[str]) -> Iterator[Problem]:
    """What is wrong with a row whatever the others say."""
    if one.key and one.key not in basis.clusters:
        yield Problem(
            one.row.where("key"),
            f"there is no {quoted(one.row.key)} to decide about",
            "Take the row out, or write a new sheet that takes over what was decided: "
            "`stickerworks tags sheet --from FILE`.",
        )
    yield from _decision_problems(one)
    yield from _name_problems(one, basis.suggested.get(one.key, ""), blocked)
    yield from _surplus(one)


def _decided(row: NamingRow) -> Decided:
    key = unicodedata.normalize("NFKC", row.key).strip().casefold()
    return Decided(
        row=row,
        key=key,
        decision=_decision(row, key),
        name=shown_name(row.name),
        english=shown_name(row.english),
        group=shown_name(row.group),
        aliases=_different(shown_name(alias) for alias in row.aliases),
        into=shown_name(row.into),
        keywords=_different(normalise(text) or "" for text in row.keywords),
        words=_different(shown_name(word).lower() for word in row.words),
        note=storable(row.note) or "",
    )


def _decision(row: NamingRow, key: str) -> str:
    """The decision; of a row without a key that has none, that a tag is added."""
    if not row.decision.strip():
        return "" if key else ADD
    found = _DECISION_OF.get(same_name(row.decision), "")
    return ADD if not key and found == "keep" else found


def _different(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _says(row: NamingRow) -> bool:
    single = (row.key, row.decision, row.name, row.english, row.group, row.into, row.note)
    return any(map(str.strip, (*single, *row.aliases, *row.keywords, *row.words)))


def _decision_problems(one: Decided) -> Iterator[Problem]:
    where, written = one.row.where("decision"), one.row.decision.strip()
    if one.key and not written:
        yield Problem(where, f"nothing is decided about {one.key}", f"Write {FOUR}.")
    elif one.key and one.decision not in DECISIONS:
        yield Problem(where, f"{quoted(written)} is no decision", f"Write {FOUR}.")
    elif not one.key and one.decision != ADD:
        yield Problem(
            where,
            f"{quoted(written)} is decided about a row without a key",
            "Write the key of the row that is meant, or leave the decision of a tag that is "
            "added blank.",
        )
    if not one.key and not one.keywords and not one.words:
        yield Problem(
            one.row.where("keywords"),
            "a tag that is added has neither keywords nor words",
            "Write the keywords that it takes, or words: it takes every keyword that has one.",
        )


def _name_problems(one: Decided, suggested: str, blocked: Collection[str]) -> Iterator[Problem]:
    if one.is_tag and not one.row.name.strip():
        example = f", such as {quoted(suggested)}" if suggested else ""
        yield Problem(
            one.row.where("name"),
            "a tag that is kept has no name" if one.key else "a tag that is added has no name",
            f"Write one{example}; or decide otherwise.",
        )
    if not one.is_tag and one.decision != "merge":
        return  # what was written beside them is of no use
    named = [("name", one.row.name), ("english", one.row.english), ("group", one.row.group)]
    named += [("aliases", alias) for alias in one.row.aliases]
    for column, text in named:
        if not text.strip():
            continue
        if fault := name_fault(text):
            yield Problem(one.row.where(column), f"{quoted(text)} is no name: it {fault}", _AGAIN)
        elif is_blocked(text, blocked):
            yield Problem(
                one.row.where(column), f"{quoted(text)} says a word that is blocked", _AGAIN
            )


_AGAIN = "Write another one."


def _surplus(one: Decided) -> Iterator[Problem]:
    """What a row has in columns that its decision has no use for."""
    if one.row.into.strip() and one.decision in ("keep", "drop", "block", ADD):
        yield Problem(
            one.row.where("into"),
            f"it says into {quoted(one.row.into)}, but {one.told} isn't merged",
            "Decide merge, or leave it blank.",
        )
    for column, texts in (("keywords", one.row.keywords), ("words", one.row.words)):
        if one.key and any(map(str.strip, texts)):
            yield Problem(
                one.row.where(column),
                f"{one.key} has its keywords already",
                "Write these into a row without a key: it is added as a tag, and takes them.",
            )
