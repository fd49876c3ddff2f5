"""Which account a word of a command means."""

from __future__ import annotations

from collections.abc import Iterable

from annotation.human.studio.server_paths import account_name
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig


def find_account(config: LabelConfig, others: Iterable[str], named: str) -> str:
    """The account, configured or one of ``others``, that an account or a configured name means.

    StickerworksError for nobody's.
    """
    key = account_name(named)
    accounts = {*config.accounts, *others}
    named_so = [one for one in config.annotators if one.name and account_name(one.name) == key]
    names = [one.key for one in named_so]
    if key in accounts:
        return key
    if len(names) == 1:
        return names[0]
    who = "several annotators" if names else "no annotator"
    raise StickerworksError(f"{named!r} is {who}.", f"Name one of: {', '.join(sorted(accounts))}.")
