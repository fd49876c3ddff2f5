"""What is seen to before a command other than `annotate` has captions made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.engine.stage import Stage, Step
from stickerworks.cli.display import say_time

if TYPE_CHECKING:
    from stickerworks.cli.session import Session


def is_captions(work: Stage | Step) -> bool:
    """Whether a stage runs the configured captioner."""
    from annotation.machine.captions import CAPTIONS

    return work is CAPTIONS


def check_captions(session: Session) -> None:
    """StickerworksError unless the captioner can be used, and no stranger's file names its
    server."""
    from annotation.machine.captions import check_captioner

    session.check_trusted("annotate")
    check_captioner(session.config)


def tell_captions(session: Session) -> None:
    """Tell what the captioner will be asked if it is a model."""
    from annotation.machine.captions import CAPTIONS, is_asked

    if not is_asked(session.config):
        return
    will = session.pending(CAPTIONS)
    now = f"{will.rows:,} stickers, about {say_time(will.seconds)}, and " if will.rows else ""
    session.say(
        f"  {'captions':<12} asks {session.config.annotate.captioner} about {now}what other "
        "decisions add; `stickerworks annotate --dry-run` tries a few and reckons up the rest"
    )
