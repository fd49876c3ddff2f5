"""The demo: drawn stickers served on loopback, the whole path, a check of every outcome."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

from pipeline.cli.configuration import parse_config, save_config
from pipeline.cli.session import EXIT_FAILED, Options, Session, open_session
from pipeline.cli.whole import run_all, say_where

_DEFAULT_WORKSPACE = Path("demo-workspace")
# Text recognition may err; every other outcome is certain.
_OCR_SHARE = 0.95


def demo_command(options: Options, port: int) -> int:
    """Draw, serve, run everything, check the outcomes, say where the results are."""
    from pipeline.demo.collection import draw_collection
    from pipeline.demo.settings import demo_settings
    from pipeline.demo.site import serve

    root = (options.workspace or _DEFAULT_WORKSPACE).absolute()
    site_folder = root / "site"
    started = time.monotonic()
    draw_collection(site_folder)
    with serve(site_folder, port) as site:
        settings = {**demo_settings(site.base_url), "workspace": str(root)}
        config = parse_config(settings, "the demo's settings")
        demo_options = Options(workspace=root, json=options.json, dry_run=options.dry_run)
        with open_session("demo", demo_options, config) as session:
            save_config(config, root)
            passed = _run(session, site_folder)
            session.say(f"Took {time.monotonic() - started:.0f} s.")
    return session.exit_code if passed else EXIT_FAILED


def _run(session: Session, site_folder: Path) -> bool:
    from pipeline.demo.annotators import simulation
    from pipeline.demo.expected import TRUTH_FILE

    passed = run_all(session, [simulation(site_folder / TRUTH_FILE)])
    if session.options.dry_run:
        return True
    right = _check_outcomes(session, site_folder)
    say_where(session)
    session.say("The votes in it are simulated, and marked so in every table and in the card.")
    return passed and right


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
