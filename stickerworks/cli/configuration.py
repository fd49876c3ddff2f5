"""Configuration: YAML files, overridden key by key, checked with messages for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import describe_invalid
from pipeline.engine.paths import read_regular
from pipeline.engine.safe_yaml import MAX_BYTES, parse_yaml, problem
from pipeline.engine.store.location import is_address
from pipeline.engine.text import quoted
from schemas.config import Config
from stickerworks.cli.addresses import workspace_folder

DEFAULT_FILE = Path("stickerworks.yaml")
KEPT_MARK = "# Kept by `stickerworks --keep`"
"""How a workspace's file begins that goes beyond a configuration and isn't one itself."""

Origin = Literal["given", "current", "workspace", "kept"]
Settings = list[tuple[str, Any]]
"""Keys such as ``tags.clusters`` with their values."""


@dataclass(frozen=True)
class Layer:
    """What one file says and how it was come by: ``given`` by name, or found where it lies.

    ``kept`` is a workspace's file of single settings: its keys are such as ``tags.clusters``.
    """

    path: Path
    origin: Origin
    values: dict[str, Any]

    def has(self, key: str) -> bool:
        """Whether it says anything of a key."""
        if self.origin == "kept":
            return any(covers(name, key) for name in self.values)
        return _stands(key, self.values)


def load_config(
    file: Path | None, overrides: Sequence[str], workspace: Path | None = None
) -> Config:
    """Read YAML files and apply ``key=value`` strings.

    Without a file, a workspace that was named brings its own ``stickerworks.yaml``, if it has
    one; else the one of the current folder is read, if there is one. What ``--keep`` kept in the
    workspace goes beyond either.
    """
    return merge_layers(read_layers(file, overrides, workspace), overrides)


def merge_layers(layers: Sequence[Layer], overrides: Sequence[str]) -> Config:
    """The configuration of files, in their order, and of ``key=value`` strings."""
    values: dict[str, Any] = {}
    for layer in layers:
        if layer.origin == "kept":
            for key, value in layer.values.items():
                if key != "workspace":  # it can't lead elsewhere
                    set_key(values, key, value)
        else:
            # A section with nothing in it has its defaults.
            values = {key: value for key, value in layer.values.items() if value is not None}
    origin = " and ".join(str(layer.path) for layer in layers) or str(DEFAULT_FILE)
    return parse_config(values, origin, overrides)


def read_layers(
    file: Path | None, overrides: Sequence[str], workspace: Path | None = None
) -> list[Layer]:
    """The files that make the configuration: one that is whole, if any, and what was kept."""
    own = None if workspace is None else read_own(workspace)
    if file is not None:
        base: Layer | None = Layer(file, "given", _values(file, _text(file)))
    elif own is not None and own.origin == "workspace":
        base = own
    else:
        base = _current()
    if workspace is None:
        own = read_own(_workspace(base, overrides))
    if base is not None and own is not None and own.path.resolve() == base.path.resolve():
        return [base if base.origin == "given" else own]
    kept = [own] if own is not None and own.origin == "kept" else []
    return kept if base is None else [base, *kept]


def read_own(workspace: Path) -> Layer | None:
    """The file that lies in a workspace, which may be somebody else's; None where there is none."""
    path = workspace / DEFAULT_FILE
    if not path.is_file():
        return None
    text = _text(path)
    return Layer(path, "kept" if text.startswith(KEPT_MARK) else "workspace", _values(path, text))


def _current() -> Layer | None:
    if not DEFAULT_FILE.exists():
        return None
    return Layer(DEFAULT_FILE, "current", _values(DEFAULT_FILE, _text(DEFAULT_FILE)))


def _stands(key: str, values: Any) -> bool:
    """Whether nested mappings hold a key; their own names may have dots in them."""
    return isinstance(values, dict) and any(
        key == name or (key.startswith(f"{name}.") and _stands(key[len(name) + 1 :], inner))
        for name, inner in values.items()
    )


def _workspace(base: Layer | None, overrides: Sequence[str]) -> Path:
    values = _overridden(base.values if base else {}, overrides)
    root = values.get("workspace")
    return workspace_folder(root if isinstance(root, str) else Config().workspace, values)


def named_workspace(workspace: str, file: Path | None, overrides: Sequence[str]) -> Path:
    """The folder of the workspace that ``--workspace`` names."""
    values = plain_values(file, overrides) if is_address(workspace) else {}
    return workspace_folder(workspace, values, "--workspace")


def plain_values(file: Path | None, overrides: Sequence[str]) -> dict[str, Any]:
    """What a file (else the current folder's) and ``key=value`` strings say, unchecked, where no
    workspace is asked."""
    base = _current() if file is None else Layer(file, "given", _values(file, _text(file)))
    return _overridden(base.values if base else {}, overrides)


def _overridden(values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    copy = {key: value for key, value in values.items() if value is not None}
    for key, value in split_overrides(overrides):
        set_key(copy, key, value)
    return copy


def split_overrides(overrides: Iterable[str]) -> Settings:
    """Keys and values of ``key=value`` strings; StickerworksError for any other form."""
    found = []
    for override in overrides:
        key, equals, text = override.partition("=")
        key = key.strip()
        if not equals or not all(key.split(".")):
            raise StickerworksError(
                f"--set takes key=value, not {quoted(override)}.",
                "Example: --set filter.rules.aspect.max=2",
            )
        try:
            found.append((key, parse_yaml(text)))
        except yaml.YAMLError as error:
            raise StickerworksError(
                f"--set {key}: {quoted(text)} is no valid YAML value: {problem(error)}."
            ) from None
    return found


def covers(name: str, key: str) -> bool:
    """Whether setting one key decides another: itself, a section around it or a part of it."""
    return name == key or key.startswith(f"{name}.") or name.startswith(f"{key}.")


def parse_config(values: dict[str, Any], origin: str, overrides: Sequence[str] = ()) -> Config:
    """Apply overrides and check; every problem is one line that names the key and the remedy."""
    for key, value in split_overrides(overrides):
        set_key(values, key, value)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        what, remedy = describe_invalid(error, "", Config)
        raise StickerworksError(f"Bad configuration ({origin}): {what}.", remedy) from None


def set_key(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a key such as ``tags.clusters`` in nested mappings."""
    names = key.split(".")
    for name in names[:-1]:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise StickerworksError(f"--set {key}: {name} holds a value, not keys.")
        # A copy: YAML lets two keys share one mapping.
        copy = dict(inner)
        values[name] = copy
        values = copy
    values[names[-1]] = value


def _values(path: Path, text: str) -> dict[str, Any]:
    try:
        values = parse_yaml(text)
    except yaml.YAMLError as error:
        raise StickerworksError(f"{path} is no valid YAML: {problem(error)}.") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise StickerworksError(f"{path} must hold keys and values, such as `workspace: here`.")
    return values


def _text(path: Path) -> str:
    try:
        return read_regular(path, MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise StickerworksError(
            f"There is no configuration file {path}.", "Check the path given to --config."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StickerworksError(
            f"Could not read the configuration {path}: {what}.",
            "Name a plain file of a few lines as --config.",
        ) from None
