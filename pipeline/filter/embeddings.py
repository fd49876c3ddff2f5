"""The stage of embeddings: what a pretrained network makes of a sticker's key frames.

The network was trained to name what photographs show, so it looks past small changes of place, size
and captions. That makes candidates of copies that perceptual hashes miss; pictures still decide.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from pipeline.engine import efficientnet_lite as lite
from pipeline.engine.compute import compute_in_float32, default_device, one_fills_gpu
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra
from pipeline.engine.full_batches import FullBatches
from pipeline.engine.stage import Context, Process, Tables
from schemas.config import Config
from schemas.tables import EMBEDDINGS

Floats = npt.NDArray[np.float32]
Embed = Callable[[Sequence[bytes]], Floats]
"""From JPEGs to a vector of length 1 of each and of its mirror image: (pictures, 2, SIZE)."""

SIZE = 320
"""Numbers of an embedding: the channels of the network's last block. Measured: their means tell
copies from other stickers as well as those of the layer behind it, which has four times as many."""
SCALE = 256
"""Length of a stored embedding. Its numbers are whole, so that sums of their products are exact in
whichever order they are added: the same pairs are found on every machine, in parts of any size."""
_SIDE = 160
_ON_GPU = 64
"""Pictures given to a GPU at a time, always as many; a CPU gets one, which is as quick."""
_REMEDY = "Install them with `make embeddings`, or `pip install 'stickerworks[embeddings]'`."


def embedding_models(config: Config) -> dict[str, str]:
    """The weights' digest, where embeddings are asked for.

    Raises StickerworksError where what they take is not installed, before anything runs.
    """
    if not config.filter.duplicates.embeddings:
        return {}
    for module in ("transformers", "faiss"):
        if find_spec(module) is None:  # importing them takes seconds
            import_module(module)
    return {"efficientnet-lite0": lite.weights_digest(lite.find_weights(_REMEDY))}


def search_engine(config: Config) -> dict[str, str]:
    """What finds near embeddings, where they are asked for: among very many of them, not every
    version finds the same ones."""
    wanted = config.filter.duplicates.embeddings
    return {"faiss": import_module("faiss").__version__} if wanted else {}


def runs_in_main_process(config: Config) -> bool:
    """Where one model fills this machine's GPU, or there is nothing to do."""
    if not config.filter.duplicates.embeddings:
        return True
    return one_fills_gpu(config)


def open_embeddings(context: Context) -> Process:
    """Load the network and return the function of stickers."""
    embed = open_network(default_device())

    def process(tables: Tables) -> dict[str, pa.Table]:
        stickers = tables["frames"].to_pylist()
        jpegs = [frame["jpeg"] for sticker in stickers for frame in sticker["key_frames"] or ()]
        vectors = iter(embed(jpegs))
        rows: list[dict[str, Any]] = []
        for sticker in stickers:
            row = {"id": sticker["id"], "measured": True, "error": None}
            frames = [next(vectors) for _ in sticker["key_frames"] or ()]
            if frames:
                own, mirror = stored(np.sum(frames, axis=0))
                row |= {"own": own.tobytes(), "mirror": mirror.tobytes()}
            else:
                row["error"] = sticker["error"] or "there are no key frames"
            rows.append(row)
        return {EMBEDDINGS.name: pa.Table.from_pylist(rows, schema=EMBEDDINGS.schema)}

    return process


def stored(vectors: Floats) -> npt.NDArray[np.int8]:
    """Vectors of any length as the table holds them; the same shape."""
    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=-1, keepdims=True))
    whole = np.rint(SCALE * vectors / np.maximum(lengths, 1e-9))
    found: npt.NDArray[np.int8] = np.clip(whole, -127, 127).astype(np.int8)
    return found


def open_network(device: str) -> Embed:
    """EfficientNet-Lite0 on a device, as a function of JPEGs.

    What it says of a picture doesn't depend on which others come with it.
    """
    import torch

    transformers = import_module("transformers")
    settings = transformers.EfficientNetConfig(
        width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280, **lite.lite_settings()
    )
    model = transformers.EfficientNetModel(settings).eval()
    weights = lite.read_lite(lite.find_weights(_REMEDY), model.state_dict(), _REMEDY)
    model.load_state_dict(weights)
    compute_in_float32()
    model = model.to(device)
    on_cpu = device == "cpu"
    if on_cpu:
        torch.set_num_threads(1)  # worker processes share out the cores
    batches = FullBatches(
        1 if on_cpu else _ON_GPU,
        "embedding",
        StickerworksError(
            "The GPU has too little memory for one picture.",
            "Free some of it, or hide it: CUDA_VISIBLE_DEVICES= stickerworks filter.",
        ),
    )

    def run(pixels: Floats) -> Floats:
        with torch.inference_mode():
            given = torch.from_numpy(pixels.reshape(-1, 3, _SIDE, _SIDE)).to(device)
            hidden = model.embeddings(given)
            for block in model.encoder.blocks:
                hidden = block(hidden)
            made: Floats = hidden.mean((2, 3)).float().cpu().numpy()
        return made.reshape(-1, 2, SIZE)

    def embed(jpegs: Sequence[bytes]) -> Floats:
        found = [np.empty((0, 2, SIZE), np.float32)]
        # So many at a time that their pixels fit into memory.
        for start in range(0, len(jpegs), _ON_GPU):
            pixels = np.stack([_pixels(jpeg) for jpeg in jpegs[start : start + _ON_GPU]])
            found += batches.each((pixels,), run)
        vectors = np.concatenate(found)
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        unit: Floats = vectors / np.maximum(lengths, 1e-9)
        return unit

    return embed


def _pixels(jpeg: bytes) -> Floats:
    """A key frame and its mirror image as the network takes them; shape (2, 3, side, side)."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        square = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    mean, std = (np.array(values, np.float32) for values in (lite.MEAN, lite.STD))
    levels = (np.asarray(square, np.float32) / 255 - mean) / std
    both = np.stack([levels, levels[:, ::-1]]).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(both)


def import_module(module: str) -> Any:
    """A module of the extra; StickerworksError where it is not installed."""
    return need_extra(module, "embeddings", "filter.duplicates.embeddings", target="embeddings")
