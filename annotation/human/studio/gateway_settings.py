"""What the gateway's process is told: a file that commands write and it reads again on change."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from annotation.human.studio.server_paths import ServerPaths, account_name
from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.paths import named_path
from schemas.labelling import LabelConfig
from schemas.questions import Language

_MAX_BYTES = 10_000_000


@dataclass(frozen=True)
class Reader:
    """One who votes: the account (casefolded), what they are called, and what they read."""

    account: str
    name: str
    language: Language


@dataclass(frozen=True)
class GatewaySettings:
    """``program`` is a hash of the gateway's code; ``port`` is the gateway's own, ``inner`` Label
    Studio's, both on loopback; ``host`` is the address that people type when a proxy stands before
    it. Files are named by absolute paths."""

    program: str
    port: int
    inner: int
    host: str | None
    lead: str
    language: Language
    annotators: tuple[Reader, ...]
    guidelines: str | None
    gold: str | None
    gold_feedback: bool

    @property
    def told(self) -> str:
        """The address that people type."""
        return self.host or f"http://127.0.0.1:{self.port}"

    @property
    def inside(self) -> str:
        """Label Studio's own address."""
        return f"http://127.0.0.1:{self.inner}"

    def reader(self, account: str) -> Reader | None:
        """The annotator of that account, if it is one's."""
        return next((reader for reader in self.annotators if reader.account == account), None)

    def language_of(self, account: str) -> Language:
        """What a person reads."""
        reader = self.reader(account)
        return self.language if reader is None else reader.language


def settings_of(config: LabelConfig, port: int, inner: int) -> GatewaySettings:
    """The configuration as the gateway needs it; StickerworksError when a named file isn't one."""
    readers = (
        Reader(person.key, person.name or person.account, config.language_of(person.key))
        for person in config.annotators
    )
    return GatewaySettings(
        program=program(),
        port=port,
        inner=inner,
        host=_address(config.host) if config.host else None,
        lead=account_name(config.lead),
        language=config.language,
        annotators=tuple(readers),
        guidelines=_file(config.guidelines, "label.guidelines"),
        gold=_file(config.gold, "label.gold"),
        gold_feedback=config.gold_feedback,
    )


def program() -> str:
    """A hash of the code that the gateway runs on: one that runs may be of before an update."""
    ours = Path(__file__).parents[3]
    files = [
        path
        for name in ("annotation/human/gateway", "annotation/human/studio", "schemas")
        for path in sorted((ours / name).iterdir())
        if path.is_file()
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def write_settings(place: ServerPaths, settings: GatewaySettings) -> None:
    """Tell the gateway; it reads them again by itself. What is there already isn't written."""
    with disk_errors(place.root):
        text = json.dumps(asdict(settings), ensure_ascii=False, indent=1)
        there = place.gateway_settings
        if there.is_file() and there.read_text(encoding="utf-8") == text:
            return
        with atomic_file(place.gateway_settings) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(text, encoding="utf-8")


def read_settings(place: ServerPaths) -> GatewaySettings:
    """What a command told; StickerworksError when the file can't be read."""
    path = place.gateway_settings
    try:
        with path.open("rb") as file:
            held: dict[str, Any] = json.loads(file.read(_MAX_BYTES))
        readers = tuple(
            Reader(str(r["account"]), str(r["name"]), _language(r["language"]))
            for r in held["annotators"]
        )
        return GatewaySettings(
            program=str(held["program"]),
            port=int(held["port"]),
            inner=int(held["inner"]),
            host=held["host"],
            lead=str(held["lead"]),
            language=_language(held["language"]),
            annotators=readers,
            guidelines=held["guidelines"],
            gold=held["gold"],
            gold_feedback=bool(held["gold_feedback"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StickerworksError(
            f"{path} can't be read ({type(error).__name__}).", "Run `stickerworks label setup`."
        ) from error


def _address(host: str) -> str:
    address = host.rstrip("/").lower()
    try:
        named = urlsplit(address).hostname and urlsplit(address).port != 0
    except ValueError:  # no port
        named = None
    if not named:
        raise StickerworksError(
            f"label.host: {host} is no address.", "Name one such as https://label.example.org."
        )
    return address


def _language(value: Any) -> Language:
    if value not in ("en", "zh"):
        raise ValueError(value)
    return cast("Language", value)


def _file(name: str | None, setting: str) -> str | None:
    return None if name is None else str(Path(named_path(name, setting)).absolute())
