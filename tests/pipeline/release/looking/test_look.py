"""What looking at every row finds, and what it leaves alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from pipeline.engine.errors import StickerworksError
from pipeline.release.looking.checks import look_checks
from pipeline.release.looking.look import Sight, look_at_release
from schemas.config import DecodeConfig, DuplicatesConfig, ValidateConfig

Make = Callable[..., Any]


@pytest.fixture
def look(tmp_path: Path) -> Callable[[Path], Sight]:
    def call(folder: Path) -> Sight:
        return look_at_release(folder, DecodeConfig(), DuplicatesConfig(), 0.3, tmp_path)

    return call


def outcomes(sight: Sight, **bounds: Any) -> dict[str, str]:
    checks = look_checks(sight, ValidateConfig(**bounds))
    return {check.name: check.outcome for check in checks if check.outcome != "passed"}


def gif_of(picture: Make, encoded: Make, seeds: tuple[int, ...]) -> bytes:
    first, *rest = (picture(seed) for seed in seeds)
    data: bytes = encoded(first, "gif", save_all=True, append_images=rest, duration=90)
    return data


def test_a_good_release_passes_every_check(
    release: Make, row: Make, picture: Make, encoded: Make, look: Make, tmp_path: Path
) -> None:
    folder = release(
        train=[row(encoded(picture(n))) for n in range(9)],
        test=[row(gif_of(picture, encoded, (20, 21, 22)), "gif"), row(encoded(picture(23)))],
    )
    sight = look(folder)
    assert (sight.images, sight.rows) == (11, {"train": 9, "test": 2})
    assert outcomes(sight) == {}
    assert not list(tmp_path.glob("looks-*")), "nothing is left behind"


def test_a_few_rows_with_images_do_not_speak_for_those_without(
    release: Make, row: Make, picture: Make, encoded: Make, look: Make
) -> None:
    whole = [row(encoded(picture(n))) for n in range(6)]
    bare = [{**row(encoded(picture(20 + n))), "image": None} for n in range(3)]
    videos = [row(None, "webm", id=f"{n:064x}") for n in range(9)]
    folder = release(train=[*whole[:3], *bare, *videos], test=whole[3:])
    half = look(folder)
    shutil.rmtree(folder)
    assert (half.pictures, half.bare["train"]) == ({"train": 6, "test": 3}, 3)
    assert outcomes(half) == {"rows without image": "warned"}
    most = look(release(train=whole[:3], test=[*whole[3:5], *bare]))
    assert outcomes(most) == {"rows without image": "not judged"}
    (check,) = (one for one in look_checks(most, ValidateConfig()) if one.outcome != "passed")
    assert check.reason.startswith("3 of 5 test rows carry no image")


def test_files_that_cannot_be_decoded_and_that_break_off_are_counted_apart(
    release: Make, row: Make, picture: Make, encoded: Make, look: Make
) -> None:
    moving = gif_of(picture, encoded, (20, 21, 22))
    cut = row(moving[: len(moving) // 2], "gif")
    assert cut["frames"] < 3
    told = {**cut, "frames": 3}
    folder = release(
        train=[row(encoded(picture(n))) for n in range(6)],
        test=[row(b"GIF89a", "gif"), told],
    )
    sight = look(folder)
    assert (sight.unreadable, sight.cut_short, sight.differing) == (1, 1, {"frames": 1})
    assert sight.named["unreadable"][0].startswith(f"{row(b'GIF89a', 'gif')['id']}: decode: ")
    found = outcomes(sight)
    assert found == {"decoding": "failed", "whole files": "failed", "columns": "failed"}
    assert outcomes(sight, max_unreadable=0.2)["decoding"] == "warned"


def test_blank_pictures_are_seen_through_their_grain(
    release: Make, row: Make, picture: Make, encoded: Make, look: Make
) -> None:
    grain = np.random.default_rng(0).integers(246, 255, (160, 160, 3), np.uint8)
    grainy = row(encoded(Image.fromarray(grain)))
    assert grainy["entropy"] > 2
    line = picture(1).copy()
    line.paste("white", (0, 0, 160, 160))
    line.paste("black", (40, 70, 120, 90))
    folder = release(
        train=[
            row(encoded(Image.new("RGB", (90, 90), "navy"))),
            grainy,
            row(encoded(line)),
            *(row(encoded(picture(n))) for n in range(6)),
        ]
    )
    sight = look(folder)
    assert sight.blank == 2, "a line on white is a drawing"
    assert outcomes(sight) == {"blank pictures": "failed"}
    assert outcomes(sight, max_blank=0.3) == {"blank pictures": "warned"}


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("width", 161),
        ("height", None),
        ("animated", True),
        ("duration_ms", 5),
        ("entropy", 1.0),
        ("aspect", 1.01),
        ("entropy", float("nan")),
    ],
)
def test_a_column_that_says_something_else_than_its_file_fails(
    release: Make, row: Make, picture: Make, encoded: Make, look: Make, column: str, wrong: Any
) -> None:
    rows = [row(encoded(picture(n))) for n in range(3)]
    rows[1][column] = wrong
    sight = look(release(validation=rows))
    assert sight.differing == {column: 1}
    assert sight.named["differing"][0].startswith(f"{rows[1]['id']}: {column} is ")
    assert outcomes(sight) == {"columns": "failed"}


def test_the_same_pixels_in_other_bytes_are_repeated(
    release: Make, row: Make, picture: Make, encoded: Make, look: Make
) -> None:
    again = [row(encoded(picture(0), compress_level=level)) for level in (0, 4, 9)]
    assert len({one["id"] for one in again}) == 3
    sight = look(release(train=[*again, row(encoded(picture(1)))]))
    assert sight.repeated == 2
    assert outcomes(sight) == {"repeated pictures": "failed"}


def test_reencoded_train_pictures_are_found_in_test(
    release: Make, row: Make, picture: Make, encoded: Make, look: Make
) -> None:
    pictures = [picture(n) for n in range(4)]
    planted = [
        row(encoded(pictures[0], "jpeg", quality=60), "jpeg"),
        row(encoded(pictures[1].resize((80, 80)))),
        row(encoded(ImageOps.mirror(pictures[2]))),
    ]
    folder = release(train=[row(encoded(one)) for one in pictures], test=planted)
    sight = look(folder)
    assert sight.copies == 3
    assert f"{planted[0]['id']} of test shows what " in " ".join(sight.named["copies"])
    assert outcomes(sight) == {"copies across splits": "failed"}
    assert outcomes(sight, max_copies=3) == {"copies across splits": "warned"}


def test_rows_without_images_are_told_of_and_none_is_no_judgement(
    release: Make, row: Make, picture: Make, encoded: Make, look: Make
) -> None:
    some = release(train=[row(encoded(picture(0))), row(None)])
    assert outcomes(look(some)) == {"rows without image": "warned"}
    none = release("bare-0.1.0", train=[row(None)])
    assert outcomes(look(none)) == {"rows without image": "not judged"}


def test_a_shard_that_is_no_table_is_one_clear_error(release: Make, row: Make, look: Make) -> None:
    folder = release(train=[row(None)])
    (folder / "data" / "test-00000-of-00001.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(StickerworksError, match=r"test-00000.*can't be read to its end"):
        look(folder)
