"""What captioning will take, from a few stickers that are asked for real."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotation.machine.answers import Usage, open_answers
from annotation.machine.asking import RequestTally, ask_all
from annotation.machine.caption_input import collect_inputs
from annotation.machine.captioner import CaptionInput, Rates
from annotation.machine.captions import (
    CAPTIONS,
    caption_settings,
    load_captioner,
    open_job,
)
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import TABLES

Frames = Callable[[Mapping[str, Any]], list[dict[str, Any]]]
"""Frames, as in ``clips``, of a sticker from its row in ``stickers``, ``media`` and ``signals``."""


@dataclass(frozen=True)
class CostEstimate:
    """What is left to ask, and what it will take by what the probe took.

    ``text_requests`` are those of the requests that go to a model of their own for texts.
    """

    rows: int
    probed: int
    requests: int
    requests_a_row: float
    with_pictures_a_row: float
    text_requests: int
    tokens_in: int | None
    tokens_out: int | None
    hours: float
    gpu_hours: float | None
    money: float | None
    currency: str


def probe(workspace: Workspace, config: Config, frames: Frames, rows: int) -> CostEstimate:
    """Ask about ``rows`` stickers spread over all that are kept, and reckon up the rest.

    The answers are kept in the ledger: the run that follows doesn't ask them again.
    """
    captioner, settings = load_captioner(config), caption_settings(config)
    sample = list(_sample(workspace, frames, rows))
    if not sample:
        raise StickerworksError("There is no kept sticker to ask about.", "Look at the filter.")
    tally = RequestTally()
    with open_answers(workspace.root) as answers, asyncio.Runner() as runner:
        job = open_job(settings, captioner)
        started = time.monotonic()
        try:
            runner.run(ask_all(sample, job, answers, lambda done: None, tally))
        finally:
            runner.run(job.close())
        wall = time.monotonic() - started
        titles = [prompts.title for prompts in job.prompts]
        asked = [sticker.id for sticker in sample]
        usages = [answers.usage(identity, asked) for identity in job.identities]
        left = _kept(workspace) - answers.finished(job.identity, titles)
        # Of answers that were kept before, time alone says how fast they would come.
        if tally.reused:
            wall = sum(usage.seconds for usage in usages) / job.chat.in_flight
    text = captioner.text()
    rates = [captioner.rates(), *([text.rates()] if text else [])]
    return _reckon(usages, len(sample), max(0, left), wall, rates)


def _reckon(
    usages: Sequence[Usage], probed: int, rows: int, wall: float, rates: Sequence[Rates]
) -> CostEstimate:
    scale = rows / probed
    hours = wall * scale / 3600
    requests = sum(usage.requests for usage in usages)
    costs = [_money(*one, scale) for one in zip(usages, rates, strict=True)]
    known = [cost for cost in costs if cost is not None]
    gpus = [rate.gpus for rate in rates if rate.gpus is not None]
    return CostEstimate(
        rows=rows,
        probed=probed,
        requests=round(requests * scale),
        requests_a_row=requests / probed,
        with_pictures_a_row=sum(usage.with_pictures for usage in usages) / probed,
        text_requests=round(sum(usage.requests for usage in usages[1:]) * scale),
        tokens_in=_scaled([usage.tokens_in for usage in usages if usage.requests], scale),
        tokens_out=_scaled([usage.tokens_out for usage in usages if usage.requests], scale),
        hours=hours,
        gpu_hours=hours * sum(gpus) if gpus else None,
        money=sum(known) if known else None,
        currency=rates[0].currency,
    )


def _scaled(counts: Sequence[int | None], scale: float) -> int | None:
    """The sum of counts for all rows; None where one isn't known."""
    known = [count for count in counts if count is not None]
    return round(sum(known) * scale) if known and len(known) == len(counts) else None


def _money(usage: Usage, rates: Rates, scale: float) -> float | None:
    if usage.tokens_in is None or usage.tokens_out is None:
        return None
    if rates.price_in is None and rates.price_out is None:
        return None
    read, written = round(usage.tokens_in * scale), round(usage.tokens_out * scale)
    return (read * (rates.price_in or 0) + written * (rates.price_out or 0)) / 1e6


def _kept(workspace: Workspace) -> int:
    kept = workspace.read("decisions", columns=["kept"])["kept"]
    return int(pc.sum(kept).as_py() or 0)


def _sample(workspace: Workspace, frames: Frames, rows: int) -> Iterator[CaptionInput]:
    """Kept stickers evenly spread over the shards; tables that aren't made yet read as empty."""
    total = _kept(workspace)
    wanted = {n * total // rows for n in range(rows)} if total > rows else set(range(total))
    before = 0
    for part in workspace.parts:
        decisions = workspace.read("decisions", part, ["id", "kept"])
        kept = decisions.filter(decisions["kept"])["id"].to_pylist()
        chosen = [key for place, key in enumerate(kept, before) if place in wanted]
        before += len(kept)
        if chosen:
            yield from collect_inputs(_tables(workspace, part, chosen, frames))


def _tables(
    workspace: Workspace, part: int, chosen: list[str], frames: Frames
) -> dict[str, pa.Table]:
    values = pa.array(chosen)
    tables = {}
    for name in (*CAPTIONS.reads, "media"):
        there = workspace.has(name, part)
        table = workspace.read(name, part) if there else _empty(name, chosen)
        tables[name] = table.filter(pc.is_in(table["id"], value_set=values))
    if not workspace.has("clips", part):
        known = zip(*(tables[n].to_pylist() for n in ("stickers", "media", "signals")), strict=True)
        made = [
            {"id": sticker["id"], "frames": frames({**signals, **media, **sticker})}
            for sticker, media, signals in known
        ]
        tables["clips"] = pa.Table.from_pylist(made, schema=TABLES["clips"].schema)
    return tables


def _empty(name: str, chosen: list[str]) -> pa.Table:
    rows = [{"id": key} for key in chosen] if TABLES[name].scope == "sticker" else []
    return pa.Table.from_pylist(rows, schema=TABLES[name].schema)
