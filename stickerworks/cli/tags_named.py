"""Whether anybody named the tags in use: said wherever tags are made or looked at."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from stickerworks.cli.session import Session


def say_naming(session: Session) -> None:
    """Tell how many tags people named, or loudly that nobody did, and what waits for a name."""
    columns = ["tag", "flags", "named"]
    tagset = session.workspace.read("tagset", columns=columns)
    proposals = session.workspace.read("proposals", columns=["tag", "keywords"])
    waiting = proposals.filter(pc.is_null(proposals["tag"]))
    named = bool(pc.any(tagset["named"]).as_py())
    session.results["tagset"] = {
        "tags": len(tagset), "named": named, "candidates": len(waiting) if named else len(tagset),
    }  # fmt: skip
    if not len(tagset) and not len(waiting):
        return
    if not named:
        singletons, oversized = (_flagged(tagset, flag) for flag in ("singleton", "oversized"))
        session.say(
            f"  NOBODY HAS NAMED THESE TAGS: {len(tagset):,} clusters, of them {singletons:,} "
            f"singletons (one keyword, few stickers) and {oversized:,} oversized. People name, "
            "merge, drop and block them on a sheet (`stickerworks tags sheet`) or a page "
            "(`stickerworks tags page`)."
        )
        return
    session.say(f"  {len(tagset):,} named tags")
    if len(waiting):
        keywords = pc.sum(waiting["keywords"]).as_py() or 0
        session.say(
            f"  {len(waiting):,} new clusters of {keywords:,} keywords wait for a name: "
            "`stickerworks tags sheet` shows them beside the tags"
        )


def _flagged(tagset: pa.Table, flag: str) -> int:
    return sum(flag in (flags or ()) for flags in tagset["flags"].to_pylist())
