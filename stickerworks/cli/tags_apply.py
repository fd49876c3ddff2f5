"""What `stickerworks tags apply` says: what was decided, what is wrong with it, what follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path
from pipeline.engine.runner import check_crawled
from pipeline.engine.text import plain, quoted, some, storable
from pipeline.engine.workspace import Workspace
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.update import complete_inputs, say_what_follows

if TYPE_CHECKING:
    from pipeline.tags.naming.freeze import Frozen
    from pipeline.tags.naming.rows import Naming, NamingError

_PROBLEMS = 50
_DECIDED = {
    "keep": "kept", "merge": "merged", "drop": "dropped", "block": "blocked", "add": "added",
}  # fmt: skip


def apply_command(
    options: CommandOptions, file: Path, who: str | None, *, replace: bool = False
) -> int:
    """Check what people decided, freeze it as the tag set in use, and make what follows from it."""
    from pipeline.tags.naming.freeze import write_frozen
    from pipeline.tags.naming.reading import read_naming
    from pipeline.tags.naming.rows import NamingError

    with open_session("tags apply", options, reads_only=options.dry_run) as session:
        check_crawled(session.workspace)
        try:
            naming = read_naming(named_path(file, "tags apply"))
            frozen = session.mending(lambda: _frozen(session, naming, who))
        except NamingError as error:
            _say_problems(session, error)
            return session.exit_code
        _say_decided(session, frozen)
        _check_corrected(session, frozen, replace)
        if options.dry_run:
            session.say("Nothing was written.")
            return session.exit_code
        write_frozen(session.workspace, frozen)
        if frozen.changed:
            session.say(f"This is tag set {frozen.number} now, version {frozen.version}.")
        _make_what_follows(session)
        session.mending(lambda: _say_suggested(session))
        session.mending(lambda: _say_ballot(session))
        say_what_follows(session)
    return session.exit_code


def _frozen(session: Session, naming: Naming, who: str | None) -> Frozen:
    from pipeline.tags.blocked import blocked_by_people
    from pipeline.tags.naming.basis import find_basis
    from pipeline.tags.naming.freeze import freeze
    from pipeline.tags.naming.resolve import resolve, versions_of
    from pipeline.tags.words import blocked_words

    workspace = session.workspace
    basis = find_basis(workspace, versions_of(naming))
    named_tags = workspace.read("named_tags")
    # What this round blocked before is decided again.
    earlier = named_tags.filter(pc.less_equal(named_tags["number"], basis.parent))
    decided, keywords = workspace.read("naming"), workspace.read("named_keywords")
    people = blocked_by_people(decided, earlier, keywords)
    blocked = blocked_words(session.config.tags.blocked_words)
    resolved = resolve(naming, basis, blocked, people)
    said = storable(naming.who if who is None else who, 100)
    return freeze(workspace, basis, resolved, said, datetime.now(UTC).isoformat(timespec="seconds"))


def _say_problems(session: Session, error: NamingError) -> None:
    session.failed = True
    session.results["problems"] = [asdict(problem) for problem in error.problems]
    for problem in error.problems[:_PROBLEMS]:
        session.say(f"  {problem}")
    count = len(error.problems)
    if count > _PROBLEMS:
        session.say(f"  and {count - _PROBLEMS:,} more problems")
    what = "1 problem" if count == 1 else f"{count:,} problems"
    session.say(
        f"{what} in {plain(error.source)}: nothing was changed. Correct it and apply it again."
    )


def _say_decided(session: Session, frozen: Frozen) -> None:
    decisions = Counter(frozen.naming["decision"].to_pylist())
    with_tag = len(frozen.keywords) - frozen.keywords["tag"].null_count
    counts = {
        "rows": len(frozen.naming),
        **{told: decisions[name] for name, told in _DECIDED.items()},
        "tags": len(frozen.tags),
        "keywords_with_tag": with_tag,
        "keywords_without": len(frozen.keywords) - with_tag,
    }
    session.results["named"] = counts | {
        "number": frozen.number, "version": frozen.version, "changed": frozen.changed,
    }  # fmt: skip
    session.results["notes"] = list(frozen.notes)
    told = ", ".join(f"{counts[name]:,} {name}" for name in _DECIDED.values())
    session.say(f"  {len(frozen.naming):,} rows: {told}")
    session.say(
        f"  {counts['tags']:,} tags, of {with_tag:,} keywords; "
        f"{counts['keywords_without']:,} more keywords mean no tag"
    )
    for note in frozen.notes[:_PROBLEMS]:
        session.say(f"  {note}")
    if len(frozen.notes) > _PROBLEMS:
        session.say(f"  and {len(frozen.notes) - _PROBLEMS:,} more such lines")
    if not frozen.changed:
        session.say(f"Tag set {frozen.number} says just this: nothing changed.")


def _check_corrected(session: Session, frozen: Frozen, replace: bool) -> None:
    """Say what a correction changes; StickerworksError where it would undo another's work."""
    from pipeline.tags.naming.corrections import correction

    corrected = correction(session.workspace, frozen)
    if corrected is None:
        return
    session.results["corrects"] = asdict(corrected)
    session.say(f"  {corrected}")
    who = frozen.tags["named_by"][0].as_py()
    if corrected.is_of_another(who) and not replace:
        raise StickerworksError(
            f"Tag set {corrected.number} was named by {quoted(corrected.who or '')}, and this file "
            f"is by {quoted(who)}: nothing was changed.",
            "Put both into one file and apply that. Where this one is to replace the other: the "
            "same command with --replace.",
        )


def _make_what_follows(session: Session) -> None:
    from stickerworks.cli.whole import do_room

    complete_inputs(session, "tags")
    do_room(session, "tags")


def _say_suggested(session: Session) -> None:
    workspace, suggested = session.workspace, 0
    for parts in workspace.blocks:
        lists = workspace.read("suggestions", parts, ["tags"])["tags"]
        suggested += pc.sum(pc.greater(pc.list_value_length(lists), 0)).as_py() or 0
    total = sum(workspace.rows("stickers", part) for part in workspace.parts)
    session.results["suggested"] = suggested
    session.say(f"  {suggested:,} of {total:,} stickers have a suggested tag")


def _say_ballot(session: Session) -> None:
    """Tell what annotators are asked about while votes are under way, and how to change it."""
    for line in _ballot_lines(session.workspace):
        session.say(line)


def _ballot_lines(workspace: Workspace) -> Iterator[str]:
    from annotation.human.studio.ballot import changed_ballot
    from annotation.human.studio.ledger import read_ledger

    with read_ledger(workspace.root) as ledger:
        frozen = ledger.ballot()
        changed = None if frozen is None else changed_ballot(workspace, ledger, frozen)
    if changed is None:
        yield "Ask annotators: `stickerworks label export`."
    elif not changed.is_same and changed.gone:
        told = some([quoted(tag) for tag in changed.gone])
        yield (
            f"The ballot has {len(changed.gone):,} tags that this set hasn't, or gives another "
            f"meaning ({told}): say what became of them, with `stickerworks label migrate --draft "
            "FILE`."
        )
    elif not changed.is_same:
        told = some([quoted(tag) for tag in changed.new])
        yield (
            f"{len(changed.new):,} tags of this set are not on the ballot ({told}): "
            "`stickerworks label migrate --draft FILE` takes them in."
        )
