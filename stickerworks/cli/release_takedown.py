"""`release takedown`: what is named goes, with what looks the same, and doesn't come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular
from pipeline.engine.text import plain, storable
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import ROOMS, Plan, plan_of
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from crawlers.takedown.entries import Entry
    from pipeline.release.takedown.finding import Sample
    from pipeline.release.takedown.request import Block, Request

COMMAND = "release takedown"
_MOST_BYTES = 1 << 28
_REASON = 300
_TOLD = 20


@dataclass(frozen=True)
class Wanted:
    """What the command line names."""

    sha256: Sequence[str] = ()
    url: Sequence[str] = ()
    pack: Sequence[str] = ()
    author: Sequence[str] = ()
    picture: Sequence[Path] = ()
    list_file: Path | None = None
    reason: str | None = None
    export: Path | None = None

    @property
    def names_any(self) -> bool:
        """Whether there is anything to take down."""
        return bool(
            self.sha256 or self.url or self.pack or self.author or self.picture or self.list_file
        )


def takedown_command(options: CommandOptions, wanted: Wanted) -> int:
    """Take down what is wanted, finish what an earlier command began, or write the cleaner."""
    entries, samples = _entries(wanted), _samples(wanted)
    with open_session(COMMAND, options) as session:
        if session.workspace.place.bucket is not None:
            raise StickerworksError(
                "A workspace in a bucket can't take stickers down yet.",
                "Copy it into a folder, and take them down there.",
            )
        begun = _finish(session)
        if wanted.names_any:
            _take_down(session, entries, samples, wanted.reason or "")
        elif not (begun or wanted.export or _delete_tasks(session)):
            session.say("  nothing is named, and no takedown was interrupted")
        if wanted.export is not None:
            _export(session, wanted.export)
    return session.exit_code


def _entries(wanted: Wanted) -> list[Entry]:
    from crawlers.takedown.entries import make_entry, read_entries

    if wanted.names_any and not storable(wanted.reason, _REASON):
        raise StickerworksError(
            "A takedown needs a reason.",
            'Add --reason "letter of 3 May"; it is kept and published, so name nobody in it.',
        )
    entries = []
    for kind in ("sha256", "url", "pack", "author"):
        for value in getattr(wanted, kind):
            try:
                entries.append(make_entry(kind, value))
            except ValueError as error:
                # Without the value: what is said here is logged.
                raise StickerworksError(f"--{kind} is wrong: {error}.", "Correct it.") from error
    if wanted.list_file is not None:
        entries += read_entries(named_path(wanted.list_file, "--list"))
    if any(entry.kind == "phash" for entry in entries):
        raise StickerworksError(
            "A perceptual hash alone can't be taken down: stickers of one template share it.",
            "Name a sticker or a --picture; a hash belongs into the list crawl.takedown.",
        )
    return entries


def _samples(wanted: Wanted) -> list[Sample]:
    from crawlers.sniff import sniff
    from pipeline.release.takedown.finding import Sample

    samples = []
    for path in wanted.picture:
        try:
            data = read_regular(named_path(path, "--picture"), _MOST_BYTES)
        except OSError as error:
            raise StickerworksError(
                f"Could not read the picture {path}: {error.strerror or error}.",
                "Name another file.",
            ) from error
        samples.append(Sample(path.name, data, sniff(data)))
    return samples


def _take_down(
    session: Session, entries: Sequence[Entry], samples: Sequence[Sample], reason: str
) -> None:
    from pipeline.release.takedown.planning import settle
    from pipeline.release.takedown.request import Request, begin, next_number

    workspace = session.workspace
    kinds = _found(session, entries, samples)
    blocks = [block for entry in entries if (block := _block(entry)) is not None]
    new, known = _unknown(session, entries, kinds, blocks)
    if not new:
        session.say("  it was taken down before, and nothing of it is here")
        session.results["takedown"] = {"stickers": 0, "known": known}
        return
    # What is named by its hash alone is refused from now on, whether it is here or not.
    absent = {e.value: "sha256" for e in entries if e.kind == "sha256" and e.value not in kinds}
    _say_found(session, kinds, absent, blocks)
    from pipeline.tags.keywords import carried_keywords

    date = datetime.now(UTC).date().isoformat()
    names = [(e.kind, e.value) for e in entries if e.kind != "sha256"]
    request = Request(
        next_number(workspace), date, storable(reason, _REASON) or "", kinds | absent, names, blocks
    )
    request = settle(workspace, request, carried_keywords, _url_blocks)
    if session.options.dry_run:
        _say_sheets(session, request)
        session.say("  nothing was changed")
        return
    begin(workspace.root, request)
    _carry_out(session, request)


def _say_sheets(session: Session, request: Request) -> None:
    """Name sheets that would go, so that whoever fills one in can apply it before."""
    from pipeline.release.takedown.files import sheets_that_go

    sheets = [path.name for path in sheets_that_go(session.workspace, request)]
    session.results["takedown"]["sheets"] = sheets
    for name in sheets[:_TOLD]:
        session.say(f"  {'':<12} reports/{plain(name)} would go, but for what was decided on it")
    if len(sheets) > _TOLD:
        session.say(f"  {'':<12} and {len(sheets) - _TOLD:,} more, listed with --json")


def _found(session: Session, entries: Sequence[Entry], samples: Sequence[Sample]) -> dict[str, str]:
    """Stickers of the workspace that go, and why: how they were named, or as copies of these."""
    from crawlers.takedown.finding import named_stickers
    from pipeline.release.takedown.finding import (
        alike_in_tables,
        copies_of_samples,
        copies_of_stickers,
        stickers_here,
    )
    from pipeline.release.takedown.request import COPY

    workspace, config = session.workspace, session.config
    ids = {entry.value for entry in entries if entry.kind == "sha256"}
    kinds = dict.fromkeys(stickers_here(workspace, ids), "sha256")
    kinds |= named_stickers(workspace, [e for e in entries if e.kind != "sha256"])
    # Of what is named alone: a copy of a copy may be another sticker.
    copies = copies_of_stickers(workspace, config, kinds)
    for id_ in copies_of_samples(workspace, config, samples):
        kinds.setdefault(id_, "picture")
    for id_ in alike_in_tables(workspace, {*kinds, *copies}) | copies:
        kinds.setdefault(id_, COPY)
    return kinds


def _unknown(
    session: Session, entries: Sequence[Entry], kinds: dict[str, str], blocks: Sequence[Block]
) -> tuple[bool, int]:
    """Whether there is anything that no tombstone names yet, and how much is known."""
    rows = session.workspace.read("tombstones")
    ids, hashes = set(rows["id"].to_pylist()), set(rows["blocked"].to_pylist())
    named = {entry.value for entry in entries if entry.kind == "sha256"} | {b.hash for b in blocks}
    known = named & (ids | hashes)
    return bool(kinds or named - known), len(known)


def _say_found(
    session: Session, kinds: dict[str, str], absent: dict[str, str], blocks: Sequence[Block]
) -> None:
    counts = Counter(kinds.values())
    told = ", ".join(f"{count:,} by {kind}" for kind, count in sorted(counts.items()))
    told = told.replace("by copy", "that look the same")
    session.say(f"  {'takedown':<12} {len(kinds):,} stickers" + (f": {told}" if told else ""))
    for id_, kind in sorted(kinds.items())[: 0 if session.options.json else 20]:
        session.say(f"  {'':<12} {id_[:16]} {kind}")
    if len(kinds) > 20 and not session.options.json:
        session.say(f"  {'':<12} and {len(kinds) - 20:,} more")
    if absent:
        session.say(f"  {'':<12} {len(absent):,} hashes are not here; they are refused from now on")
    if blocks and not kinds:
        session.say(f"  {'':<12} nothing here is named so; it is refused from now on")
    session.results["takedown"] = {"stickers": len(kinds), "kinds": dict(counts),
                                   "ids": sorted(kinds), "absent": len(absent)}  # fmt: skip


def _finish(session: Session) -> bool:
    """Carry out the request that an earlier command left; whether there was one."""
    from pipeline.release.takedown.request import pending_request

    request = pending_request(session.workspace.root)
    if request is None:
        return False
    session.say(f"  {'takedown':<12} request {request.number} was interrupted")
    if not session.options.dry_run:
        _carry_out(session, request)
    return True


def _carry_out(session: Session, request: Request) -> None:
    from annotation.human.studio.forgetting import forget_tasks
    from annotation.machine.forgetting import forget_answers
    from crawlers.takedown.purge import purge_crawl
    from pipeline.release.takedown.carrying_out import carry_out
    from pipeline.tags.naming.sheet.remains import remaining_decisions

    workspace = session.workspace
    ledgers = (
        lambda done: purge_crawl(workspace, done.kinds, done.names),
        lambda done: forget_answers(workspace.root, done.kinds),
        lambda done: forget_tasks(workspace.root, done.kinds),
    )
    works: Plan = tuple(work for room in ROOMS for work in plan_of(room))
    with session.part("takedown") as logged:
        outcome = carry_out(
            workspace, works, request, ledgers, lambda what: None, remaining_decisions
        )
        logged.update(rows=len(request.kinds))
    done = session.results.setdefault("takedown", {})
    done.update(request=request.number, **asdict(outcome))
    session.say(f"  {'':<12} request {request.number} is done")
    for name, rows in outcome.releases.items():
        session.say(f"  {'':<12} {plain(name)}: {rows:,} rows fewer; publish it again")
    for name in outcome.removed_releases:
        session.say(f"  {'':<12} {plain(name)} is gone: `stickerworks release` makes it again")
    if outcome.removed_pages:
        session.say(f"  {'':<12} pages that showed pictures are gone: `stickerworks report`")
    for name, kept in sorted(outcome.decisions.items())[:_TOLD]:
        told = (
            f"what was decided there is in {plain(kept)}: `stickerworks tags sheet --from` takes it"
            if kept
            else "what was filled in there couldn't be read, and went with it"
        )
        session.say(f"  {'':<12} {plain(name)} is gone; {told}")
    for name in outcome.left[:_TOLD]:
        session.say(f"  {'':<12} left, as it can't be looked into: {plain(name)}")
    if len(outcome.left) > _TOLD:
        session.say(f"  {'':<12} and {len(outcome.left) - _TOLD:,} more, listed with --json")
    if outcome.elsewhere:
        session.say(
            f"  {'':<12} {outcome.elsewhere:,} of the files lie in folders of yours; they are not "
            "read again, and deleting them is up to you"
        )
    _delete_tasks(session)


def _delete_tasks(session: Session) -> bool:
    """Delete tasks on the annotation server, or say that they are left; whether there were any."""
    from annotation.human.studio.forgetting import delete_tasks

    if session.options.dry_run:
        return False
    deleted, left = delete_tasks(session.workspace.root, session.config.label)
    if deleted:
        session.say(f"  {'':<12} {deleted:,} tasks deleted on the annotation server")
    if left:
        session.incomplete = True
        session.say(
            f"  {'':<12} {left:,} tasks are left on the annotation server, which doesn't run: "
            "start it (`stickerworks label start`) and run `stickerworks release takedown`"
        )
    return bool(deleted or left)


def _block(entry: Entry) -> Block | None:
    from crawlers.takedown.tombstones import blocked_name
    from pipeline.release.takedown.request import Block

    if entry.kind == "sha256":
        return None
    prefix = entry.kind == "url" and entry.value.endswith("*")
    length = len(entry.value) - 1 if prefix else None
    return Block(entry.kind, blocked_name(entry.kind, entry.value), length)


def _url_blocks(urls: Sequence[str]) -> list[Block]:
    from crawlers.takedown.forms import normal_url
    from crawlers.takedown.tombstones import blocked_name
    from pipeline.release.takedown.request import Block

    normal = sorted({form for url in urls if (form := normal_url(url))})
    return [Block("url", blocked_name("url", form)) for form in normal]


def _export(session: Session, path: Path) -> None:
    from pipeline.release.takedown.exporting import export_cleaner
    from pipeline.release.takedown.request import all_taken_down

    gone, notes = all_taken_down(session.workspace)
    if not (gone.ids or gone.addresses):
        raise StickerworksError("Nothing was ever taken down here.", "Take something down first.")
    target = named_path(path, "--export")
    if session.options.dry_run:
        session.say(f"  {'cleaner':<12} would be written to {target}")
        return
    export_cleaner(target, gone, notes)
    session.results["cleaner"] = str(target)
    session.say(
        f"  {'cleaner':<12} {target}: {len(gone.ids):,} hashes; `python {target.name} FOLDER`"
    )
