"""Where a model's files are, and which revision of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

from annotation.machine.inprocess.options import InProcessOptions
from pipeline.engine.errors import StickerworksError
from pipeline.engine.file_digest import file_sha256
from pipeline.engine.paths import named_path

SUFFIXES = (".safetensors", ".bin", ".json", ".jinja", ".model", ".txt", ".tiktoken")
"""Files that decide what a model answers: weights, configuration, tokenizer, chat template."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REMEDY = (
    "Check annotate.options.model and the network, or download the model once and set the path of "
    "its folder."
)


def find_revision(options: InProcessOptions) -> str:
    """The commit on the hub, or a digest of a local folder's files; loads no weights.

    A commit that was downloaded before counts without asking the hub.
    """
    folder = _local_folder(options.model)
    return _commit(options) if folder is None else _folder_revision(folder)


def fetch(options: InProcessOptions) -> Path:
    """The folder with the model's files, downloaded if need be."""
    folder = _local_folder(options.model)
    if folder is None:
        folder = _snapshot(options)
    missing = _missing(folder)
    if missing:
        raise StickerworksError(
            f"The model {options.model!r} has no {missing} in {folder}.",
            "Set annotate.options.model to a whole checkpoint in the form of transformers.",
        )
    return folder


def _local_folder(model: str) -> Path | None:
    """The folder that ``model`` names; None where it is a name on the hub."""
    folder = named_path(model, "annotate.options.model")
    if folder.is_dir():
        return folder
    if folder.exists() or folder.is_absolute() or model.startswith((".", "~")):
        what = "is not a folder" if folder.exists() else "is missing"
        raise StickerworksError(
            f"annotate.options.model: the model's folder {model!r} {what}.",
            "Set the path of a folder with config.json and weights, or a name on the hub such as "
            "Qwen/Qwen3.5-4B.",
        )
    return None


def _folder_revision(folder: Path) -> str:
    whole = folder.resolve()
    if whole.parent.name == "snapshots" and _COMMIT.fullmatch(whole.name):
        return whole.name
    files = [path for path in sorted(whole.rglob("*")) if _decides(path.relative_to(whole))]
    stamps = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    return _digest(whole, stamps)


def _decides(inside: Path) -> bool:
    return inside.suffix in SUFFIXES and not any(part.startswith(".") for part in inside.parts)


@cache  # gigabytes are read once a process, and again when a file was touched
def _digest(folder: Path, stamps: tuple[tuple[Path, int, int], ...]) -> str:
    sha = hashlib.sha256()
    for path, _, _ in stamps:
        inside = path.relative_to(folder).as_posix()
        sha.update(f"{inside}\0{file_sha256(path)}\n".encode("utf-8", "surrogatepass"))
    return sha.hexdigest()[:16]


def _commit(options: InProcessOptions) -> str:
    from huggingface_hub import HfApi

    name = options.model
    with _reaching(name):
        known = _known_commit(options)
        if known is not None:
            return known
        if _offline(options):
            raise StickerworksError(
                f"The model {name!r} was not downloaded before, and the hub may not be asked "
                "(annotate.options.offline or HF_HUB_OFFLINE).",
                _REMEDY,
            )
        return str(HfApi().model_info(name, revision=options.revision, timeout=30).sha)


def _known_commit(options: InProcessOptions) -> str | None:
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(options.model, "config.json", revision=options.revision)
    return Path(cached).parent.name if isinstance(cached, str) else None


def _snapshot(options: InProcessOptions) -> Path:
    commit = _commit(options)
    with _reaching(options.model):
        known = _known_commit(options)
        folder = _downloaded(options.model, commit) if known else None
        if folder is not None and (_offline(options) or _missing(folder) is None):
            return folder
        # By its own name at first, so that the cache remembers which commit that is.
        return _download(options.model, known or options.revision)


def _offline(options: InProcessOptions) -> bool:
    from huggingface_hub import constants

    return options.offline or bool(constants.HF_HUB_OFFLINE)


def _downloaded(name: str, commit: str) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=commit, local_files_only=True))
    except FileNotFoundError:
        return None


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    wanted = [f"*{suffix}" for suffix in SUFFIXES if suffix != ".bin"]
    folder = Path(
        snapshot_download(name, revision=revision, allow_patterns=wanted, ignore_patterns="*/*")
    )
    if _missing(folder) == "weights":
        snapshot_download(name, revision=revision, allow_patterns="pytorch_model*.bin")
    return folder


def _missing(folder: Path) -> str | None:
    """What a checkpoint lacks, None when it is whole."""
    if not (folder / "config.json").is_file():
        return "config.json"
    if not any((folder / name).is_file() for name in ("tokenizer_config.json", "tokenizer.json")):
        return "tokenizer"
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = set(json.loads(index.read_bytes())["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            return "readable model.safetensors.index.json"
        lost = sorted(str(name) for name in shards if not (folder / str(name)).is_file())
        return lost[0] if lost else None
    weights = [*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")]
    return None if weights else "weights"


@contextmanager
def explained(what: str, remedy: str) -> Iterator[None]:
    """One clear line for whatever a library raises: ``what`` didn't work, and its own words."""
    try:
        yield
    except StickerworksError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise StickerworksError(f"{what}: {reason.rstrip('.')}.", remedy) from error


def _reaching(name: str) -> AbstractContextManager[None]:
    """For the hub's client, and the HTTP client below it."""
    return explained(f"The model {name!r} can't be had from the hub", _REMEDY)
