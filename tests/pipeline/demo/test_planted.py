"""What was planted is what it claims to be, measured independently of how it was drawn."""

from __future__ import annotations

import hashlib
import itertools
import struct
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

from pipeline.demo.planted_files import MAX_BYTES

SAME = 16
SAME_WITH_EQUAL_TEXT = 60
CANDIDATE_BITS = 4


def decode(path: Path) -> list[Image.Image]:
    """RGBA frames up to where the file breaks."""
    frames = []
    with Image.open(path) as image:
        try:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                frames.append(image.convert("RGBA"))
        except OSError:
            return frames
    return frames


def grey(frame: Image.Image) -> Image.Image:
    for ground in ("white", (40, 40, 40)):
        canvas = Image.new("RGBA", frame.size, ground)
        level = Image.alpha_composite(canvas, frame).convert("L")
        low, high = level.getextrema()
        if high - low >= 16:
            break
    return level


@dataclass(frozen=True)
class Look:
    bits: NDArray[np.int8]
    levels: NDArray[np.float64]
    entropy: float


def look(frame: Image.Image) -> Look:
    level = grey(frame)
    small = np.asarray(level.resize((32, 32), Image.Resampling.LANCZOS), dtype=np.float64)
    low = np.round(dctn(small)[:8, :8], 3).ravel()
    levels = np.asarray(level.resize((64, 64), Image.Resampling.BILINEAR), dtype=np.float64)
    return Look((low > np.median(low)).astype(np.int8), levels, level.entropy())


def tile_differences(one: Look, other: Look) -> NDArray[np.float64]:
    """Mean absolute differences of the 8x8 tiles."""
    return np.abs(one.levels - other.levels).reshape(8, 8, 8, 8).mean(axis=(1, 3))


def tile_mean_differences(one: Look, other: Look) -> NDArray[np.float64]:
    """Differences of the means of the 8x8 tiles: never above the mean absolute differences."""
    return np.abs((one.levels - other.levels).reshape(8, 8, 8, 8).mean(axis=(1, 3)))


@pytest.fixture(scope="module")
def looks(collection):
    """Every frame of every sticker that reaches the search for duplicates."""
    cheap = ("entropy", "aspect", "min_side", "decode")
    return {
        row: [look(frame) for frame in decode(collection.file(row))]
        for row in collection.stickers
        if row.sha256 and row.rule not in cheap and row.case != "exact_duplicate"
    }


def test_stickers_meant_to_differ_are_no_candidates_for_duplicates(looks):
    bits = np.concatenate([[shot.bits for shot in shots] for shots in looks.values()]).astype(int)
    owner = [row for row, shots in looks.items() for _ in shots]
    distance = bits @ (1 - bits.T) + (1 - bits) @ bits.T
    near = [
        (owner[i].path, owner[j].path)
        for i, j in np.argwhere(distance < 2 * CANDIDATE_BITS)
        if i < j and not meant_alike(owner[i], owner[j])
    ]
    assert len(bits) > 500
    assert near == []


def meant_alike(one, other):
    if one is other or (one.template and one.template == other.template):
        return True
    return one.sha256 == other.duplicate_of or other.sha256 == one.duplicate_of


def test_templates_hash_alike_but_differ_clearly_in_a_tile(looks):
    templates = defaultdict(list)
    for row, shots in looks.items():
        if row.template:
            templates[row.template].append((row, shots[0]))
    assert sorted(map(len, templates.values())) == [4, 4, 4, 4]
    for members in templates.values():
        assert len({row.caption for row, _ in members}) == 4
        for (_, one), (_, other) in itertools.combinations(members, 2):
            assert np.sum(one.bits != other.bits) <= CANDIDATE_BITS
            assert tile_mean_differences(one, other).max() > 20 > SAME


def test_reencoded_copies_lie_well_below_the_threshold_and_are_no_better(looks, collection):
    by_sha = {row.sha256: (row, shots) for row, shots in looks.items()}
    copies = collection.of_case("reencoded")
    assert len(copies) == 14
    for copy in copies:
        original, shots = by_sha[copy.duplicate_of]
        own = by_sha[copy.sha256][1]
        assert len(own) == len(shots)
        for one, other in zip(own, shots, strict=True):
            assert np.sum(one.bits != other.bits) <= 2
            assert tile_differences(one, other).max() < SAME / 4
        better, worse = (quality(collection.file(row)) for row in (original, copy))
        assert better > worse
        assert original.path < copy.path


def quality(path):
    with Image.open(path) as image:
        return image.width * image.height, path.stat().st_size


def test_exact_copies_are_the_same_bytes_under_another_pack(collection):
    copies = collection.of_case("exact_duplicate")
    assert len(copies) == 10
    for copy in copies:
        twins = [row for row in collection.stickers if row.sha256 == copy.sha256]
        assert len(twins) == 2
        assert len({row.category for row in twins}) == 2
        assert len({row.tags for row in twins}) == 1


