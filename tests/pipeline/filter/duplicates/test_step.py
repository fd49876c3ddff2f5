"""Duplicates: drawn stickers whose relation is known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.copies.comparing import NONE, SAME, TEMPLATE, Relations
from pipeline.engine.decoding.measured import measure
from pipeline.filter.stages import DUPLICATES
from schemas.config import Config, DecodeConfig, DuplicatesConfig
from schemas.tables import TABLES


@dataclass
class Shards:
    """A reader over tables in memory."""

    tables: dict[str, list[pa.Table]]

    @property
    def parts(self) -> tuple[int, ...]:
        return tuple(range(len(self.tables["stickers"])))

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        return tuple(self.parts[start : start + 2] for start in range(0, len(self.parts), 2))

    def read(
        self,
        table: str,
        parts: int | Sequence[int] | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        assert table in DUPLICATES.reads
        wanted = self.parts if parts is None else (parts,) if isinstance(parts, int) else parts
        whole = pa.concat_tables(self.tables[table][part] for part in wanted)
        return whole.select(columns) if columns else whole


def sticker(name: str, data: bytes, kind: str, text: str | None = None, **more: Any) -> dict:
    measured = measure(data, kind, DecodeConfig())
    return {
        "stickers": {"id": name, "format": kind, "nbytes": len(data)},
        "signals": {"id": name, **measured.signals, **more.get("signals", {})},
        "frames": {"id": name, "key_frames": measured.key_frames},
        "screening": {"id": name, "kept": more.get("kept", "error" not in measured.signals)},
        "ocr": {"id": name, "text": text, "error": more.get("ocr_error")},
        "embeddings": {"id": name, "measured": False, **more.get("embeddings", {})},
    }


def run(*stickers: dict, shard: int = 100, settings: DuplicatesConfig | None = None) -> dict:
    """Rows of ``duplicates`` by id."""
    return run_all(*stickers, shard=shard, settings=settings)[0]


def run_all(
    *stickers: dict, shard: int = 100, settings: DuplicatesConfig | None = None
) -> tuple[dict, list[dict]]:
    """Rows of ``duplicates`` by id, and those of ``group_joins``."""
    starts = range(0, len(stickers), shard)
    tables = {
        name: [
            pa.Table.from_pylist(
                [s[name] for s in stickers[i : i + shard]], schema=TABLES[name].schema
            )
            for i in starts
        ]
        for name in DUPLICATES.reads
    }
    settings = settings or DUPLICATES.settings(Config())
    rows: list[dict] = []
    reader = Shards(tables)
    *blocks, joins = DUPLICATES.run(reader, settings)
    for block, output in zip(reader.blocks, blocks, strict=True):
        assert output[:2] == ("duplicates", block)
        assert output[2].schema == TABLES["duplicates"].schema
        assert output[2]["id"].to_pylist() == reader.read("stickers", block)["id"].to_pylist()
        rows += output[2].to_pylist()
    assert len(rows) == len(stickers)
    assert joins[:2] == ("group_joins", None)
    assert joins[2].schema == TABLES["group_joins"].schema
    return {row["id"]: row for row in rows}, joins[2].to_pylist()


def groups(rows: dict) -> dict[str, str]:
    return {name: row["group"] for name, row in rows.items()}


@pytest.fixture
def animation(encode, face):
    """Five frames of a face: blinks in the middle, or turns its head."""

    def _animation(kind="gif", size=200, turn=0, duration=100, frames=5):
        blinks = range(frames)
        pictures = [face(size, blink=i in (2, 3) and not turn, tilt=turn * i) for i in blinks]
        return encode(pictures, kind, duration=duration)

    return _animation


def test_one_alone(encode, face):
    row = run(sticker("a", encode(face(), "png"), "png"))["a"]
    assert row == {
        "id": "a",
        "group": "a",
        "representative": True,
        "same_as": None,
        "kind": None,
        "distance": None,
        "template_id": None,
        "still_of": None,
    }


def test_the_same_pixels_in_another_format(encode, face):
    rows = run(
        sticker("gif", encode(face().quantize(64).convert("RGB"), "gif"), "gif"),
        sticker("png", encode(face().quantize(64).convert("RGB"), "png"), "png"),
    )
    assert groups(rows) == {"gif": "gif", "png": "gif"} or groups(rows) == {
        "gif": "png",
        "png": "png",
    }
    member = next(row for row in rows.values() if not row["representative"])
    assert (member["kind"], member["distance"]) == ("pixels", 0)
    assert {row["template_id"] for row in rows.values()} == {"gif"}


@pytest.mark.parametrize("mirrored", [False, True])
def test_embeddings_propose_further_pairs_and_pictures_decide(encode, face, disc, mirrored):
    pytest.importorskip("faiss", reason="needs `pip install 'stickerworks[embeddings]'`")
    one, other = bytes(range(100, 164)) * 5, bytes(range(0, 64)) * 5
    looks = {"own": one, "mirror": other}
    picture = face().crop((9, 7, 191, 193))
    copy = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else picture
    theirs = {"own": other, "mirror": one} if mirrored else looks
    stickers = (
        sticker("a", encode(face(), "png"), "png", embeddings=looks),
        sticker("disc", encode(disc(), "png"), "png", embeddings=looks),
        sticker("none", encode(disc(colour="blue"), "png"), "png"),
        sticker("copy", encode(copy, "png"), "png", embeddings=theirs),
    )
    apart = run(*stickers, settings=DuplicatesConfig(max_phash_distance=0))
    assert groups(apart)["copy"] == "copy"
    near = DuplicatesConfig(max_phash_distance=0, embeddings=True)
    for shard in (1, 100):
        found = run(*stickers, shard=shard, settings=near)
        assert groups(found) == {**groups(apart), "copy": "a"}
        assert found["copy"]["kind"] == ("mirror" if mirrored else "crop")


def test_smaller_and_recompressed(encode, face):
    """The first one crawled names the group, the largest is kept."""
    rows = run(
        sticker("small", encode(face(120), "jpeg", quality=60), "jpeg"),
        sticker("large", encode(face(240), "png"), "png"),
        sticker("middle", encode(face(180), "webp"), "webp"),
    )
    assert set(groups(rows).values()) == {"small"}
    same_as = {name: row["same_as"] for name, row in rows.items()}
    assert same_as == {"small": "large", "large": None, "middle": "large"}
    assert rows["small"]["kind"] == "perceptual"
    assert rows["small"]["distance"] >= 0


def test_another_caption_is_another_sticker_of_the_same_template(encode, face):
    """The trap: their hashes are alike, and merging them would destroy the dataset."""
    one = sticker("one", encode(face(caption="GOOD NIGHT"), "png"), "png", "GOOD NIGHT")
    other = sticker("other", encode(face(caption="PAY ME NOW"), "png"), "png", "PAY ME NOW")
    apart = int.from_bytes(one["signals"]["phash"]) ^ int.from_bytes(other["signals"]["phash"])
    assert apart.bit_count() <= 4, "candidates: the hash alone would merge them"
    rows = run(other, one)
    assert groups(rows) == {"one": "one", "other": "other"}
    assert {row["template_id"] for row in rows.values()} == {"other"}


def test_captions_that_read_differently_are_never_the_same(encode, face):
    """Thin letters hardly change the tiles: here, the pictures alone would be merged."""
    picture = encode(face(), "png"), encode(face(198), "png")
    same = run(*(sticker(n, d, "png") for n, d in zip("ab", picture, strict=True)))
    assert set(groups(same).values()) == {"a"}
    texts = ("lend me 520 yuan, be good", "lend me 20 yuan for bubble tea")
    rows = run(*(sticker(n, d, "png", t) for n, d, t in zip("ab", picture, texts, strict=True)))
    assert groups(rows) == {"a": "a", "b": "b"}


@pytest.mark.parametrize("texts", [("thank you!", "thank you"), ("a", "b"), ("", "thank you")])
def test_readings_that_err_on_details_are_the_same(encode, face, texts):
    picture = encode(face(), "png"), encode(face(198), "png")
    rows = run(*(sticker(n, d, "png", t) for n, d, t in zip("ab", picture, texts, strict=True)))
    assert set(groups(rows).values()) == {"a"}


def test_the_same_text_allows_a_larger_difference(encode, face):
    plain = encode(face(caption="HELLO THERE"), "png")
    tilted = encode(face(198, caption="HELLO THERE", tilt=2), "png")
    settings = DuplicatesConfig(
        max_phash_distance=12, max_difference=0.1, max_difference_same_text=90
    )
    for text, merged in ((None, False), ("", False), ("HELLO THERE", True)):
        rows = run(
            sticker("plain", plain, "png", text),
            sticker("tilted", tilted, "png", text),
            settings=settings,
        )
        assert (rows["tilted"]["group"] == "plain") is merged, text


def test_a_still_and_an_animation_are_both_kept(encode, face, animation):
    rows = run(
        sticker("still", encode(face(), "png"), "png"),
        sticker("moving", animation(), "gif"),
    )
    assert groups(rows) == {"still": "still", "moving": "moving"}
    assert {row["template_id"] for row in rows.values()} == {"still"}, "one split for both"


def test_an_animation_converted_and_made_smaller(animation):
    rows = run(
        sticker("gif", animation("gif", 200), "gif"),
        sticker("webp", animation("webp", 160), "webp"),
    )
    assert set(groups(rows).values()) == {"gif"}


def test_animations_that_begin_alike_are_two(animation):
    rows = run(sticker("blinks", animation(), "gif"), sticker("turns", animation(turn=25), "gif"))
    assert groups(rows) == {"blinks": "blinks", "turns": "turns"}


def test_an_animation_at_another_speed_is_the_same(animation):
    rows = run(
        sticker("quick", animation(size=200), "gif"),
        sticker("slow", animation(size=198, duration=200), "gif"),
    )
    assert rows["slow"]["same_as"] == "quick"
    assert rows["slow"]["kind"] == "motion"


def test_a_still_says_which_animation_it_is_taken_from(encode, face, animation):
    rows = run(
        sticker("still", encode(face(200, blink=True), "png"), "png"),
        sticker("moving", animation(), "gif"),
    )
    assert rows["still"]["still_of"] == "moving"
    assert rows["moving"]["still_of"] is None
    assert all(row["representative"] for row in rows.values()), "both are kept"
    assert {row["template_id"] for row in rows.values()} == {"still"}


@pytest.mark.usefixtures("by_shade")
def test_no_chains():
    """Each step is below the threshold, the ends are not: a member equals what is kept."""
    rows = run(*shades(100, 108, 116, 124, 132))
    assert list(groups(rows).values()) == ["still0", "still0", "still2", "still2", "still4"]
    assert {row["template_id"] for row in rows.values()} == {"still0"}


def test_what_does_not_take_part_is_its_own_group(encode, face):
    data = encode(face(), "png")
    rows = run(
        sticker("kept", data, "png"),
        sticker("screened", data, "png", kept=False),
        sticker("unread", data, "png", ocr_error="ocr: broken"),
        sticker("broken", b"", "png"),
    )
    assert groups(rows) == {name: name for name in rows}
    assert all(row["representative"] and row["template_id"] is None for row in rows.values())


def test_copies_of_a_member_follow_it(encode, face):
    small = encode(face(120), "png")
    rows = run(
        sticker("small", small, "png"),
        sticker("copy", encode(face(120), "webp"), "webp"),
        sticker("large", encode(face(240), "png"), "png"),
    )
    assert set(groups(rows).values()) == {"small"}
    assert rows["large"]["representative"]
    assert rows["small"]["distance"] == rows["copy"]["distance"]
    assert {rows[name]["kind"] for name in ("small", "copy")} == {"perceptual"}


@pytest.mark.parametrize("order", range(2))
def test_groups_do_not_depend_on_shards(encode, face, animation, order):
    stickers = [
        sticker("a", encode(face(240), "png"), "png"),
        sticker("b", encode(face(120), "jpeg"), "jpeg"),
        sticker("c", encode(face(caption="OTHER ONE"), "png"), "png", "OTHER ONE"),
        sticker("d", animation(), "gif"),
        sticker("e", animation("webp", 160), "webp"),
    ]
    random.Random(order).shuffle(stickers)
    expected = run_all(*stickers)
    assert len(set(groups(expected[0]).values())) == 3
    for shard in (1, 2, 3):
        assert run_all(*stickers, shard=shard) == expected


@pytest.mark.usefixtures("by_shade")
def test_groups_do_not_depend_on_how_many_pairs_fit_into_memory(monkeypatch):
    stickers = shades(100, 108, 95, 140, 133, 60, 99, 112)
    expected = run_all(*stickers)
    for pairs in (1, 7):
        monkeypatch.setattr("pipeline.copies.pairs._WAVE", pairs)
        assert run_all(*stickers) == expected


def test_where_none_takes_part_all_are_their_own(encode, face):
    rows = run(*(sticker(name, encode(face(), "png"), "png", kept=False) for name in "abc"))
    assert groups(rows) == {name: name for name in "abc"}


def test_every_threshold_is_a_setting(encode, face):
    stickers = [
        sticker("a", encode(face(240), "png"), "png"),
        sticker("b", encode(face(120), "jpeg", quality=50), "jpeg"),
    ]
    assert len(set(groups(run(*stickers)).values())) == 1
    strict = DuplicatesConfig(max_difference=0)
    assert len(set(groups(run(*stickers, settings=strict)).values())) == 2


def shades(*levels: int, kind: str = "still", **more: Any) -> list[dict]:
    """Stickers of one picture in shades of grey, the first the best; no files, only columns."""
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    made = []
    for place, level in enumerate(levels):
        name = f"{kind}{place}"
        signals = {
            "id": name, "width": 100 - place, "height": 100, "frames": 1 + (kind != "still"),
            "animated": kind != "still", "pixel_sha256": f"{kind} {level}", "phash": bytes(8),
            "grey64": (ramp + np.uint8(level)).tobytes(), **more,
        }  # fmt: skip
        made.append(
            {
                "stickers": {"id": name, "format": "png", "nbytes": 100},
                "signals": signals,
                "frames": {"id": name},
                "screening": {"id": name, "kept": True},
                "ocr": {"id": name},
                "embeddings": {"id": name, "measured": False},
            }
        )
    return made


class Shades:
    """Tells pictures apart by their shade: the same within 10 levels, of a template within 50."""

    def __init__(self, levels: list[int]) -> None:
        self._levels = np.array(levels)

    def compare(self, ones, others, views, texts):
        assert len(ones) == len(others) == len(views) == len(texts)
        gap = np.abs(self._levels[ones] - self._levels[others])
        what = np.select([gap < 10, gap < 50], [SAME, TEMPLATE], NONE)
        same = what == SAME
        return Relations(what, np.where(same, 0, -1), np.where(same, gap, -1))


@pytest.fixture
def by_shade(monkeypatch):
    """Let shades alone decide, so that groups can be told in advance."""

    @contextmanager
    def load(reader, sizes, rows, settings):
        levels = [
            grey[0] for grey in reader.read("signals", None, ["grey64"])["grey64"].to_pylist()
        ]
        yield Shades([levels[row] for row in rows.tolist()])

    monkeypatch.setattr("pipeline.filter.duplicates.step.load_pictures", load)


@pytest.mark.usefixtures("by_shade")
def test_a_group_is_named_by_its_first_and_keeps_its_best():
    first, second, third = shades(104, 100, 96)
    first["signals"]["width"] = 50
    rows = run(first, second, third)
    assert groups(rows) == dict.fromkeys(rows, "still0")
    assert [row["same_as"] for row in rows.values()] == ["still1", None, "still1"]
    assert [row["representative"] for row in rows.values()] == [False, True, False]
    assert [row["distance"] for row in rows.values()] == [4, None, 4]


@pytest.mark.usefixtures("by_shade")
def test_what_equals_two_groups_is_listed_and_drops_nothing_else():
    rows, joins = run_all(*shades(100, 116, 109))
    assert groups(rows) == {"still0": "still0", "still1": "still1", "still2": "still1"}
    assert joins == [
        {"id": "still2", "what": "group", "first": "still1", "second": "still0", "distance": 9}
    ]


@pytest.mark.usefixtures("by_shade")
def test_templates_that_become_one_are_listed():
    rows, joins = run_all(*shades(40, 100, 70))
    assert {row["template_id"] for row in rows.values()} == {"still0"}
    assert joins == [
        {
            "id": "still2",
            "what": "template",
            "first": "still0",
            "second": "still1",
            "distance": None,
        }
    ]
    assert {row["template_id"] for row in run(*shades(40, 100)).values()} == {None}


@pytest.mark.usefixtures("by_shade")
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 120), min_size=2, max_size=25), st.integers(1, 6), st.data())
def test_added_shards_change_no_group_and_no_template_but_what_is_listed(levels, shard, data):
    stickers = shades(*levels)
    count = data.draw(st.integers(1, len(stickers) - 1))
    before, told = run_all(*stickers[:count], shard=shard)
    after, joins = run_all(*stickers, shard=shard)
    assert run_all(*stickers, shard=shard + 1) == (after, joins), "as are the shards"
    added = {f"still{place}" for place in range(count, len(stickers))}
    assert [join for join in joins if join["id"] not in added] == told
    renamed = {
        join["second"]: join["first"]
        for join in joins
        if join["id"] in added and join["what"] == "template"
    }
    for name, row in before.items():
        assert row["group"] == after[name]["group"]
        template = row["template_id"] or name
        while template in renamed:
            template = renamed[template]
        assert template == (after[name]["template_id"] or name)
    for row in after.values():
        kept = after[row["same_as"] or row["id"]]
        assert kept["representative"]
        assert kept["group"] == row["group"]
        gap = levels[int(row["id"][5:])] - levels[int(kept["id"][5:])]
        assert abs(gap) < 10, "nothing is dropped that doesn't equal what is kept"
