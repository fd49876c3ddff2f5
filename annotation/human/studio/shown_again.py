"""The files that the server shows, made again from the workspace's stickers."""

from __future__ import annotations

from dataclasses import dataclass

from annotation.human.studio.client import FOLDER
from annotation.human.studio.files import place_sticker
from annotation.human.studio.ledger import LEDGER, read_ledger
from annotation.human.studio.server_paths import ServerPaths
from annotation.human.studio.stickers import read_sources
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace


@dataclass(frozen=True)
class Shown:
    """Stickers that people were asked about, and those of them that the workspace lacks."""

    asked: int
    missing: int


def show_again(workspace: Workspace) -> Shown:
    """Place the files of every sticker that has a task; doing it again changes nothing."""
    if not (workspace.root / LEDGER).exists():
        raise StickerworksError(
            f"Nobody was asked anything in {workspace.name} yet.", "Name a backup to restore."
        )
    with read_ledger(workspace.root) as ledger:
        asked = {row["sticker"] for row in ledger.tasks()}
    files, found = ServerPaths(workspace.root / FOLDER).files, 0
    for one in read_sources(workspace, asked, "en"):
        place_sticker(files, one.id, one.format, one.media, one.key_frames)
        found += 1
    return Shown(len(asked), len(asked) - found)
