"""What is seen to before a command other than `annotate` has captions made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.engine.runner import Pending
from pipeline.engine.stage import Stage, Step
from schemas.config import Config
from stickerworks.cli.display import say_time
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.trust import check_trusted


def is_captions(work: Stage | Step) -> bool:
    """Whether a stage runs the configured captioner."""
    from annotation.machine.captions import CAPTIONS

    return work is CAPTIONS


@contextmanager
def telling_captions(work: Stage | Step, say: Callable[[str], None]) -> Iterator[None]:
    """Have people told, while captions are made, that a model's server is waited for."""
    if not is_captions(work):
        yield
        return
    from annotation.machine.served.news import telling

    with telling(lambda line: say(f"  {'captions':<12} {line}")):
        yield


def check_captions(config: Config, options: CommandOptions) -> None:
    """StickerworksError unless the captioner can be used, and no stranger's file names its
    server."""
    from annotation.machine.captions import check_captioner

    check_trusted("annotate", config, options)
    check_captioner(config)


def tell_captions(
    config: Config, pending: Callable[[Stage | Step], Pending], say: Callable[[str], None]
) -> None:
    """Tell what the captioner will be asked if it is a model."""
    from annotation.machine.captions import CAPTIONS, is_asked

    if not is_asked(config):
        return
    will = pending(CAPTIONS)
    now = f"{will.rows:,} stickers, about {say_time(will.seconds)}, and " if will.rows else ""
    say(
        f"  {'captions':<12} asks {config.annotate.captioner} about {now}what other decisions "
        "add; `stickerworks annotate --dry-run` tries a few and reckons up the rest"
    )
