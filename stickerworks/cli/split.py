"""What `stickerworks split` says: sizes, named test sets, and what moved since earlier releases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.counting import count_together, count_values
from pipeline.engine.workspace import Workspace
from schemas.release import SPLITS
from schemas.tables import TABLES
from stickerworks.cli.session import Session

_SHOWN = 5
_WHY_EMPTY = "there are too few groups, or earlier releases or imported data sets hold all of them"


def say_splits(session: Session) -> None:
    """Tell the sizes of the splits and named test sets, and what moved."""
    sizes, sets = _sizes(session.workspace)
    session.results["splits"] = {name: sizes[name] for name in SPLITS}
    told = [f"{name} {sizes[name]:,}" for name in SPLITS]
    session.say(f"  {', '.join(told)}" if sizes else "  no sticker is in any split")
    reserved = count_values(session.workspace.read("reserved", columns=["test_set"])["test_set"])
    if reserved or sets:
        session.results["test_sets"] = {name: sets[name] for name in sorted({*reserved, *sets})}
    if reserved:
        named = [f"{name} {sets[name]:,} of {reserved[name]:,}" for name in sorted(reserved)]
        session.say(f"  named test sets, of what was picked: {', '.join(named)}")
    if imported := sorted(sets.keys() - reserved):
        named = [f"{name} {sets[name]:,}" for name in imported]
        session.say(f"  named test sets that were imported: {', '.join(named)}")
    if any(sets[name] < picked for name, picked in reserved.items()):
        session.say(
            "  the others were dropped, or an earlier release has their group in train or "
            "validation"
        )
    for name in session.config.split.shares if sizes else ():
        if session.config.split.shares[name] > 0 and not sizes[name]:
            session.say(f"  WARNING: no sticker is in {name}, which has a share: {_WHY_EMPTY}")
    say_moved(session)


def say_moved(session: Session) -> None:
    """Tell which stickers are in another split than in earlier releases."""
    moved = session.workspace.read("moved")
    session.results["moved"] = len(moved)
    for line in _moved_lines(moved):
        session.say(line)


def _moved_lines(moved: pa.Table) -> Iterator[str]:
    if not len(moved):
        return
    ways = sorted(count_together([moved["from"], moved["to"]]).items())
    told = ", ".join(f"{count:,} from {was} to {now}" for (was, now), count in ways)
    yield f"  moved since earlier releases, as their groups joined others: {told}"
    for row in moved.slice(0, _SHOWN).to_pylist():
        joined = f", where {row['joined'][:10]} is" if row["joined"] else ""
        yield f"    {row['id'][:10]}: {row['from']} to {row['to']}{joined}"
    if len(moved) > _SHOWN:
        yield f"    and {len(moved) - _SHOWN:,} more, in the table {TABLES['moved'].name}"


def _sizes(workspace: Workspace) -> tuple[Counter[str], Counter[str]]:
    """Stickers of each split, and of each named test set."""
    sizes, sets = Counter[str](), Counter[str]()
    for parts in workspace.blocks:
        rows = workspace.read("splits", parts, ["split", "test_sets"])
        sizes.update(count_values(rows["split"]))
        sets.update(count_values(pc.list_flatten(rows["test_sets"])))
    return sizes, sets
