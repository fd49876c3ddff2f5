"""Stages for tests whose rows crash, hang, eat memory, raise or fail as their extension says."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pyarrow as pa

from pipeline.engine.stage import Context, Needs, Process, Stage, Tables
from schemas.tables import CAPTIONS, DOMAIN, FRAMES, SIGNALS


def _misbehave(kind: str) -> None:
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "exit":
        os._exit(7)
    if kind == "hang":
        time.sleep(600)
    if kind == "eat":
        eaten = [bytearray(os.urandom(1 << 20)) * 64]
        while True:
            eaten.append(bytearray(b"x") * (64 << 20))
            time.sleep(0.01)
    if kind == "quit":
        raise SystemExit(0)
    if kind == "raise":
        raise ValueError("a broken row")
    if kind == "slow":
        time.sleep(0.2)


def _never_opens(context: Context) -> Process:
    time.sleep(600)
    return _open(context)


def _open(context: Context) -> Process:
    log = context.root / "measured.log"
    with (context.root / "workers.log").open("a") as lines:
        lines.write(f"{os.getpid()}\n")

    def process(tables: Tables) -> dict[str, pa.Table]:
        rows = tables["stickers"].to_pylist()
        signals, frames = [], []
        for row in rows:
            with log.open("a") as lines:
                lines.write(row["id"] + "\n")
            _misbehave(row["extension"])
            error = "decode: broken" if row["extension"] == "broken" else None
            signals.append({"id": row["id"], "width": row["nbytes"], "error": error})
            frames.append({"id": row["id"], "key_frames": [], "error": error})
        return {
            "signals": pa.Table.from_pylist(signals, schema=SIGNALS.schema),
            "frames": pa.Table.from_pylist(frames, schema=FRAMES.schema),
        }

    return process


def signals(
    batch_rows: int = 1, version: int = 1, opens: bool = True, seconds_per_row: float = 0.01
) -> Stage:
    return Stage(
        name="signals",
        version=version,
        reads=("stickers", "media"),
        writes=("signals", "frames"),
        needs=Needs(seconds_per_row=seconds_per_row),
        settings=key_frames,
        open=_open if opens else _never_opens,
        batch_rows=batch_rows,
    )


def key_frames(config: object) -> dict[str, int]:
    return {"key_frames": config.filter.decode.key_frames}  # type: ignore[attr-defined]


def _open_selected(context: Context) -> Process:
    log = Path(context.root) / "selected.log"

    def process(tables: Tables) -> dict[str, pa.Table]:
        ids = tables["stickers"]["id"].to_pylist()
        with log.open("a") as lines:
            lines.writelines(i + "\n" for i in ids)
        domain = [{"id": i, "domain": "real", "probability": 1.0} for i in ids]
        captions = [
            {"id": i, "field": f, "language": "en", "text": f"{f} {i}"} for i in ids for f in "ab"
        ]
        return {
            "domain": pa.Table.from_pylist(domain, schema=DOMAIN.schema),
            "captions": pa.Table.from_pylist(captions, schema=CAPTIONS.schema),
        }

    return process


SELECTED = Stage(
    name="selected",
    version=1,
    reads=("stickers", "screening"),
    writes=("domain", "captions"),
    needs=Needs(),
    settings=key_frames,
    open=_open_selected,
    selects="screening",
    batch_rows=4,
)
