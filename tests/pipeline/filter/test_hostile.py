"""Hostile files end as a row that says why, or as one that whoever loads it finds true."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import replace

import psutil
import pyarrow as pa
import pytest
from datasets import Image as ImageFeature
from hostile_files import EXIF, hostile_files, png, sound_files
from hostile_moving import hostile_moving, sound_moving
from PIL import Image
from table_rows import MemoryReader

from pipeline.engine.decoding import apart
from pipeline.engine.decoding.measured import measure
from pipeline.engine.runner import run
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from pipeline.filter.stages import SCREENING
from pipeline.filter.stages import SIGNALS as SIGNALS_STAGE
from pipeline.release.rows import NO_PICTURES
from schemas.config import Config, DecodeConfig, EngineConfig, FilterConfig
from schemas.tables import MEASURES, SIGNALS, STICKERS, TABLES

CAPS = DecodeConfig(max_pixels=1_000_000, max_total_pixels=4_000_000)
FILES = [*hostile_files(), *hostile_moving()]


def kept(rows, **switches):
    """Which rows of ``signals`` the filter's damage rules leave, in order."""
    config = Config(filter=FilterConfig(**switches))
    signals = [{"id": str(n), **row} for n, row in enumerate(rows)]
    tables = {
        "stickers": pa.Table.from_pylist([{"id": row["id"]} for row in signals], STICKERS.schema),
        "signals": pa.Table.from_pylist(signals, SIGNALS.schema),
        "measures": MEASURES.schema.empty_table(),
    }
    settings = {**SCREENING.settings(config), "rules": {}}
    ((_, _, rows),) = SCREENING.run(MemoryReader(**tables), settings)
    return rows["kept"].to_pylist()


