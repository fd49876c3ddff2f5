"""`label review`: what is found of labels, and changes of them with their reasons."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import check_crawled
from pipeline.engine.text import one_line, plain
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import plan_of
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.update import say_what_follows

if TYPE_CHECKING:
    from annotation.human.review.changes import Applied
    from annotation.human.review.labels import Vocabulary
    from annotation.human.review.shown import ShownSticker
    from annotation.human.review.wanted import Wanted

_NAME = "review.html"
_FIRST, _ON_PAGE, _REFUSED = 20, 200, 20
_BETWEEN = re.compile(r"[,，、;；]")


@dataclass(frozen=True)
class Asked:
    """Who changes labels and why, and what needs no more questions."""

    why: str | None
    who: str | None
    force: bool = False
    yes: bool = False


def search_command(
    options: CommandOptions, wanted: Wanted, first: int | None, *, page: bool, names: bool
) -> int:
    """Tell what a search finds, or write the page of it."""
    from annotation.human.review.search import first_found
    from annotation.human.review.shown import read_shown

    with open_session("label review", options) as session:
        check_crawled(session.workspace)
        _check_wanted(session, wanted)
        _merge(session)
        label = session.config.label
        found = first_found(session.workspace, wanted, first or (_ON_PAGE if page else _FIRST))
        screening = (label.screening_measure, label.screening_score)
        shown = read_shown(session.workspace, found.ids, wanted, screening, names=names)
        session.results["search"] = wanted.lines()
        session.results["found"] = found.count
        session.results["stickers"] = [_as_json(one) for one in shown]
        if page and not options.dry_run:
            _write_page(session, wanted, shown, found.count)
        elif not options.json:
            _tell(session, shown, found.count)
    return session.exit_code


def change_command(
    options: CommandOptions,
    wanted: Wanted,
    values: Mapping[str, str],
    asked: Asked,
    *,
    everything: bool,
) -> int:
    """Change the one sticker that is found, or all of them."""
    from annotation.human.review.changes import author, change_all, reason
    from annotation.human.review.labels import Vocabulary
    from annotation.human.review.search import first_found
    from annotation.human.studio.ledger import open_ledger

    with open_session("label review", options) as session:
        check_crawled(session.workspace)
        _check_wanted(session, wanted)
        vocabulary = Vocabulary.of(session.workspace)
        who, why = author(asked.who, vocabulary), reason(asked.why)
        after = {name: _values(vocabulary, name, text) for name, text in values.items()}
        _merge(session)
        found = first_found(session.workspace, wanted, _FIRST)
        session.results["found"] = found.count
        if not _goes_on(session, found.count, found.ids, asked, everything=everything):
            return session.exit_code
        with open_ledger(session.workspace.root) as ledger:
            applied = change_all(session.workspace, ledger, wanted, after, (why, who))
        _finish(session, applied)
    return session.exit_code


def apply_command(options: CommandOptions, file: Path, asked: Asked) -> int:
    """Take in what the page saved."""
    from annotation.human.review.changes import Change, apply_changes, author, checked
    from annotation.human.review.labels import Vocabulary
    from annotation.human.review.saved import read_saved_review
    from annotation.human.studio.ledger import open_ledger

    with open_session("label review", options) as session:
        check_crawled(session.workspace)
        vocabulary = Vocabulary.of(session.workspace)
        with open_ledger(session.workspace.root) as ledger:
            saved = read_saved_review(file, ledger.identity)
            who = author(asked.who or saved.who, vocabulary)
            changes: list[Change] = [checked(one, vocabulary) for one in saved.changes]
            _merge(session)
            if options.dry_run:
                session.say(f"  would make up to {len(changes):,} changes")
                return session.exit_code
            applied = apply_changes(session.workspace, ledger, changes, who, force=asked.force)
        _finish(session, applied)
    return session.exit_code


def undo_command(options: CommandOptions, number: int, asked: Asked) -> int:
    """Take one change back."""
    from annotation.human.review.changes import author, reason, say_values, undo
    from annotation.human.review.labels import Vocabulary
    from annotation.human.studio.ledger import open_ledger

    with open_session("label review", options) as session:
        check_crawled(session.workspace)
        who, why = author(asked.who, Vocabulary.of(session.workspace)), reason(asked.why)
        _merge(session)
        if options.dry_run:
            session.say(f"  would take change {number} back")
            return session.exit_code
        with open_ledger(session.workspace.root) as ledger:
            row = undo(session.workspace, ledger, number, why, who)
        session.say(
            f"Change {number} is taken back: {row.field} of {row.sticker[:10]} was "
            f"{say_values(row.after)}."
        )
        _write_and_merge(session)
    return session.exit_code


def history_command(options: CommandOptions, prefix: str) -> int:
    """Tell all changes of one sticker's label."""
    from annotation.human.review.changes import say_values
    from annotation.human.studio.corrected import corrections_of, standing
    from annotation.human.studio.ledger import read_ledger
    from stickerworks.cli.trace import find_sticker

    with open_session("label review", options, reads_only=True) as session:
        sticker, _ = find_sticker(session, prefix.lower())
        with read_ledger(session.workspace.root) as ledger:
            rows = corrections_of(ledger, sticker)
        holding = {one.number for one in standing(rows).values()}
        session.results["history"] = [
            {**asdict(one), "holds": one.number in holding} for one in rows
        ]
        session.say(f"{sticker}: {_many(len(rows), 'change')}")
        for one in rows:
            became = "taken back" if one.after is None else f"-> {say_values(one.after)}"
            holds = ", holds" if one.number in holding else ""
            session.say(
                f"  {one.number}: {one.at[:16]} {plain(one.who)}: {one.field} "
                f"{say_values(one.before)} {became} ({plain(one.why)}){holds}"
            )
    return session.exit_code


