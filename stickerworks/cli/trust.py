"""Keys that run a program or tell a server secrets: whose word counts for them.

A workspace may have been made by somebody else, and so may the folder that one stands in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pipeline.engine.errors import StickerworksError
from schemas.config import Config
from stickerworks.cli.configuration import covers, read_layers, split_overrides
from stickerworks.cli.options import CommandOptions

_OWN = {"label.server": "a program to run", "release.sign_key": "a key to sign with"}
"""Names of programs and keys: from the command line and a file given there alone."""

_TELLS = ("label.url", "annotate.options")
"""Addresses, where a token or a key of one's own and stickers go: from any file of one's own."""


def check_trusted(section: str, config: Config, options: CommandOptions) -> None:
    """StickerworksError where a file that may be a stranger's set such a key of the section."""
    for key, value in leaves(config.model_dump(mode="json", include={section})):
        own = key in _OWN and value is not None
        if own or _is_ones_own(key, value):
            _check(key, options)


def may_be_kept(key: str, value: Any) -> bool:
    """Whether a workspace's own file may set that key."""
    if _names(key, ("workspace", *_OWN)):
        return False
    return not _is_ones_own(key, value)


def leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys such as ``tags.clusters`` of nested mappings, with their values."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from ((f"{key}.{inner}", leaf) for inner, leaf in leaves(value))
        else:
            yield str(key), value


def _check(key: str, options: CommandOptions) -> None:
    if any(covers(name, key) for name, _ in split_overrides(options.overrides)):
        return
    layers = read_layers(options.config, options.overrides, options.workspace)
    naming = [layer for layer in layers if layer.has(key)]
    trusted = ("given",) if key in _OWN else ("given", "current")
    if not naming or naming[-1].origin in trusted:
        return
    path = naming[-1].path
    sent = "a variable of your environment whose value would be sent to a server"
    tells = "a server that would get stickers and your key"
    what = _OWN.get(key, sent if key.endswith("key_env") else tells)
    whole = "" if naming[-1].origin == "kept" else f", or give the whole file: --config {path}"
    raise StickerworksError(
        f"{path} names {what} ({key}), and somebody else may have written it.",
        f"If you trust it, name it yourself: --set {key}=...{whole}.",
    )


def _names(key: str, guarded: tuple[str, ...]) -> bool:
    return any(covers(key, name) for name in guarded)


def _is_ones_own(key: str, value: Any) -> bool:
    """Whether a key says where one's secrets go, or which; in odd names of options, too."""
    if not _names(key, _TELLS):
        return False
    return _is_elsewhere(value) or (value is not None and key.endswith("key_env"))


def _is_elsewhere(value: Any) -> bool:
    """Whether a value is, or holds, the address of a server on another machine."""
    if isinstance(value, dict):
        return any(map(_is_elsewhere, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_elsewhere, value))
    if not isinstance(value, str) or not value.lower().startswith(("http://", "https://")):
        return False
    try:
        return urlsplit(value).hostname not in ("127.0.0.1", "localhost", "::1")
    except ValueError:
        return True
