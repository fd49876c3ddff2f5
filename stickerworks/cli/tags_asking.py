"""What `tags sheet` and `tags page` share: the room up to date, names asked for, lines told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stickerworks.cli.session import Session
from stickerworks.cli.tags_names import Suggested, suggested_names
from stickerworks.cli.update import complete_inputs
from stickerworks.cli.whole import do_room

if TYPE_CHECKING:
    from pipeline.tags.naming.carry import Carried
    from pipeline.tags.naming.rows import Naming

NOTHING = "No keyword has words to make clusters of: there is nothing to name yet."
_SHOWN = 20


def prepare_proposals(session: Session) -> Suggested:
    """Bring what people are asked about up to date; names that a served model suggests for it."""
    complete_inputs(session, "tags")
    do_room(session, "tags")
    return session.mending(lambda: suggested_names(session))


def carry_over(session: Session, old: Naming, proposals: Sequence[dict[str, Any]]) -> Carried:
    """What a naming of earlier clusters still says of these proposals."""
    from pipeline.tags.naming.carry import carry
    from pipeline.tags.naming.earlier import earlier_rounds

    return carry(old, proposals, earlier_rounds(session.workspace, old))


def say_first(session: Session, lines: Sequence[str], where: str = "") -> None:
    """The first of some lines, and how many more there are and ``where`` they stand."""
    for line in lines[:_SHOWN]:
        session.say(f"  {line}")
    if len(lines) > _SHOWN:
        session.say(f"  and {len(lines) - _SHOWN:,} more{where}")
