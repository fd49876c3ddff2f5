"""Features of texts from a frozen encoder, computed once and cached; and tokens without files."""

from __future__ import annotations

import hashlib
import json
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.caching import cache_folder
from pipeline.engine.compute import default_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra
from pipeline.training.pretrained import load_pretrained

if TYPE_CHECKING:
    from torch import Tensor

Features = NDArray[np.float32]
Pool = Literal["masked", "all", "tokens"]
HASHED = "hashed"
"""The encoder that needs no weights."""

_VERSION = 2
_BATCH = 64
PAD, CLS, SEP = 0, 1, 2


@dataclass(frozen=True)
class TextSpec:
    """Which frozen encoder, and what of it.

    ``name`` is ``hashed``, a hub name or a folder's path. ``dim`` is its width, ``length`` the
    most tokens of a text. A text's feature is the mean of the last ``layers`` hidden layers,
    averaged over its tokens without padding (``masked``) or with it (``all``). With ``tokens`` it
    is what the UNets of Stable Diffusion and of ModelScope were trained with: the encoder's output
    for each token and all padding, which nothing masks. The folders are those of model and
    tokenizer below ``name``, for a pipeline of several models.
    """

    name: str
    dim: int
    length: int = 64
    layers: int = 1
    pool: Pool = "masked"
    model_folder: str = ""
    tokenizer_folder: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one text's feature."""
        return (self.length, self.dim) if self.pool == "tokens" else (self.dim,)


class TextFeatures:
    """Features of N texts, memory-mapped; ``features[rows]`` is an array like ``spec.shape``."""

    def __init__(self, kept: Features, rows: NDArray[np.int64]) -> None:
        self._kept, self._rows = kept, rows
        self.shape = (len(rows), *kept.shape[1:])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> Features:
        return np.asarray(self._kept[self._rows[rows]])


def text_features(texts: Sequence[str], spec: TextSpec) -> TextFeatures:
    """Features (N, dim), or (N, length, dim) for ``pool="tokens"``.

    Each distinct text is encoded once; the file is kept in the cache. Raises StickerworksError
    when the encoder can't be had or has another width.
    """
    if not texts:
        return TextFeatures(np.zeros((0, *spec.shape), np.float32), np.zeros(0, np.int64))
    distinct = sorted(set(texts))
    facts = [_VERSION, asdict(spec), _stamp(spec.name), distinct]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    path = cache_folder("texts") / f"{key[:32]}.npy"
    if not path.exists():
        chunks = (distinct[start : start + _BATCH] for start in range(0, len(distinct), _BATCH))
        encoded = _hash_all(chunks, spec) if spec.name == HASHED else _encode_all(chunks, spec)
        _write(path, encoded, (len(distinct), *spec.shape))
    place = {text: n for n, text in enumerate(distinct)}
    rows = np.array([place[text] for text in texts], np.int64)
    return TextFeatures(np.load(path, mmap_mode="r"), rows)


