"""A trained classifier as a folder: written whole or not at all, read with its digests checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from annotation.machine.efficientnet.calibration import Calibration
from annotation.machine.efficientnet.views import Sizing
from pipeline.engine.compute import default_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.folders import whole_folder
from pipeline.engine.paths import read_regular

FORMAT = "stickerworks-domain-efficientnet/1"
WEIGHTS, CONFIG, DESCRIPTION = "model.safetensors", "config.json", "classifier.json"
THRESHOLD = 0.5
_MAX_JSON, _MAX_WEIGHTS = 1_000_000, 2_000_000_000
_REMEDY = (
    "Train one with `stickerworks annotate domain --train`, "
    "or set annotate.domain_model to null for the one that is shipped."
)


@dataclass(frozen=True)
class Description:
    """What classifier.json says; ``digest`` is the file's own, which holds those of the rest."""

    name: str
    sizing: Sizing
    calibration: Calibration
    threshold: float
    statistics: bool
    probe: int | None
    digest: str

    @property
    def title(self) -> str:
        """What the ``model`` column says."""
        return f"{self.name} sha256:{self.digest[:12]}"


@contextmanager
def model_folder(target: Path) -> Iterator[Path]:
    """A folder that becomes the model ``target`` when the block succeeds."""
    check_target(target)
    with whole_folder(target, "Choose another folder for the model.") as folder:
        yield folder


def check_target(target: Path) -> None:
    """StickerworksError where something that is no model would be replaced."""
    if target.exists() and not (target / DESCRIPTION).is_file():
        raise StickerworksError(
            f"{target} exists and holds no domain classifier, so none is written over it.",
            "Choose another folder for the model.",
        )


def save_model(folder: Path, model: Any, description: dict[str, Any]) -> None:
    """Write weights, transformers' configuration and classifier.json with their digests."""
    from safetensors.torch import save_file

    # As save_pretrained does, without its progress bars on people's terminals.
    model.config.architectures = [type(model).__name__]
    model.config.to_json_file(folder / CONFIG)
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    digests = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (WEIGHTS, CONFIG)
    }
    content = {"format": FORMAT, **description, "sha256": digests}
    write_json(folder / DESCRIPTION, content)


def describe(
    sizing: Sizing, calibration: Calibration, statistics: bool, probe: int | None
) -> dict[str, Any]:
    """The parts of classifier.json that decide a probability."""
    return {
        "classes": ["cartoon", "real"],
        "preprocessing": asdict(sizing) | {"key_frames": "mean log-odds over crops of all"},
        "statistics": statistics,
        "probe": probe,
        "calibration": {"method": "Platt", **asdict(calibration)},
        "threshold": THRESHOLD,
    }


def write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_description(folder: Path) -> Description:
    """Read classifier.json and check the other files against it; no torch is needed."""
    with _clear_errors(folder):
        content = _read(folder / DESCRIPTION, _MAX_JSON)
        raw = json.loads(content)
        if not isinstance(raw, dict) or raw.get("format") != FORMAT:
            raise ValueError(f'the "format" of {DESCRIPTION} is not "{FORMAT}"')
        for name, limit in ((CONFIG, _MAX_JSON), (WEIGHTS, _MAX_WEIGHTS)):
            if hashlib.sha256(_read(folder / name, limit)).hexdigest() != raw["sha256"][name]:
                raise ValueError(f"{name} is not the one that was trained")
        seen, scale = raw["preprocessing"], raw["calibration"]
        sizing = Sizing(
            crop=int(seen["crop"]),
            reach=int(seen["reach"]),
            enlarge=bool(seen["enlarge"]),
            mean=_colour(seen["mean"]),
            std=_colour(seen["std"]),
        )
        return Description(
            name=str(raw["name"])[:80],
            sizing=sizing,
            calibration=Calibration(float(scale["slope"]), float(scale["offset"])),
            threshold=float(raw["threshold"]),
            statistics=bool(raw["statistics"]),
            probe=None if raw["probe"] is None else int(raw["probe"]),
            digest=hashlib.sha256(content).hexdigest(),
        )


def load_classifier(
    folder: Path,
) -> tuple[str, float, Callable[[Sequence[bytes]], Any], Callable[[Sequence[Any]], list[float]]]:
    """Title and threshold of a folder's model, what prepares a sticker, and what measures many.

    The measure gives the rounded probability of real of each prepared sticker, on a GPU where
    there is one, else on one thread. Preparing raises OSError or ValueError on key frames that
    can't be decoded.
    """
    import torch
    from safetensors.torch import load_file

    from annotation.machine.efficientnet.model import transformers_model, with_heads
    from annotation.machine.efficientnet.scoring import Prepared, Scorer, prepare
    from annotation.machine.features import FEATURES, sticker_statistics

    described = read_description(folder)
    model_class, configuration = transformers_model()
    with _clear_errors(folder):
        model = model_class(configuration.from_json_file(folder / CONFIG))
        model = with_heads(model, described.statistics, described.probe)
        model.load_state_dict(load_file(folder / WEIGHTS))
    model.eval()
    torch.set_num_threads(1)
    score = Scorer(model, default_device())

    def prepared(jpegs: Sequence[bytes]) -> Prepared:
        read = described.statistics or described.probe is not None
        statistics = sticker_statistics(jpegs) if read else [0.0] * len(FEATURES)
        return prepare(jpegs, statistics, described.sizing)

    def measure(stickers: Sequence[Prepared]) -> list[float]:
        return [described.calibration.probability(odds) for odds in score(stickers)]

    return described.title, described.threshold, prepared, measure


@contextmanager
def _clear_errors(folder: Path) -> Iterator[None]:
    try:
        yield
        return
    except KeyError as error:
        reason = f"{DESCRIPTION} has no {error}"
    except OSError as error:
        name = Path(error.filename).name if error.filename else "a file"
        reason = f"{name} can't be read: {error.strerror or error}"
    except StickerworksError:
        raise
    # What json, transformers, safetensors and torch raise on files that make no sense.
    except Exception as error:  # noqa: BLE001
        reason = " ".join(str(error).split())[:200] or type(error).__name__
    raise StickerworksError(f"The domain model {folder} can't be used: {reason}.", _REMEDY)


def _read(path: Path, limit: int) -> bytes:
    return read_regular(path, limit)


def _colour(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
