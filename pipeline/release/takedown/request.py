"""A request to take stickers down: what it names, and what it takes, settled before anything goes.

It lies in the workspace until all is done; what it held in clear text goes with it. What stays are
the tombstones.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from pipeline.release.takedown.cleaner.named import TakenDown, hash_text
from schemas.tables import TOMBSTONES

FILE = "takedown.json"
COPY = "copy"
"""Kind of what nobody named: it looks the same as what somebody did."""


@dataclass(frozen=True)
class Block:
    """A name or an address that is never asked for again; ``length`` is that of a prefix."""

    kind: str
    hash: str
    length: int | None = None


@dataclass(frozen=True)
class Request:
    """One request. ``kinds`` says of each sticker how it was named; ``names`` are the addresses,
    packs and authors that were; ``renamed`` as in ``TakenDown``; ``parts`` the shards concerned;
    ``keywords`` how many kept stickers carry a keyword from then on (0 also for words that only
    such keywords have); ``digests`` those of all
    tables before; ``signs`` the ``picture_signs`` of those with a perceptual hash; ``pictures``
    sha256 of key frames by sticker; ``addresses`` those of the bytes as releases show them;
    ``texts`` what is said of the stickers alone."""

    number: int
    date: str
    reason: str
    kinds: dict[str, str] = field(default_factory=dict)
    names: list[tuple[str, str]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    phashes: dict[str, str] = field(default_factory=dict)
    signs: dict[str, str] = field(default_factory=dict)
    renamed: list[tuple[str, str, str]] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    keywords: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, list[str]] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def words_gone(self) -> frozenset[str]:
        """Keywords, and words of them, that no kept sticker carries any more."""
        return frozenset(word for word, left in self.keywords.items() if not left)

    @property
    def gone(self) -> TakenDown:
        """What is looked for in files."""
        return TakenDown(
            frozenset(self.kinds),
            frozenset(digest for some in self.pictures.values() for digest in some),
            frozenset(hash_text(url) for url in self.addresses),
            tuple(self.renamed),
            frozenset(self.texts),
        )


def pending_request(root: Path) -> Request | None:
    """The request that an earlier command began and didn't end; None without one."""
    try:
        told = json.loads((root / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None
    try:
        blocks = [Block(**block) for block in told.pop("blocks")]
        pairs = [tuple(pair) for pair in told.pop("names")]
        renamed = [tuple(triple) for triple in told.pop("renamed")]
        return Request(**told, blocks=blocks, names=pairs, renamed=renamed)
    except (TypeError, ValueError, KeyError) as error:
        raise StickerworksError(
            f"{root / FILE} can't be read ({type(error).__name__}).",
            "Move it away and run the same `stickerworks release takedown` again.",
        ) from error


def begin(root: Path, request: Request) -> None:
    """Write a request down, so that it is finished whatever comes."""
    with atomic_file(root / FILE) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(asdict(request), ensure_ascii=False), "utf-8")


def end(root: Path) -> None:
    """Forget a request that is done."""
    (root / FILE).unlink(missing_ok=True)


def add_tombstones(workspace: Workspace, request: Request) -> None:
    """Add what a request took to the table ``tombstones``, unless it is there already."""
    known = workspace.read(TOMBSTONES.name)
    if pc.any(pc.equal(known["request"], request.number)).as_py():
        return
    rows: list[dict[str, object]] = [
        {
            "id": id_,
            "kind": kind,
            "phash": bytes.fromhex(request.phashes[id_]) if id_ in request.phashes else None,
            "pictures": request.pictures.get(id_, []),
        }
        for id_, kind in sorted(request.kinds.items())
    ]
    rows += [{"kind": "address", "blocked": hash_text(url)} for url in sorted(request.addresses)]
    rows += [
        {"kind": "looks", "phash": bytes.fromhex(request.phashes[id_]), "blocked": signs}
        for id_, signs in sorted(request.signs.items())
    ]
    rows += [
        {"kind": block.kind, "blocked": block.hash, "length": block.length}
        for block in request.blocks
    ]
    told = {"request": request.number, "reason": request.reason, "date": request.date}
    made = pa.Table.from_pylist([{**row, **told} for row in rows], schema=TOMBSTONES.schema)
    table = pa.concat_tables([known.cast(TOMBSTONES.schema), made]).combine_chunks()
    counts = {"read": len(table), "kept": len(table)}
    workspace.write(TOMBSTONES.name, None, table, Proof("takedown", "tombstones-1", counts=counts))


def next_number(workspace: Workspace) -> int:
    """Number of the next request."""
    last = pc.max(workspace.read(TOMBSTONES.name, columns=["request"])["request"]).as_py()
    return (last or 0) + 1


def all_taken_down(workspace: Workspace) -> tuple[TakenDown, dict[str, str]]:
    """Everything that was ever taken down, and lines about it for copies of releases."""
    rows = workspace.read(TOMBSTONES.name)
    stickers = rows.filter(pc.is_valid(rows["id"]))
    pictures = pc.list_flatten(stickers["pictures"]).to_pylist()
    addresses = rows.filter(pc.equal(rows["kind"], "address"))
    gone = TakenDown(
        frozenset(stickers["id"].to_pylist()),
        frozenset(pictures),
        frozenset(addresses["blocked"].to_pylist()),
    )
    notes = {row["id"]: note(row["id"], row["date"], row["reason"]) for row in stickers.to_pylist()}
    return gone, notes


def note(id_: str, date: str, reason: str) -> str:
    """A line of a release's ``taken_down.csv``."""
    return f'{id_},{date},"{reason.replace(chr(34), chr(39))}"'
