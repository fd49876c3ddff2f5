"""Everything in order, on the configured sources or on a folder of one's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.engine.paths import named_path
from pipeline.engine.stage import Stage, Step
from schemas.config import Config, ReleaseConfig, SourceConfig
from stickerworks.cli.annotate import say_captions
from stickerworks.cli.configuration import load_config
from stickerworks.cli.crawl import crawl_sources
from stickerworks.cli.judging import judge
from stickerworks.cli.keeping import keep_settings, save_config
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import ROOMS, plan_of
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.split import say_splits
from stickerworks.cli.summary import say_summary
from stickerworks.cli.tags_saying import say_tags
from stickerworks.cli.work import build, say_decisions, write_html

# Small collections in shards of a thousand would keep a single core busy.
_FOLDER_SHARD_ROWS = 100
# The name in the configuration that we ship, which is about another source.
_SHIPPED_NAME = "chinesebqb"
_SAY = {
    "filter": say_decisions,
    "tags": say_tags,
    "annotate": say_captions,
    "split": say_splits,
}


def run_command(options: CommandOptions, folder: Path | None) -> int:
    """Crawl, filter, tag, annotate, merge, split, release, validate, report."""
    config = load_config(options.config, options.overrides, options.workspace)
    if folder is not None:
        config = _with_folder(config, folder)
    with open_session("run", options, config) as session:
        session.check_trusted("annotate")
        root = session.workspace.root
        if folder is not None and not options.dry_run:
            # What was set for this run alone is not kept, but for the name of what it makes.
            lasting = load_config(options.config, (), options.workspace)
            release = config.release.model_copy(update={"sign_key": None})
            lasting = lasting.model_copy(update={"crawl": config.crawl, "release": release})
            save_config(lasting, root)
        if options.keep and not options.dry_run:
            session.say(keep_settings(options.overrides, root))
        session.failed = run_all(session) != "passed"
        if not options.dry_run:
            say_summary(session)
    return session.exit_code


def run_all(session: Session, votes: Sequence[Stage | Step] = ()) -> str:
    """Run every room in order and return the gate's verdict; ``votes`` are steps that stand in
    for people."""
    session.say(f"Workspace {session.workspace.name}")
    crawl_sources(session)
    if session.options.dry_run and not session.workspace.parts:
        session.say("  everything after it would run on what the crawl finds")
        return "passed"
    for room in ROOMS:
        if room == "merge":
            session.do(votes)
        do_room(session, room)
    folder = build(session)
    verdict = judge(session, folder)
    write_html(session)
    return verdict


def do_room(session: Session, room: str) -> None:
    """Bring the tables of a room up to date and tell what came of it."""
    session.do(plan_of(room))
    if room in _SAY and not session.options.dry_run:
        session.mending(lambda: _SAY[room](session))


def _with_folder(config: Config, folder: Path) -> Config:
    """The configuration for a folder: it is the only source and gives the release its name."""
    folder = named_path(folder, "run FOLDER").absolute()
    source = SourceConfig(source="folder", options={"path": str(folder)})
    shard_rows = min(config.crawl.shard_rows, _FOLDER_SHARD_ROWS)
    crawl = config.crawl.model_copy(update={"sources": [source], "shard_rows": shard_rows})
    release = config.release
    if release.name in (ReleaseConfig().name, _SHIPPED_NAME):
        name = re.sub(r"[^A-Za-z0-9._]+", "_", folder.name).strip("._") or "stickers"
        release = release.model_copy(update={"name": name})
    return config.model_copy(update={"crawl": crawl, "release": release})
