"""What looking at every row found, held against the bounds of ``validation``."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.engine.checks import Check, Outcome
from pipeline.release.looking.look import Sight
from schemas.config import ValidateConfig

BARE = "rows without image"
"""The check that says whether enough of the release could be seen."""
_NAMED = 3
_FILTER = "Run `stickerworks filter` and build the release anew, under a new version."
_FETCH = (
    "Get the release again; or put the original files back, which `stickerworks crawl` does, and "
    "build it anew."
)


def look_checks(sight: Sight, config: ValidateConfig) -> Iterator[Check]:
    """One check each of what can't be decoded, breaks off, is blank, repeated, told wrong, or
    stands in two splits."""
    without = sight.rows.total() - sight.images
    if not sight.images:
        yield _nothing(without)
        return
    yield _share(sight, "decoding", "unreadable", "can't be decoded", config.max_unreadable, _FETCH)
    yield _share(sight, "whole files", "cut_short", "break off", config.max_cut_short, _FETCH)
    yield _share(sight, "blank pictures", "blank", "show nothing", config.max_blank, _FILTER)
    yield _share(
        sight,
        "repeated pictures",
        "repeated",
        "show the very pixels of another row",
        config.max_repeated,
        _FILTER,
    )
    yield _columns(sight)
    yield _copies(sight, config.max_copies)
    if without:
        yield _bare(sight, without)


def _bare(sight: Sight, without: int) -> Check:
    """Rows without image: a few are told of, but most of a split can't go unseen."""
    figure, bound = f"{without:,}", "at most half of each split"
    reason = f"{without:,} of {sight.rows.total():,} rows carry no image and were not judged"
    remedy = "Judge it with the workspace that it was built in (--workspace), which has the files."
    for split, bare in sight.bare.items():
        if 2 * bare > sight.pictures[split]:
            reason = (
                f"{bare:,} of {sight.pictures[split]:,} {split} rows carry no image: the others "
                "can't speak for them"
            )
            return Check(BARE, "not judged", figure, bound, reason, remedy)
    return Check(BARE, "warned", figure, bound, reason, remedy)


def _nothing(rows: int) -> Check:
    reason = (
        f"none of the {rows:,} rows carries an image, and this workspace has none of their files: "
        "pictures were not judged"
    )
    remedy = "Judge it with the workspace that it was built in (--workspace)."
    return Check(BARE, "not judged", f"{rows:,}", "", reason, remedy)


def _share(sight: Sight, name: str, what: str, told: str, bound: float, remedy: str) -> Check:
    count = getattr(sight, what)
    share = count / sight.images
    figure, allowed = f"{count:,} of {sight.images:,} ({share:.2%})", f"at most {bound:.2%}"
    if not count:
        return Check(name, "passed", figure, allowed)
    named = "; ".join(sight.named[what][:_NAMED])
    reason = f"{count:,} of {sight.images:,} images ({share:.2%}) {told}; {bound:.2%} are allowed"
    outcome: Outcome = "failed" if share > bound else "warned"
    return Check(name, outcome, figure, allowed, f"{reason}: {named}", remedy)


def _columns(sight: Sight) -> Check:
    if not sight.rows_differing:
        return Check("columns", "passed", "0 rows differ", "none")
    columns = ", ".join(f"{name} {count:,}" for name, count in sight.differing.most_common())
    reason = (
        f"{sight.rows_differing:,} rows say something else than their files ({columns}): "
        f"{'; '.join(sight.named['differing'][:_NAMED])}"
    )
    figure = f"{sight.rows_differing:,} rows differ"
    return Check("columns", "failed", figure, "none", reason, _FILTER)


def _copies(sight: Sight, bound: int) -> Check:
    figure, allowed = f"{sight.copies:,} pairs", f"at most {bound:,}"
    if not sight.copies:
        return Check("copies across splits", "passed", figure, allowed)
    named = "; ".join(sight.named["copies"][:_NAMED])
    pairs = "1 pair of rows" if sight.copies == 1 else f"{sight.copies:,} pairs of rows"
    reason = f"{pairs} of different splits show the same picture: {named}"
    remedy = (
        "Run `stickerworks filter` and `stickerworks split`, which keep copies in one split, and "
        "build the release anew; rows that came from elsewhere have to go."
    )
    outcome: Outcome = "failed" if sight.copies > bound else "warned"
    return Check("copies across splits", outcome, figure, allowed, reason, remedy)
