"""The demo: drawn stickers served on loopback, the whole path, a check of every outcome."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from stickerworks.cli.configuration import parse_config
from stickerworks.cli.display import say_time
from stickerworks.cli.keeping import keep_settings, save_config
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.summary import say_summary
from stickerworks.cli.whole import run_all

DEMO_WORKSPACE = Path("demo-workspace")
_SITE = "site"
# Text recognition may err; every other outcome is certain.
_OCR_SHARE = 0.95


def demo_command(options: CommandOptions, port: int) -> int:
    """Draw, serve, run everything, check the outcomes, say where the results are."""
    if options.config is not None:
        raise StickerworksError(
            "The demo brings its own configuration.", "Use --set to change some of it."
        )
    root = named_path(options.workspace or DEMO_WORKSPACE, "--workspace").absolute()
    workspace = Workspace(root)
    if ((root / "tables").exists() or workspace.parts) and not (root / _SITE).exists():
        raise StickerworksError(
            f"{workspace.name} holds another dataset.", "Choose another --workspace for the demo."
        )
    started = time.monotonic()
    config = _settings(f"http://127.0.0.1:{port}", root, options)
    with open_session("demo", replace(options, workspace=root), config) as session:
        if options.dry_run:
            session.say("  would draw stickers, serve them on loopback and run everything")
        else:
            _draw_and_run(session, options, port)
            session.say(f"Took {say_time(time.monotonic() - started)}.")
    return session.exit_code


def _settings(base_url: str, root: Path, options: CommandOptions) -> Config:
    from pipeline.demo.settings import demo_settings

    settings = {**demo_settings(base_url), "workspace": str(root)}
    return parse_config(settings, "the demo's settings", options.overrides)


def _draw_and_run(session: Session, options: CommandOptions, port: int) -> None:
    """Under the workspace's lock, since another demo may be serving what would be redrawn."""
    from pipeline.demo.collection import draw_collection
    from pipeline.demo.site import serve

    root = session.workspace.root
    draw_collection(root / _SITE)
    with serve(root / _SITE, port) as site:
        session.config = _settings(site.base_url, root, options)
        save_config(_settings(site.base_url, root, replace(options, overrides=())), root)
        if options.keep:
            session.say(keep_settings(options.overrides, root))
        session.failed = not _run(session, root / _SITE)


def _run(session: Session, site_folder: Path) -> bool:
    from annotation.human.studio.tables import ANSWERS
    from pipeline.demo.annotators import simulation
    from pipeline.demo.expected import TRUTH_FILE

    # Votes of people must never make room for simulated ones.
    proof = session.workspace.proof("votes")
    voted = proof is not None and proof.stage == ANSWERS
    verdict = run_all(session, [] if voted else [simulation(site_folder / TRUTH_FILE)])
    right = _check_outcomes(session, site_folder)
    say_summary(session)
    if voted:
        session.say("The votes in it are those that were imported with `label import`.")
    else:
        session.say("The votes in it are simulated, and marked so in every table and in the card.")
    return verdict == "passed" and right


def _check_outcomes(session: Session, site_folder: Path) -> bool:
    """Compare every drawn entry's outcome with the expected one; rules must be all right."""
    from pipeline.demo.expected import TRUTH_FILE, read_expected
    from pipeline.demo.outcomes import check_outcomes

    tables = (
        session.workspace.read(name)
        for name in ("decisions", "duplicates", "unfetched", "signals", "observations")
    )
    outcomes = check_outcomes(read_expected(site_folder / TRUTH_FILE), *tables)
    session.results["outcomes"] = asdict(outcomes)
    rules, ocr = outcomes.rules, outcomes.ocr
    session.say(
        f"Outcomes as drawn: {rules.right} of {rules.right + rules.wrong} by rules, "
        f"{ocr.right} of {ocr.right + ocr.wrong} that depend on reading text"
    )
    for wrong in outcomes.wrong:
        session.say(f"  {wrong.path} ({wrong.case}): {wrong.why}")
    return rules.wrong == 0 and ocr.right >= _OCR_SHARE * (ocr.right + ocr.wrong)
