"""RandAugment and the mirror: what each operation does, and that the generator decides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pipeline.training.augment import OPERATIONS, mirror, rand_augment

Pixels = NDArray[np.uint8]


def dice(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def speckle(side: int = 16) -> Pixels:
    return dice().integers(0, 256, (side, side, 3), dtype=np.uint8)


def change(name: str, image: Pixels, strength: float) -> Pixels:
    """One operation at a strength from -1 to 1."""
    return np.asarray(OPERATIONS[name](Image.fromarray(image), strength))


def test_a_mirror_exchanges_left_and_right_half_of_the_time() -> None:
    image, random = speckle(), dice()
    mirrored = [not np.array_equal(mirror(image, random), image) for _ in range(400)]
    assert 160 < sum(mirrored) < 240
    assert np.array_equal(mirror(image, random, chance=1), image[:, ::-1])
    assert np.array_equal(mirror(image, random, chance=0), image)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    side=st.integers(1, 40),
    operations=st.integers(0, 4),
    magnitude=st.floats(0, 10),
)
def test_an_image_keeps_its_shape_and_the_seed_decides(
    seed: int, side: int, operations: int, magnitude: float
) -> None:
    image = speckle(side)
    before = image.copy()
    first, second = (rand_augment(image, dice(seed), operations, magnitude) for _ in range(2))
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)
    assert np.array_equal(image, before), "the image itself is never written to"


def test_the_global_random_states_play_no_part() -> None:
    np.random.seed(1)
    one = rand_augment(speckle(), dice(5), chance=1)
    np.random.seed(2)
    assert np.array_equal(one, rand_augment(speckle(), dice(5), chance=1))


def test_no_operation_leaves_the_image_and_chance_0_does_too() -> None:
    assert np.array_equal(rand_augment(speckle(), dice(), operations=0), speckle())
    assert np.array_equal(rand_augment(speckle(), dice(), chance=0), speckle())


def test_every_operation_is_drawn_and_each_happens_half_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: Counter[str] = Counter()
    strengths: list[float] = []

    def watch(name: str) -> None:
        def count(image: Image.Image, strength: float) -> Image.Image:
            seen[name] += 1
            strengths.append(strength)
            return image

        monkeypatch.setitem(OPERATIONS, name, count)

    for name in list(OPERATIONS):
        watch(name)
    random = dice()
    for _ in range(1500):
        rand_augment(speckle(2), random)
    assert len(seen) == 15
    assert 1350 < sum(seen.values()) < 1650, "two draws of chance one half"
    assert min(seen.values()) > 60, "each of the fifteen about as often"
    sizes = np.abs(strengths)
    assert sizes.mean() == pytest.approx(0.9, abs=0.01)
    assert sizes.std() == pytest.approx(0.05, abs=0.01)
    assert sizes.max() <= 1
    assert 0.45 < np.mean(np.array(strengths) > 0) < 0.55


def test_a_moved_image_leaves_white_behind() -> None:
    black = np.zeros((20, 20, 3), np.uint8)
    right = change("translate x", black, -1.0)
    assert (right[:, :8] == 255).all()
    assert (right[:, 10:] == 0).all()
    down = change("translate y", black, -1.0)
    assert (down[:8] == 255).all()
    assert (down[10:] == 0).all()
    turned = change("rotate", black, 1.0)
    assert (turned[0, 0] == 255).all()
    assert (turned[10, 10] == 0).all()
    sheared = change("shear x", black, 1.0)
    assert (sheared[0] == 0).all()
    assert (sheared[-1, -3:] == 255).all()
    assert np.array_equal(change("shear y", black, 1.0), sheared.transpose(1, 0, 2))


def test_tones_change_as_the_policy_says() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    values = ramp[..., 0]
    assert np.array_equal(change("invert", ramp, 0.9)[..., 0], 255 - values)
    assert np.array_equal(change("solarize", ramp, 0.9)[..., 0],
                          np.where(values < 26, values, 255 - values))  # fmt: skip
    assert np.array_equal(change("brighten the darker half", ramp, 0.9)[..., 0],
                          np.where(values < 128, values.astype(int) + 99, values))  # fmt: skip
    assert sorted(set(change("posterize", ramp, 0.9)[..., 0].ravel())) == [0, 128], "one bit stays"
    assert sorted(set(change("posterize", ramp, 1.0).ravel())) == [0, 128]
    wide = change("auto contrast", 60 + ramp // 4, 0.9)[..., 0].astype(int)
    assert np.abs(wide - values).max() <= 4
    dark = (values.astype(int) ** 2 // 255).astype(np.uint8)
    even = change("equalize", np.repeat(dark[..., None], 3, 2), 0.9)[..., 0].astype(int)
    assert np.abs(even - values)[dark > 20].max() <= 4
    bright = change("brightness", ramp, 0.5)[..., 0].astype(int)
    assert np.abs(bright - np.minimum(255, 1.45 * values)).max() <= 1
    dim = change("brightness", ramp, -1.0)[..., 0].astype(int)
    assert np.abs(dim - 0.1 * values).max() <= 1, "never quite black"
    grey = change("colour", speckle(), -1.0).astype(int)
    assert np.ptp(grey, axis=2).max() < 0.15 * np.ptp(speckle().astype(int), axis=2).max()
    flat, harsh = (change("contrast", ramp, strength).astype(int) for strength in (-1.0, 1.0))
    assert flat.std() < 0.15 * values.std() < harsh.std()
    edge = np.repeat(np.where(np.arange(20) < 10, 90, 160).astype(np.uint8)[None, :, None], 20, 0)
    edge = np.repeat(edge, 3, 2)
    assert (
        np.ptp(change("sharpness", edge, 1.0)[5])
        > 70
        > np.ptp(change("sharpness", edge, -1.0)[5, 9:11])
    )
