"""The signals stage: files to rows."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest

from pipeline.engine.stage import Context
from pipeline.filter.signals import extension_lies
from pipeline.filter.stages import SIGNALS
from schemas.config import Config
from schemas.tables import FRAMES, MEDIA, STICKERS
from schemas.tables import SIGNALS as SIGNALS_TABLE


@pytest.fixture
def run(tmp_path):
    """Write files below a workspace and run the stage's function over them, as one batch."""

    def _run(*files, id_of=lambda data: hashlib.sha256(data).hexdigest()):
        stickers, media = [], []
        for data, kind, extension in files:
            name = id_of(data)
            path = tmp_path / f"{name}.{kind}"
            path.write_bytes(data)
            sticker = {"id": name, "format": kind, "extension": extension, "nbytes": len(data)}
            stickers.append(sticker)
            media.append({"id": name, "path": path.name})
        process = SIGNALS.open(Context(SIGNALS.settings(Config()), tmp_path))
        written = process(
            {
                "stickers": pa.Table.from_pylist(stickers, schema=STICKERS.schema),
                "media": pa.Table.from_pylist(media, schema=MEDIA.schema),
            }
        )
        assert set(written) == set(SIGNALS.writes)
        signals = written["signals"].cast(SIGNALS_TABLE.schema)
        frames = written["frames"].cast(FRAMES.schema)
        assert signals["id"].to_pylist() == frames["id"].to_pylist() == [s["id"] for s in stickers]
        return signals.to_pylist(), frames.to_pylist()

    return _run


def test_one_row_a_sticker_whatever_becomes_of_it(run, encode, disc):
    moving = encode([disc(at=0.2), disc(at=0.8)], "gif", duration=100)
    signals, frames = run(
        (encode(disc(), "png"), "png", "png"),
        (b"GIF89a", "gif", "gif"),
        (moving, "gif", "gif"),
        (b"\x1a\x45\xdf\xa3", "webm", "webm"),
    )
    assert [row["frames"] for row in signals] == [1, None, 2, None]
    assert [row["error"] is None for row in signals] == [True, False, True, False]
    assert signals[3]["error"] == "decode: there is no video in the file"
    assert [row["error"] for row in frames] == [row["error"] for row in signals]
    assert [row["key_frames"] and len(row["key_frames"]) for row in frames] == [1, None, 2, None]


def test_rows_do_not_depend_on_their_batch(run, encode, disc):
    files = [(encode(disc(at=at), "png"), "png", "png") for at in (0.2, 0.5, 0.8)]
    together = run(*files)
    alone = [run(file) for file in files]
    assert together == ([s[0] for s, _ in alone], [f[0] for _, f in alone])


def test_another_file_under_the_same_name_is_not_measured(run, encode, disc):
    with pytest.raises(ValueError, match="no longer holds the bytes that were crawled"):
        run((encode(disc(), "png"), "png", "png"), id_of=lambda data: "0" * 64)


def test_a_lying_extension(run, encode, disc):
    signals, _ = run((encode(disc(), "png"), "png", "gif"))
    assert signals[0]["extension_lies"] is True


@pytest.mark.parametrize(
    ("extension", "kind", "lies"),
    [
        ("jpg", "jpeg", False),
        ("JPEG", "jpeg", False),
        ("png", "apng", False),
        ("apng", "png", False),
        ("gif", "webp", True),
        ("jpg", "png", True),
        ("webm", "gif", True),
        ("tgs", "tgs", False),
        ("", "gif", False),
        (None, "gif", False),
        ("php", "gif", False),
        ("gif", None, True),
    ],
)
def test_extensions(extension, kind, lies):
    assert extension_lies(extension, kind) is lies


def test_a_sticker_without_a_path_says_that_its_file_is_gone(tmp_path):
    process = SIGNALS.open(Context(SIGNALS.settings(Config()), tmp_path))
    sticker = {"id": "0" * 64, "format": "gif", "extension": "gif", "nbytes": 1}
    written = process(
        {
            "stickers": pa.Table.from_pylist([sticker], schema=STICKERS.schema),
            "media": pa.Table.from_pylist([{"id": "0" * 64, "path": None}], schema=MEDIA.schema),
        }
    )
    for table in ("signals", "frames"):
        (row,) = written[table].to_pylist()
        assert (row["id"], row["error"][:5]) == ("0" * 64, "gone:")
