"""Options of the captioner ``openai``."""

from __future__ import annotations

import json
import os
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, field_validator

from annotation.machine.captioner import Rates
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ServedOptions(Options):
    """Where the model is served, how it is asked, and how hard."""

    base_url: str = Field("http://127.0.0.1:8000/v1", description="address up to /v1")
    model: str = Field(
        min_length=1, description="the model as your server names it, such as Qwen/Qwen3.5-4B"
    )
    revision: str | None = Field(None, description="revision that the server was started with")
    key_env: str = Field("OPENAI_API_KEY", description="environment variable that holds the key")
    in_flight: int = Field(32, gt=0, le=4096, description="questions open at once, at most")
    timeout_s: float = Field(120, gt=0, le=86400, description="seconds that one answer may take")
    attempts: int = Field(6, gt=0, description="times that one question is sent")
    longest_wait_s: float = Field(
        600,
        gt=0,
        le=86400,
        description="longest outage of the server that is waited for, in seconds",
    )
    temperature: float = Field(0, ge=0, le=2, description="0 for the likeliest answer")
    structured: Literal["auto", "json_schema", "json_object", "off"] = Field(
        "auto", description="how JSON is asked for; auto finds out what the server takes"
    )
    extra: dict[str, Any] | None = Field(
        None,
        description="keys added to every request; null switches thinking off where that is known",
    )
    text: ServedOptions | None = Field(
        None,
        description="another endpoint, with options of its own, for what is about a text alone",
    )
    gpus: int | None = Field(None, gt=0, description="GPUs behind the server, for estimates")
    price_in: float | None = Field(None, ge=0, description="price of a million tokens read")
    price_out: float | None = Field(None, ge=0, description="price of a million tokens written")
    currency: str = Field("USD", description="currency of the prices")
    _named: str = PrivateAttr("annotate.options")

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            port_is_fine = parts.port is None or parts.port > 0
        except ValueError:  # its words would tell parts of a password
            raise ValueError("it is no address such as http://127.0.0.1:8000/v1") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
            raise ValueError("it is no address such as http://127.0.0.1:8000/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("it must hold no user, password or query; keys go into key_env")
        return url.rstrip("/")

    @field_validator("extra")
    @classmethod
    def _only_more(cls, extra: dict[str, Any] | None) -> dict[str, Any] | None:
        ours = {"model", "messages", "stream", "response_format", "n"} & set(extra or {})
        if ours:
            raise ValueError(f"{min(ours)} is set by stickerworks itself")
        try:
            json.dumps(extra, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"it holds what is no JSON: {error}") from error
        return extra

    @field_validator("text")
    @classmethod
    def _one_more(cls, text: ServedOptions | None) -> ServedOptions | None:
        if text is not None and text.text is not None:
            raise ValueError("its own `text` has no meaning: leave it out")
        if text is not None:
            text._named = "annotate.options.text"
        return text

    @property
    def named(self) -> str:
        """Where they stand in the configuration, for people."""
        return self._named

    @property
    def key(self) -> str | None:
        """The key, read when it is needed and kept nowhere; StickerworksError if it can't be one.

        Line breaks around it, as files bring them along, are no part of it.
        """
        key = os.environ.get(self.key_env, "").strip()
        # An HTTP header can't hold it, and errors of libraries would tell it.
        if not key.isascii() or not key.isprintable() or " " in key:
            raise StickerworksError(
                f"The key in {self.key_env} holds spaces or signs that no key has.",
                f"Set {self.key_env} to the key alone.",
            )
        return key or None

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine, which needs no key."""
        return urlsplit(self.base_url).hostname in LOOPBACK


def deciding(options: ServedOptions) -> dict[str, Any]:
    """What decides an answer beside the model: not how fast it is got."""
    return {"temperature": options.temperature, "extra": options.extra}


def rates(options: ServedOptions) -> Rates:
    """What an estimate needs."""
    return Rates(options.gpus, options.price_in, options.price_out, options.currency)