def load(data, frames):
    """What ``datasets`` does with a row of a release, and every frame that the row claims."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ImageFeature().decode_example({"bytes": data, "path": None})
        with Image.open(io.BytesIO(data)) as image:
            for index in range(frames):
                image.seek(index)
                image.load()


@pytest.fixture(scope="module")
def measured():
    return [measure(file.data, file.kind, CAPS) for file in FILES]


def test_there_are_many_and_no_two_are_the_same():
    assert len(FILES) > 500
    assert len({file.name for file in FILES}) == len(FILES)


def test_each_is_measured_or_says_why_not(measured):
    for file, found in zip(FILES, measured, strict=True):
        error = found.signals.get("error")
        if error is None:
            assert found.key_frames, file.name
        else:
            assert error.startswith(("decode: ", "too_large: ", "needs ")), file.name
            assert found.key_frames is None
            assert "0x" not in error, "an address makes a row of its own of every run"
    assert 100 < sum("error" not in found.signals for found in measured) < 300


@pytest.mark.parametrize("keep_truncated", [False, True])
def test_whatever_is_kept_loads_from_a_release(measured, keep_truncated):
    rows = [found.signals for found in measured]
    chosen = kept(rows, keep_truncated=keep_truncated)
    assert sum(chosen) > 30
    for file, row, keep in zip(FILES, rows, chosen, strict=True):
        if keep and file.kind not in NO_PICTURES:
            try:
                load(file.data, row["frames"])
            except Exception as error:  # noqa: BLE001 - the name of the file is what matters
                pytest.fail(f"{file.name}: {type(error).__name__} {error}")


MUST_FAIL = {
    "tgs with a picture of this machine": "decode: it shows pictures of other files",
    "tgs with a picture of the web": "decode: it shows pictures of other files",
    "tgs with a billion copies": "too_large: it repeats a shape",
    "tgs with a billion copies at times": "too_large: it repeats a shape",
    "tgs with a billion layers": "too_large: it shows more than 20,000 layers",
    "tgs with a billion frames": "too_large: it declares 1,000,000,000 frames",
    "tgs with a composition of itself": "decode: a composition in it shows itself",
    "tgs with layers that are each other's parents": "decode: its decoder crashed on it",
    "tgs of a bomb": "too_large: its JSON has more than 16,777,216 bytes",
    "tgs of objects in objects": "decode: it holds no JSON that can be read",
    "tgs of its width twice": "too_large: it declares 486,000,000 pixels",
    "mp4 with a size of 65,535": "too_large: ",
    "mp4 with a size smaller than its frames": "decode: ",
    "mp4 with another codec": "decode: no decoder for the video codec camtasia",
    "webm with no frames": "decode: ",
    "webm with many elements": "decode: the file has more than 50,000 elements",
    "avif of 20000 pixels a side": "too_large: ",
    "avif with no items": "decode: ",
    "avif with frames all over": "decode: ",
    "bmp of 24 x -2147483648": "too_large: ",
    "bmp with runs beyond its rows": "decode: ",
    "a list of files as mp4": "decode: the file does not begin like mp4",
    "a playlist that begins like an mp4": "decode: the index is missing",
}


def test_traps_are_seen_for_what_they_are(measured):
    told = {
        file.name: found.signals.get("error") for file, found in zip(FILES, measured, strict=True)
    }
    for name, begins in MUST_FAIL.items():
        assert str(told[name]).startswith(begins), (name, told[name])


def test_no_decoder_is_left_running(measured):
    waiting = {one._process.pid for one in apart._idle}
    left = [one for one in psutil.Process().children() if one.pid not in waiting]
    assert not [one for one in left if one.status() == psutil.STATUS_ZOMBIE]
    assert not [one for one in left if "pipeline.engine.decoding.child" in one.cmdline()]


def test_sound_files_are_kept():
    files = [*sound_files().values(), *sound_moving().values()]
    assert all(kept([measure(data, kind, CAPS).signals for kind, data in files]))


@pytest.mark.parametrize("name", ["moving gif", "apng", "moving webp"])
def test_a_cut_animation_is_dropped_unless_it_is_asked_for_and_opens(name):
    kind, data = sound_files()[name]
    row = measure(data[: len(data) * 6 // 10], kind, CAPS).signals
    assert row["frames"] < row["declared_frames"]
    assert kept([row]) == [False]
    assert kept([row], keep_truncated=True) == [kind != "webp"]


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_an_exif_block_that_fails_costs_the_sticker(kind):
    data = io.BytesIO()
    Image.new("RGB", (9, 9)).save(data, kind.upper(), exif=EXIF["no byte order"])
    with pytest.raises(SyntaxError):
        load(data.getvalue(), 1)
    row = measure(data.getvalue(), kind, CAPS).signals
    assert row["flags"] == ["refused"]
    assert kept([row], keep_truncated=True) == [False]


def test_a_palette_with_too_much_transparency_is_a_decode_error():
    data = png((b"PLTE", bytes(12)), (b"tRNS", bytes(257)), (b"IDAT", b"x\x9cc`\0\0\0\x14\0\1"))
    assert measure(data, "png", CAPS).signals["error"].startswith("decode: ")


def test_none_is_quarantined_however_many_there_are(tmp_path, display):
    workspace = Workspace(tmp_path / "workspace")
    media = {hashlib.sha256(file.data).hexdigest(): file for file in FILES}
    for key, file in media.items():
        (tmp_path / key).write_bytes(file.data)
    rows = {
        "stickers": [{"id": key, "format": file.kind} for key, file in media.items()],
        "media": [{"id": key, "path": str(tmp_path / key)} for key in media],
    }
    for name, known in rows.items():
        table = pa.Table.from_pylist(known, schema=TABLES[name].schema)
        workspace.write(name, 0, table, Proof("test", "test"))
    here = replace(SIGNALS_STAGE, in_main_process=lambda config: True)
    config = Config(
        filter=FilterConfig(decode=CAPS), engine=EngineConfig(quarantine_floor=0, max_quarantined=0)
    )
    report = run(here, workspace, config, display)
    assert report.counts["quarantined"] == 0
    assert report.counts["failed"] > 370


def test_pillow_keeps_its_remarks_to_itself(recwarn):
    for name in ("cut entry", "a billion values"):
        data = next(file.data for file in FILES if file.name == f"jpeg whose EXIF has {name}")
        measure(data, "jpeg", CAPS)
    assert not recwarn.list
