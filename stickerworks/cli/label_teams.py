"""Work that goes from one person to another."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.engine.runner import check_crawled
from stickerworks.cli.label import say_made
from stickerworks.cli.label_answers import merge_answers, read_server, spare_simulated
from stickerworks.cli.label_server import open_studio
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from annotation.human.studio.labelling import LabellingSession


def assign_command(options: CommandOptions, person: str | None, count: int) -> int:
    """Import, take so many stickers from somebody, and give what lacks people to others."""
    from annotation.human.studio.departing import find_person, withdraw

    with open_session("label assign", options) as session:
        check_crawled(session.workspace)
        if options.dry_run:
            session.say("  would give stickers that can't get all their votes to further people")
            return session.exit_code
        spare_simulated(session, replace=False)
        with open_studio(session) as studio:
            account = None
            if person is not None:
                account = find_person(session.config, studio.ledger, person)
            read_server(session, studio, full=False)
            if account is not None:
                taken = withdraw(studio.ledger, account, count)
                session.results["withdrawn"] = taken
                session.say(f"{taken:,} unanswered stickers taken from {account}.")
            _assign(session, studio)
        merge_answers(session)
    return session.exit_code


def leave_command(options: CommandOptions, person: str, who: str | None) -> int:
    """Import what somebody answered, and give the rest to others."""
    from annotation.human.studio.departing import find_person, leave

    with open_session("label leave", options) as session:
        check_crawled(session.workspace)
        if options.dry_run:
            session.say(f"  would give what {person} hasn't answered to others")
            return session.exit_code
        spare_simulated(session, replace=False)
        with open_studio(session) as studio:
            account = find_person(session.config, studio.ledger, person)
            read_server(session, studio, full=False)
            taken = leave(studio.ledger, account, who)
            session.results["withdrawn"] = taken
            session.say(
                f"{account} left: what they answered counts, {taken:,} unanswered stickers were "
                "taken from them."
            )
            _assign(session, studio)
        merge_answers(session)
    return session.exit_code


def back_command(options: CommandOptions, person: str) -> int:
    """Let somebody get stickers again."""
    from annotation.human.studio.departing import come_back, find_person
    from annotation.human.studio.ledger import open_ledger

    with open_session("label leave", options) as session:
        if options.dry_run:
            session.say(f"  would give {person} new stickers again")
            return session.exit_code
        with open_ledger(session.workspace.root) as ledger:
            account = find_person(session.config, ledger, person)
            come_back(ledger, account)
        session.say(f"{account} is back, and gets stickers with the next export.")
    return session.exit_code


def _assign(session: Session, studio: LabellingSession) -> None:
    from annotation.human.studio.labelling import assign_further
    from annotation.human.studio.tables import write_asked

    made = assign_further(studio)
    write_asked(session.workspace, studio.ledger)
    session.results["export"] = asdict(made)
    say_made(session, made, studio.connection.url)
