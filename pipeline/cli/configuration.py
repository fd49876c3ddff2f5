"""Configuration: one YAML file, overridden key by key, checked with messages for people."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import atomic_file
from schemas.config import Config

DEFAULT_FILE = Path("stickerworks.yaml")
_OURS = "# Written by `stickerworks run` or `demo`; overwritten by the next one.\n"


def load_config(
    file: Path | None, overrides: Sequence[str], workspace: Path | None = None
) -> Config:
    """Read a YAML file and apply ``key=value`` strings.

    Without a file, a workspace that was named brings its own ``stickerworks.yaml``, if it has
    one; else the one of the current folder is read, if there is one.
    """
    if file is None and workspace is not None and (workspace / DEFAULT_FILE).is_file():
        file = workspace / DEFAULT_FILE
    values = _read_yaml(file)
    return parse_config(values, str(file or DEFAULT_FILE), overrides)


def save_config(config: Config, workspace: Path) -> None:
    """Keep what differs from the defaults in the workspace, for the commands to come.

    A file there that somebody else wrote stays as it is.
    """
    target = workspace / DEFAULT_FILE
    if target.exists() and not target.read_text(encoding="utf-8").startswith(_OURS):
        return
    values = config.model_dump(mode="json", exclude_defaults=True, exclude={"workspace"})
    with atomic_file(target) as temporary:
        temporary.touch(mode=0o600)  # options of plugins are theirs, perhaps secret
        temporary.write_text(_OURS + yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


def parse_config(values: dict[str, Any], origin: str, overrides: Sequence[str] = ()) -> Config:
    """Apply overrides and check; every problem is one line that names the key and the remedy."""
    for override in overrides:
        _apply(values, override)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = [_explain(dict(problem)) for problem in error.errors()]
        raise StickerworksError(f"Bad configuration ({origin}): {'; '.join(problems)}.") from None


def _read_yaml(file: Path | None) -> dict[str, Any]:
    path = file or DEFAULT_FILE
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if file is None:
            return {}
        raise StickerworksError(
            f"There is no configuration file {path}.", "Check the path given to --config."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StickerworksError(f"Could not read the configuration {path}: {error}.") from None
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())
        raise StickerworksError(f"{path} is no valid YAML: {what}.") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise StickerworksError(f"{path} must hold keys and values, such as `workspace: here`.")
    # A section with nothing in it has its defaults.
    return {key: value for key, value in values.items() if value is not None}


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise StickerworksError(
            f"--set takes key=value, not {override!r}.", "Example: --set filter.rules.aspect.max=2"
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise StickerworksError(f"--set {key}: {text!r} is no valid YAML value.") from None
    for name in names[:-1]:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise StickerworksError(f"--set {key}: {name} holds a value, not keys.")
        values = inner
    values[names[-1]] = value


def _explain(problem: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "the whole file"
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key}{_suggestion(problem['loc'])}"
    given = "" if isinstance(problem["input"], dict) else f", not {problem['input']!r}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{key}: {message}{given}"


def _suggestion(location: tuple[str | int, ...]) -> str:
    """The known key that was most likely meant, or all known keys of that section."""
    section: Any = Config
    for name in location[:-1]:
        field = getattr(section, "model_fields", {}).get(name)
        section = field.annotation if field else section
        if isinstance(name, int) or not _is_section(section):
            return ""
    known = list(section.model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f" (did you mean {close[0]}?)" if close else f" (known: {', '.join(known)})"


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