def test_everything_kept_is_far_from_blank_and_the_blank_far_from_kept(collection, looks):
    assert min(max(shot.entropy for shot in shots) for shots in looks.values()) > 0.5
    for row in collection.of_case("blank"):
        assert max(look(frame).entropy for frame in decode(collection.file(row))) < 0.1


def test_only_shapes_meant_to_be_odd_are_odd(collection):
    for row in collection.stickers:
        if row.sha256 is None or row.expected == "failed":
            continue
        with Image.open(collection.file(row)) as image:
            shorter, longer = sorted(image.size)
        assert (longer / shorter > 2.8) == (row.case in ("wide", "tall"))
        assert (longer / shorter > 2.3) == (row.case in ("wide", "tall"))
        assert (shorter < 32) == (row.case == "tiny")
        assert longer <= 320


def test_formats_are_all_there(collection):
    kinds = defaultdict(int)
    for row in collection.of_case("ordinary"):
        with Image.open(collection.file(row)) as image:
            moving = getattr(image, "n_frames", 1) > 1
            clear = image.mode in ("RGBA", "LA") and image.getchannel("A").getextrema()[0] == 0
            kinds[image.format, moving] += 1
            kinds["clear", image.format] += clear
    for kind in itertools.product(("PNG", "WEBP"), (True, False)):
        assert kinds[kind] >= 10
    assert kinds["JPEG", False] >= 20
    assert kinds["GIF", True] >= 40
    assert kinds["clear", "PNG"] >= 20


def test_white_art_shows_on_dark_alone(collection):
    for row in collection.of_case("white_art"):
        (frame,) = decode(collection.file(row))
        on_white = Image.alpha_composite(Image.new("RGBA", frame.size, "white"), frame)
        assert on_white.convert("L").getextrema() == (255, 255)
        assert grey(frame).entropy() > 0.6


def test_text_lengths_keep_clear_of_the_limit(collection):
    def count(row):
        return len("".join(row.caption.split()))

    heavy, near, moving = (
        [count(row) for row in collection.of_case(case)]
        for case in ("text_heavy", "text_near", "text_moving")
    )
    assert (len(heavy), len(near), len(moving)) == (6, 6, 3)
    assert min(heavy) >= 40
    assert all(20 <= length <= 24 for length in near)
    assert min(moving) > 40
    assert all(len(decode(collection.file(row))) == 4 for row in collection.of_case("text_moving"))


def test_truncated_stills_fail_and_the_truncated_gif_lacks_its_last_frame_alone(collection):
    for row in collection.of_case("truncated"):
        with Image.open(collection.file(row)) as image, pytest.raises(OSError, match="truncated"):
            image.load()
    (row,) = collection.of_case("truncated_gif")
    assert len(decode(collection.file(row))) == 4


def test_bombs_declare_what_nobody_should_decode(collection):
    png, gif = (collection.file(row) for row in collection.of_case("bomb"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(Image.DecompressionBombError):
            Image.open(png)
    assert struct.unpack(">II", png.read_bytes()[16:24]) == (30_000, 30_000)
    assert struct.unpack("<HH", gif.read_bytes()[6:10]) == (9_000, 9_000)
    assert png.stat().st_size < 500
    assert gif.stat().st_size == 35


def test_odd_gifs_are_odd(collection):
    for row in collection.of_case("zero_duration"):
        with Image.open(collection.file(row)) as image:
            assert image.n_frames == 4
            for number in range(4):
                image.seek(number)
                assert image.info["duration"] == 0
    for row in collection.of_case("one_frame_gif"):
        assert collection.file(row).read_bytes().startswith(b"GIF8")
        assert len(decode(collection.file(row))) == 1


def test_lying_extensions_lie_and_no_others_do(collection):
    known = {"GIF": ("gif",), "PNG": ("png",), "JPEG": ("jpg",), "WEBP": ("webp",)}
    for row in collection.stickers:
        if row.sha256 is None or row.case == "bomb":
            continue
        with Image.open(collection.file(row)) as image:
            honest = row.name.rpartition(".")[2] in known[image.format]
        assert honest == (row.case != "lying_extension")


def test_hashes_are_those_of_the_files_and_unfetched_have_none(collection):
    for row in collection.stickers:
        if row.expected == "unfetched":
            assert row.sha256 is None
        else:
            assert hashlib.sha256(collection.file(row).read_bytes()).hexdigest() == row.sha256
    (heavy,) = collection.of_case("oversize")
    assert collection.file(heavy).stat().st_size > MAX_BYTES
    (page,) = collection.of_case("html_page")
    assert page.name.endswith(".gif")
    assert collection.file(page).read_bytes().startswith(b"<!DOCTYPE html>")
    for row in collection.of_case("missing", "folder_entry"):
        assert not collection.file(row).exists()
