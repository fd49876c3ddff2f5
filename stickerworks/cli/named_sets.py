"""What `stickerworks split propose` and `split reserve` say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.engine.paths import named_path
from pipeline.engine.runner import check_crawled
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import open_session
from stickerworks.cli.update import say_what_follows

_PAGE = "test-sets.html"


def propose_command(options: CommandOptions, words: int, each: int, page: Path | None) -> int:
    """Choose candidates and write the page on which people pick."""
    from pipeline.split.propose import propose
    from pipeline.split.review.page import write_review

    with open_session("split propose", options, reads_only=options.dry_run) as session:
        check_crawled(session.workspace)
        found = session.mending(lambda: propose(session.workspace, session.config, words, each))
        sets = Counter(one.test_set for one in found.candidates)
        session.results["proposed"] = dict(sorted(sets.items()))
        session.results["words"] = len(found.stickers)
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(sets.items()))
        session.say(f"{len(found.stickers):,} trigger words; proposed: {told or 'nothing'}")
        if found.taken:
            session.say(f"  {found.taken:,} stickers are reserved already")
        if found.unsuitable:
            session.say(
                f"  {found.unsuitable:,} stickers of these words can't be in test: releases have "
                "their groups in train or validation"
            )
        if not found.candidates:
            session.say(
                "  no sticker left has a trigger word (a query that it was found under) and a "
                "domain: `stickerworks annotate domain` tells real from cartoon"
            )
        elif not options.dry_run:
            target = session.workspace.reports / _PAGE if page is None else named_path(page, "page")
            written = session.mending(lambda: write_review(session.workspace, found, target))
            session.results["page"] = str(written)
            session.say(f"Pick in a browser: {written}")
            session.say("Save there, then: stickerworks split reserve FILE")
    return session.exit_code


def reserve_command(options: CommandOptions, files: Sequence[Path], *, replace: bool) -> int:
    """Check files of picks and keep them in the table ``reserved``."""
    from pipeline.split.picks import count_by_set, read_picks, reserve

    picked = [read_picks(path) for path in files]
    with open_session("split reserve", options, reads_only=options.dry_run) as session:
        check_crawled(session.workspace)
        packs, dry = session.config.split.keep_packs_together, options.dry_run
        made = reserve(
            session.workspace,
            picked,
            replace=replace,
            packs=packs,
            labelled_only=session.config.release.labelled_only,
            dry=dry,
        )
        session.results["reserved"] = count_by_set(made.rows)
        for name, count in count_by_set(made.rows).items():
            session.say(f"  {name:<12} {count:,} stickers")
        verb = "would be" if dry else "are"
        session.say(f"{made.added:,} more {verb} reserved, {made.removed:,} fewer")
        if made.outside:
            session.say(
                f"  {made.outside:,} of them can't be in test: they are not kept, or releases have "
                "their groups in train or validation"
            )
        if not dry:
            say_what_follows(session)
    return session.exit_code
