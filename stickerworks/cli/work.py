"""What commands do beyond running stages: deciding, releasing, reporting."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from pipeline.engine.counting import count_rules, count_values
from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import check_crawled
from schemas.release import SPLITS
from stickerworks.cli.release_profiles import make_profiles
from stickerworks.cli.session import Session
from stickerworks.cli.split import say_moved
from stickerworks.cli.update import bring_up_to_date, rooms_to_release

OUTCOMES = ("kept", "dropped", "failed")


def count_outcomes(session: Session) -> Counter[str]:
    """Stickers by outcome; refuses to go on when a sticker has none."""
    workspace = session.workspace
    outcomes = count_values(workspace.read("decisions", columns=["outcome"])["outcome"])
    read = sum(workspace.rows("stickers", part) for part in workspace.parts)
    if sum(outcomes[name] for name in OUTCOMES) != read:
        raise StickerworksError(
            f"kept + dropped + failed is not the {read} stickers read: {dict(outcomes)}.",
            "Delete tables/decisions in the workspace and run `stickerworks filter` again.",
        )
    return outcomes


def say_decisions(session: Session) -> None:
    """Tell how many stickers were kept, dropped and failed, and which rules dropped them."""
    outcomes = count_outcomes(session)
    rules = Counter[str]()
    for parts in session.workspace.blocks:
        reasons = session.workspace.read("decisions", parts, ["reasons"])["reasons"]
        rules.update(count_rules(reasons)[0])
    read = sum(outcomes.values())
    counts = {name: outcomes[name] for name in OUTCOMES}
    session.results["decisions"] = {**counts, "read": read, "rules": dict(rules)}
    session.say(
        f"  kept {outcomes['kept']:,} + dropped {outcomes['dropped']:,} + failed "
        f"{outcomes['failed']:,} = read {read:,}"
        + "".join(f"; {rule} {count:,}" for rule, count in rules.most_common())
    )


def release_folder(session: Session) -> Path:
    """Folder of the configured release."""
    settings = session.config.release
    name = f"{settings.name}-{settings.version}"
    if not session.options.dry_run:
        session.workspace.place.fetch_release(name)
    return session.workspace.releases / name


def build(session: Session) -> Path:
    """Build the configured release from tables that are up to date, or find that it is there."""
    from pipeline.release.build import build_release
    from pipeline.release.splits import adopt_splits, forget_splits

    session.check_trusted("release")
    folder = release_folder(session)
    if session.options.dry_run:
        if not session.plan:  # `run` has told it, room by room
            bring_up_to_date(session, rooms_to_release(session.workspace))
        session.say(f"  {'release':<12} would write {folder}")
        return folder
    check_crawled(session.workspace)
    if adopted := adopt_splits(session.workspace):
        session.say(f"  splits stay as they are in {', '.join(adopted)}")
    if not folder.exists():
        forget_splits(session.workspace, session.config.release)
    bring_up_to_date(session, rooms_to_release(session.workspace))
    session.mending(lambda: count_outcomes(session))
    with session.part("release") as logged:
        made = session.mending(
            lambda: build_release(session.workspace, session.config, session.tell)
        )
        logged.update(made.rows)
    if not made.up_to_date:
        session.mending(lambda: say_moved(session))
        # It may be made again with the splits that it kept: they bind later releases alone.
        bring_up_to_date(session, ["split"])
    counts = {split: made.rows[split] for split in SPLITS if split in made.rows}
    rows = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    state = "up to date" if made.up_to_date else rows
    session.say(f"  {'release':<12} {state}")
    session.results["release"] = {"path": str(made.path), "rows": counts}
    make_profiles(session, made.path)
    return made.path


def write_html(session: Session) -> Path:
    """Write the HTML report."""
    from pipeline.filter.verdicts import rule_values
    from pipeline.report.report import write_report

    target = session.workspace.reports / "index.html"
    if session.options.dry_run:
        session.say(f"  {'report':<12} would write {target}")
        return target
    check_crawled(session.workspace)
    with session.part("report"):
        asked = partial(rule_values, session.workspace)
        path = session.mending(lambda: write_report(session.workspace, session.config, asked))
    session.results["report"] = str(path)
    session.say(f"  {'report':<12} {path}")
    return path
