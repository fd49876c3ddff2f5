"""`release index` and `release check`: hash-only indexes, and what overlaps with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path
from pipeline.engine.text import plain
from stickerworks.cli.display import say_size
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.work import release_folder

if TYPE_CHECKING:
    from pipeline.release.contamination.overlap import Overlap


def index_command(
    options: CommandOptions, release: Path | None, images: Path | None, output: Path
) -> int:
    """Write the index of a release or of any pictures."""
    from pipeline.release.contamination.index import write_index
    from pipeline.release.contamination.making import make_index
    from pipeline.release.contamination.pictures import read_pictures

    with open_session("release index", options, reads_only=True) as session:
        source = _source(session, release, images)
        if options.dry_run:
            session.say(f"  {'index':<12} would index {source}")
            return session.exit_code
        caps = session.config.filter.decode
        made = make_index(source.resolve().name, read_pictures(source), caps, session.say)
        path = named_path(output, "--output")
        write_index(path, made)
        size = path.stat().st_size
        session.results["index"] = {
            "path": str(path),
            "stickers": made.stickers,
            "codes": made.codes,
            "bytes": size,
            "undecodable": made.undecodable,
        }
        session.say(
            f"  {'index':<12} {made.stickers:,} files, {made.codes:,} codes, {say_size(size)}: "
            f"{path}"
        )
        if made.undecodable:
            session.say(
                f"  {'':<12} {made.undecodable:,} could not be decoded, or carry no picture: they "
                "are known by their files' hashes alone"
            )
    return session.exit_code


def check_command(
    options: CommandOptions,
    against: Sequence[Path],
    release: Path | None,
    images: Path | None,
    most: float,
) -> int:
    """Tell what overlaps with published sets; 1 where a larger share than ``most`` does."""
    from pipeline.release.contamination.index import read_index
    from pipeline.release.contamination.overlap import find_overlaps
    from pipeline.release.contamination.pictures import read_pictures

    with open_session("release check", options, reads_only=True) as session:
        indexes = [read_index(named_path(path, "--against")) for path in against]
        source = _source(session, release, images)
        if options.dry_run:
            session.say(f"  {'check':<12} would check {source} against {len(indexes)} indexes")
            return session.exit_code
        caps = session.config.filter.decode
        found = find_overlaps(indexes, read_pictures(source), caps, session.say)
        session.results["check"] = {
            "source": str(source),
            "most": most,
            "against": [overlap.as_json() for overlap in found],
        }
        for path, overlap in zip(against, found, strict=True):
            _tell(session, path, overlap, most)
            session.failed |= overlap.share > most
    return session.exit_code


def _source(session: Session, release: Path | None, images: Path | None) -> Path:
    if release is not None and images is not None:
        raise StickerworksError("Both --release and --images are given.", "Give one of them.")
    if images is not None:
        return named_path(images, "--images")
    return named_path(release, "--release") if release is not None else release_folder(session)


def _tell(session: Session, path: Path, overlap: Overlap, most: float) -> None:
    state = "too much" if overlap.share > most else "fine"
    session.say(
        f"  {'check':<12} {plain(overlap.name)} ({path}): {overlap.copies:,} of "
        f"{overlap.checked:,} stickers are copies ({overlap.share:.2%}, at most {most:.2%}): "
        f"{state}"
    )
    for row in overlap.by_split:
        theirs = f"{row.groups:,} of {row.of_groups:,} groups"
        session.say(
            f"  {'':<12} our {plain(row.ours)}, their {plain(row.theirs)}: {row.same_file:,} the "
            f"same file, {row.copies:,} copies, {row.alike:,} alike; {theirs} of theirs are in ours"
        )
    if overlap.unseen:
        session.say(
            f"  {'':<12} {overlap.unseen:,} of ours could not be decoded, or carry no picture: "
            "only the same files were looked for"
        )
