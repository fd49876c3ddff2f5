"""Asking again what failed or was flagged."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from annotation.machine.answers import open_answers
from annotation.machine.captions import caption_settings, identities_of, is_asked, prompt_sets
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config

Retry = Literal["failed", "flagged"]


def reopen(workspace: Workspace, config: Config, which: Retry) -> int:
    """Have the configured model asked again by the next run; returns the stickers concerned.

    Only what it answered to the configured prompt sets; ``flagged`` includes what failed. Earlier
    answers stay in the ledger.
    """
    if not is_asked(config):
        raise StickerworksError(
            f"The captioner {config.annotate.captioner} is no model: there is nothing to ask again."
        )
    settings = caption_settings(config)
    titles = [prompts.title for prompts in prompt_sets(settings)]
    accepted = config.annotate.accept_flags
    with open_answers(workspace.root) as answers:
        stickers = {
            sticker
            for identity in identities_of(settings)
            for sticker in answers.reopen(identity, titles, accepted, which == "flagged")
        }
    wanted = pa.array(sorted(stickers), pa.string())
    for part in workspace.parts:
        ids = workspace.read("stickers", part, ["id"])["id"]
        if pc.any(pc.is_in(ids, value_set=wanted)).as_py():
            # Made from the ledger, so that nothing is lost; without it the shard is made again.
            workspace.path("captions", part).unlink(missing_ok=True)
    return len(stickers)