def _check_wanted(session: Session, wanted: Wanted) -> None:
    """Refuse a search for tags or questions that there are none of: a slip, not an empty answer."""
    from annotation.human.review.labels import Vocabulary

    vocabulary = Vocabulary.of(session.workspace)
    for tag in (*wanted.tag, *wanted.given):
        vocabulary.check("tags", (tag,))
    for question, value in wanted.answer:
        vocabulary.check(question, (value,))


def _merge(session: Session) -> None:
    """Bring labels up to date, so that what is looked at is what the votes say now."""
    merging = plan_of("merge")
    if session.options.dry_run or any(session.pending(work).shards for work in merging):
        session.do(merging)


def _values(vocabulary: Vocabulary, field: str, text: str) -> tuple[str, ...]:
    kinds = {one.name: one.kind for one in vocabulary.questions}
    whole = kinds.get(field) == "text"
    parts: Iterable[str] = (text,) if whole else _BETWEEN.split(text)
    return vocabulary.check(field, [part.strip() for part in parts if part.strip()])


def _goes_on(
    session: Session, count: int, ids: list[str], asked: Asked, *, everything: bool
) -> bool:
    """Whether so many stickers are to be changed: one without a question, more when asked for."""
    if not count:
        session.say("Nothing is found, so nothing was changed.")
        return False
    some = ", ".join(id_[:10] for id_ in ids[:5]) + (", ..." if count > 5 else "")
    if count > 1 and not everything:
        raise StickerworksError(
            f"{count:,} stickers are found ({some}); a change is of one.",
            "Give more characters of --id, or --all-found to change all of them.",
        )
    session.say(f"Found: {_many(count, 'sticker')} ({some})")
    if session.options.dry_run:
        session.say("  would change them")
        return False
    if count == 1 or asked.yes:
        return True
    if not sys.stdin.isatty() or session.options.json:
        raise StickerworksError(
            f"{count:,} stickers would be changed; nothing was.", "Add --yes if that is meant."
        )
    return typer.confirm(f"Change all {count:,}?", err=True)


def _finish(session: Session, applied: Applied) -> None:
    session.results["changes"] = {
        "made": applied.made,
        "same": applied.same,
        "refused": [
            {"id": one.change.sticker, "field": one.change.field, "why": one.why}
            for one in applied.refused
        ],
    }
    already = f"; {_many(applied.same, 'label')} said so already" if applied.same else ""
    session.say(f"{_many(applied.made, 'change')} made{already}.")
    for one in applied.refused[:_REFUSED]:
        session.say(f"  refused: {one.change.sticker[:10]}: {plain(one.why)}")
    if applied.refused:
        session.incomplete = True
        session.say(
            f"{_many(len(applied.refused), 'change')} refused; look at those stickers again "
            "(`label review --page`), or add --force where the change holds anyway."
        )
    _write_and_merge(session)


def _write_and_merge(session: Session) -> None:
    from annotation.human.studio.corrected import write_corrected
    from annotation.human.studio.ledger import open_ledger

    with open_ledger(session.workspace.root) as ledger:
        write_corrected(session.workspace, ledger)
    _merge(session)
    say_what_follows(session)


def _write_page(session: Session, wanted: Wanted, shown: list[ShownSticker], count: int) -> None:
    from annotation.human.review.labels import Vocabulary
    from annotation.human.review.page import FILE, PageFacts, write_review_page
    from annotation.human.studio.ledger import open_ledger

    with open_ledger(session.workspace.root) as ledger:
        identity = ledger.identity
    vocabulary = Vocabulary.of(session.workspace)
    target = session.workspace.reports / _NAME
    facts = PageFacts(identity, wanted.lines(), count)
    path = write_review_page(session.workspace, target, shown, vocabulary, facts)
    session.results["page"] = str(path)
    session.say(f"{_many(count, 'sticker')} found, {len(shown):,} on the page: {path}")
    session.say(f"Save there ({FILE}), then:")
    session.say("  stickerworks label review --apply FILE --by NAME")


def _tell(session: Session, shown: list[ShownSticker], count: int) -> None:
    for one in shown:
        agreement = "    " if one.agreement is None else f"{one.agreement:.2f}"
        said = " ".join(
            part
            for part in (
                one.id[:10],
                f"{one.label.status:<12}",
                agreement,
                f"{(one.label.of('domain') or ('',))[0]:<8}",
                ", ".join(one.label.of("tags")) or "no tag",
            )
        )
        hint = next((line for line in one.why if ": " in line), "")
        session.say(plain(f"  {said}" + (f"  ({one_line(hint, 70)})" if hint else "")))
    more = f", the first {len(shown):,} are shown" if count > len(shown) else ""
    session.say(f"{_many(count, 'sticker')} found{more}.")


def _as_json(one: ShownSticker) -> dict[str, object]:
    return {**asdict(one), "label": {"status": one.label.status, **one.label.values}}


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
