"""Asking again where it pays: the ranking, told and wanted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import check_crawled
from pipeline.engine.text import plain
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import plan_of
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from annotation.human.relabelling.relabel import Relabelling

_SHOWN = 20


@dataclass(frozen=True)
class RelabelRequest:
    """How many stickers to ask about again, and what ranks them: see the command's options."""

    most: int
    scores: Path | None
    release: Path | None
    question: str | None


def relabel_command(options: CommandOptions, request: RelabelRequest) -> int:
    """Rank stickers, say why, and want further votes on the first of them."""
    from annotation.human.relabelling.relabel import wanted_votes
    from annotation.human.studio.ledger import open_ledger
    from annotation.human.studio.wanting import want

    with open_session("label relabel", options) as session:
        check_crawled(session.workspace)
        session.do(plan_of("merge"))
        found = _rank(session, request)
        session.results["relabel"] = asdict(found)
        _tell(session, found)
        if options.dry_run or not found.candidates:
            return session.exit_code
        wanted = wanted_votes(found.candidates)
        with open_ledger(session.workspace.root) as ledger:
            changed = want(ledger, wanted)
        session.results["wanted"] = wanted
        same = len(wanted) - changed
        before = f" ({same:,} were wanted before)" if same else ""
        session.say(
            f"Further votes are wanted on {len(wanted):,} stickers{before}. Ask for them: "
            "stickerworks label assign. Take it back: stickerworks label relabel --clear"
        )
    return session.exit_code


def clear_command(options: CommandOptions) -> int:
    """Want no further votes."""
    from annotation.human.studio.ledger import open_ledger, read_ledger
    from annotation.human.studio.wanting import want_no_more

    with open_session("label relabel", options) as session:
        root = session.workspace.root
        with read_ledger(root) as ledger:
            count = len(ledger.wanted())
        if count and not options.dry_run:
            with open_ledger(root) as ledger:
                count = want_no_more(ledger)
        session.results["cleared"] = count
        would = "would be" if options.dry_run else "are"
        session.say(f"Further votes on {count:,} stickers {would} wanted no more.")
    return session.exit_code


def _rank(session: Session, request: RelabelRequest) -> Relabelling:
    from annotation.human.relabelling.asked import read_asked
    from annotation.human.relabelling.relabel import TAGS, check_subject, rank_stickers

    asked = read_asked(session.workspace, session.config.merge)
    if not len(asked.votes):
        raise StickerworksError(
            "Nobody has voted yet, so there is nothing to ask again.",
            "Ask people with `stickerworks label export`, and read their votes with "
            "`stickerworks label import`.",
        )
    check_subject(asked, request.question)
    scores = None
    if request.release is not None or request.scores is not None:
        from stickerworks.cli.label_scores import scores_across, unseen_scores

        if request.release is not None:
            voted = frozenset(asked.votes["id"].to_pylist())
            target = None if request.question == TAGS else request.question
            config = session.config.validation
            scores = scores_across(request.release, config, voted, target, session.say)
        elif request.scores is not None:
            scores = unseen_scores(request.scores, session.say)
    people, rule = _people(session), session.config.merge
    return rank_stickers(asked, people, rule, scores, request.question, request.most)


def _people(session: Session) -> frozenset[str]:
    """Those who can be asked: who is configured, and hasn't left."""
    from annotation.human.studio.ledger import read_ledger

    people = frozenset(session.config.label.accounts)
    with read_ledger(session.workspace.root) as ledger:
        return people - frozenset(ledger.departed())


def _tell(session: Session, found: Relabelling) -> None:
    if found.exhausted:
        session.say(
            f"{found.exhausted:,} of {found.open:,} stickers can't be asked about again: everybody "
            "has voted on them. More people: label.annotators"
        )
    if not found.candidates:
        session.say(f"No further vote is expected to pay, on any of {found.open:,} stickers.")
        return
    votes = sum(one.more for one in found.candidates)
    gain = sum(one.more * one.gain for one in found.candidates)
    session.say(
        f"{len(found.candidates):,} of {found.open:,} stickers, {votes:,} votes: by a rough "
        f"estimate they bring macro-F1 up by {100 * gain:.2f} points. Of each, votes to add and "
        "points a vote:"
    )
    for one in found.candidates[:_SHOWN]:
        about = "" if one.about == "tags" else f", {plain(one.about)}"
        why = plain("; ".join(one.reasons))
        session.say(f"  {one.id[:12]}  +{one.more}  {100 * one.gain:.3f}{about}  {why}")
    if len(found.candidates) > _SHOWN:
        session.say(f"  and {len(found.candidates) - _SHOWN:,} more: --json lists all")
