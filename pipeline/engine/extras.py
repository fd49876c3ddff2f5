"""Packages that only some parts need, named as extras in pyproject.toml."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipeline.engine.errors import StickerworksError


def need_extra(module: str, extra: str, purpose: str, target: str = "setup") -> Any:
    """Import ``module``; raises StickerworksError that says what needs it and how to install it,
    with make's ``target`` or the ``extra``."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise StickerworksError(
            f"{purpose} needs {module.partition('.')[0]}, which is not installed.",
            f"Install it with `make {target}`, or `pip install 'stickerworks[{extra}]'`.",
        ) from error


def opencv_version() -> str:
    """The version of OpenCV, by whichever of its distributions is installed."""
    for build in ("python-headless", "python", "contrib-python-headless", "contrib-python"):
        try:
            return version(f"opencv-{build}")
        except PackageNotFoundError:
            continue
    raise StickerworksError("OpenCV is not installed.", "Run `make setup`.")
