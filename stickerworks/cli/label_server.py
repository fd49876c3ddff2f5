"""The annotation server: set it up, stop it, work with it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from pipeline.engine.paths import named_path
from pipeline.engine.store.location import is_address
from pipeline.engine.text import plain
from pipeline.engine.workspace import Workspace
from stickerworks.cli.configuration import load_config
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from annotation.human.studio.labelling import LabellingSession
    from annotation.human.studio.ledger import VoteLedger

FOLDER = "label-studio"


def setup_command(options: CommandOptions) -> int:
    """Start the server of the workspace, make the accounts, say where both are and how far it is.

    Where neither a workspace nor a configuration is named and the configured workspace is empty,
    the demo's is served, if there is one.
    """
    from annotation.human.studio.client import connect
    from annotation.human.studio.ledger import open_ledger
    from annotation.human.studio.server import ServerPaths

    options, note = _choose_workspace(options)
    with open_session("label setup", options) as session:
        session.check_trusted("label")
        root = session.workspace.root
        stickers = sum(session.workspace.rows("stickers", n) for n in session.workspace.parts)
        session.say(f"Workspace     {plain(str(root))}: {stickers:,} stickers{note}")
        if options.dry_run:
            session.say(f"  would start Label Studio on port {session.config.label.port}")
            return session.exit_code
        connection = connect(root, session.config.label, session.say)
        with open_ledger(root) as ledger:
            _know(ledger, session, connection.accounts.lead, connection.accounts.ids)
        session.say(f"Label Studio  {plain(connection.url)}")
        _say_server(session)
        session.say(f"Lead          {connection.accounts.lead}")
        session.say(f"Annotators    {', '.join(session.config.label.accounts)}")
        if session.config.label.url is None:
            session.say(f"Passwords     {ServerPaths(root / FOLDER).accounts}")
        _say_progress(session)
        session.results["url"] = connection.url
    return session.exit_code


def _say_server(session: Session) -> None:
    """What differs from what was configured or tried."""
    from annotation.human.studio.server import ServerPaths, inner, running
    from annotation.human.studio.version import check_version

    label, place = session.config.label, ServerPaths(session.workspace.root / FOLDER)
    here = running(place) if label.url is None else None
    asked = label.url or inner(place)
    warned = check_version(asked.rstrip("/"), ours=label.url is None) if asked else None
    if warned:
        session.say(f"  {warned}")
    if here and label.host:
        session.say(f"  the proxy before it forwards to {here}; see docs/label-server.md")
    if here and here != f"http://127.0.0.1:{label.port}":
        session.say(
            f"  it runs at {here}; `stickerworks label stop` first, to move it to label.port"
        )


def _choose_workspace(options: CommandOptions) -> tuple[CommandOptions, str]:
    """The options with the workspace that is served, and a note on the choice."""
    from stickerworks.cli.demo import DEMO_WORKSPACE

    if options.workspace or options.config or not Workspace(DEMO_WORKSPACE).parts:
        return options, ""
    configured = load_config(None, options.overrides).workspace
    if configured == str(DEMO_WORKSPACE):
        return options, ""
    if not is_address(configured) and not Workspace(named_path(configured, "workspace")).parts:
        note = f" (the demo's, since {configured} holds none; --workspace names another)"
        return replace(options, workspace=DEMO_WORKSPACE), note
    return options, f" (the demo's are in --workspace {DEMO_WORKSPACE})"


def _say_progress(session: Session) -> None:
    from annotation.human.progress import progress
    from annotation.human.status import status_lines

    found = progress(session.workspace, session.config)
    session.results["progress"] = asdict(found)
    session.say()
    for line in status_lines(found):
        session.say(plain(line))
    command = "stickerworks"
    if session.options.workspace is not None:
        command += f" --workspace {shlex.quote(str(session.options.workspace))}"
    if not session.workspace.parts:
        session.say(f"Next: {command} run FOLDER, since there is nothing to label yet")
    elif not found.batches:
        session.say(f"Next: {command} label export")


def stop_command(options: CommandOptions) -> int:
    """Stop the server, if it runs."""
    from annotation.human.studio.server import ServerPaths, stop

    with open_session("label stop", options) as session:
        stopped = stop(ServerPaths(session.workspace.root / FOLDER))
        session.say("Stopped." if stopped else "It wasn't running.")
    return session.exit_code


@contextmanager
def open_studio(session: Session) -> Iterator[LabellingSession]:
    """The server, started if need be, with the ledger open and its people known."""
    from annotation.human.studio.client import connect
    from annotation.human.studio.labelling import LabellingSession
    from annotation.human.studio.ledger import open_ledger

    session.check_trusted("label")
    root = session.workspace.root
    connection = connect(root, session.config.label, session.say)
    with open_ledger(root) as ledger:
        _know(ledger, session, connection.accounts.lead, connection.accounts.ids)
        yield LabellingSession(session.workspace, session.config, ledger, connection)


def _know(ledger: VoteLedger, session: Session, lead: str, ids: Mapping[str, int]) -> None:
    from annotation.human.studio.importing import SERVER
    from annotation.human.studio.ledger import Person

    names = set(session.config.label.accounts)
    people = [Person(SERVER, ids[name], name, "annotator") for name in sorted(names & set(ids))]
    ledger.know([*people, Person(SERVER, ids[lead.casefold()], lead.casefold(), "lead")])