class HashTokenizer:
    """Tokens without a vocabulary file: words and CJK characters hashed to ids (crc32).

    Ids 0, 1 and 2 are padding, begin and end. ``__call__`` gives ids and mask, (N, length) int64.
    """

    def __init__(self, vocab_size: int, length: int) -> None:
        self.vocab_size, self.length = vocab_size, length

    def __call__(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        ids = np.full((len(texts), self.length), PAD, np.int64)
        for row, text in enumerate(texts):
            tokens = [self._id(word) for word in split_words(text)][: self.length - 2]
            tokens = [CLS, *tokens, SEP]
            ids[row, : len(tokens)] = tokens
        return ids, (ids != PAD).astype(np.int64)

    def _id(self, word: str) -> int:
        return 3 + zlib.crc32(word.encode("utf-8", "surrogatepass")) % (self.vocab_size - 3)


def split_words(text: str) -> list[str]:
    """Words of letters and digits, every CJK character and every other sign by itself."""
    words: list[str] = []
    joining = False
    for sign in unicodedata.normalize("NFKC", text).casefold():
        alphabetic = sign.isalnum() and not "\u2e80" <= sign <= "\u9fff"
        if alphabetic and joining:
            words[-1] += sign
        elif not sign.isspace():
            words.append(sign)
        joining = alphabetic
    return words


def pool_layers(layers: Sequence[Tensor], mask: Tensor, pool: Literal["masked", "all"]) -> Tensor:
    """Mean of hidden layers (B, T, D) each, over tokens as ``pool`` says: (B, D).

    ``mask`` (B, T) is 1 for tokens and 0 for padding. A text without tokens gives zeros.
    """
    import torch

    mean = torch.stack(list(layers)).mean(0)
    if pool == "all":
        return mean.mean(1)
    weights = mask.to(mean.dtype).unsqueeze(-1)
    return (mean * weights).sum(1) / weights.sum(1).clamp(min=1)


def _write(path: Path, chunks: Iterator[Features], shape: tuple[int, ...]) -> None:
    with atomic_file(path) as temporary:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        # Not through a memory map, where a full disk would kill the process without a word.
        with temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for chunk in chunks:
                file.write(np.ascontiguousarray(chunk, "<f4").tobytes())


def _hash_all(chunks: Iterator[list[str]], spec: TextSpec) -> Iterator[Features]:
    hash_one = _hash_tokens if spec.pool == "tokens" else _hash_text
    for chunk in chunks:
        yield np.stack([hash_one(text, spec) for text in chunk])


def _hash_text(text: str, spec: TextSpec) -> Features:
    """A unit vector of words and pairs of characters; an empty text gives zeros."""
    words = split_words(text)
    flat = "".join(words)
    parts = [*words, *(flat[n : n + 2] for n in range(len(flat) - 1))]
    feature = sum((_direction(part, spec.dim) for part in parts), np.zeros(spec.dim, np.float32))
    unit: Features = feature / max(1e-12, float(np.linalg.norm(feature)))
    return unit


def _hash_tokens(text: str, spec: TextSpec) -> Features:
    features = np.zeros((spec.length, spec.dim), np.float32)
    for place, word in enumerate(split_words(text)[: spec.length]):
        features[place] = _direction(word, spec.dim) * np.sqrt(spec.dim)
        # Words in another order must not be the same text.
        angles = place / 10_000 ** (np.arange(spec.dim) / spec.dim)
        features[place] += np.sin(angles)
    return features


def _direction(part: str, dim: int) -> Features:
    seed = zlib.crc32(part.encode("utf-8", "surrogatepass"))
    drawn = np.random.default_rng(seed).standard_normal(dim).astype(np.float32)
    unit: Features = drawn / np.linalg.norm(drawn)
    return unit


def _stamp(name: str) -> list[Any]:
    """What tells a local folder's weights from others once under the same path."""
    folder = Path(name)
    if not folder.is_dir():
        return []
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        [str(file.relative_to(folder)), file.stat().st_size, file.stat().st_mtime_ns]
        for file in files
    ]


def _encode_all(chunks: Iterator[list[str]], spec: TextSpec) -> Iterator[Features]:
    import torch

    transformers = need_extra("transformers", "baselines", "This text encoder")

    def tokenizer_of(name: str) -> Any:
        return transformers.AutoTokenizer.from_pretrained(name, subfolder=spec.tokenizer_folder)

    def model_of(name: str) -> Any:
        return transformers.AutoModel.from_pretrained(name, subfolder=spec.model_folder)

    # Weights that a checkpoint lacks are drawn; a cached text must leave chance as it was.
    with torch.random.fork_rng():
        yield from _encode_with(chunks, spec, tokenizer_of, model_of)


def _encode_with(
    chunks: Iterator[list[str]],
    spec: TextSpec,
    tokenizer_of: Callable[[str], Any],
    model_of: Callable[[str], Any],
) -> Iterator[Features]:
    import torch

    tokenizer = load_pretrained(tokenizer_of, spec.name)
    device = default_device()
    model = load_pretrained(model_of, spec.name).eval().to(device)
    for chunk in chunks:
        tokens = tokenizer(
            chunk,
            padding="max_length",
            truncation=True,
            max_length=spec.length,
            return_tensors="pt",
        ).to(device)
        with torch.inference_mode():
            pooled = _encode(model, tokens, spec).float()
        if pooled.shape[-1] != spec.dim:
            raise StickerworksError(
                f"The text encoder {spec.name!r} gives {pooled.shape[-1]} figures a text; "
                f"{spec.dim} were expected.",
                "Set the width of the text features to that of the encoder.",
            )
        yield pooled.cpu().numpy()


def _encode(model: Any, tokens: Mapping[str, Tensor], spec: TextSpec) -> Tensor:
    if spec.pool == "tokens":
        states: Tensor = model(tokens["input_ids"])[0]
        return states
    hidden = model(**tokens, output_hidden_states=True).hidden_states
    layers = [layer.float() for layer in hidden[-spec.layers :]]
    return pool_layers(layers, tokens["attention_mask"], spec.pool)
