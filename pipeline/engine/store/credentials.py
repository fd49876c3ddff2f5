"""What an S3 client needs that is nobody's business: from the environment and ``~/.aws`` alone."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.engine.errors import StickerworksError

_KEYS = {
    "access_key_id": "aws_access_key_id",
    "secret_access_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
}


def s3_credentials() -> dict[str, str]:
    """Keys of the environment, else of the profile in the shared files; empty where there are none.

    Without any, the client asks what a cloud gives its machines: a role, a token, metadata.
    """
    if "AWS_ACCESS_KEY_ID" in os.environ:
        if not os.environ.get("AWS_SECRET_ACCESS_KEY"):
            raise StickerworksError(
                "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY isn't.",
                "Set both, or neither where ~/.aws/credentials has them.",
            )
        found = {ours: os.environ.get(theirs.upper(), "") for ours, theirs in _KEYS.items()}
    else:
        profile = _profile("AWS_SHARED_CREDENTIALS_FILE", "credentials", "{}")
        found = {ours: profile.get(theirs, "") for ours, theirs in _KEYS.items()}
    return {name: value for name, value in found.items() if value}


def s3_region() -> str | None:
    """The region of the environment, else of the profile."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if os.environ.get(name):
            return os.environ[name]
    return _profile("AWS_CONFIG_FILE", "config", "profile {}").get("region")


def s3_endpoint() -> str | None:
    """The endpoint that the environment names for all programs."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def has_cloud_identity() -> bool:
    """Whether the environment says how a machine of a cloud gets its credentials."""
    names = (
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    )
    return any(os.environ.get(name) for name in names)


def _profile(variable: str, file: str, section: str) -> Mapping[str, str]:
    path = Path(os.environ.get(variable) or f"~/.aws/{file}").expanduser()
    name = os.environ.get("AWS_PROFILE") or "default"
    parser = configparser.RawConfigParser()
    try:
        with path.open(encoding="utf-8") as lines:
            parser.read_file(lines)
    except OSError:
        return {}
    except (configparser.Error, UnicodeDecodeError):
        # What the parser says would quote the line, and with it a key.
        raise StickerworksError(
            f"The credentials file {path} can't be understood.", "Correct it, or move it away."
        ) from None
    for section_name in (name, section.format(name)):
        if parser.has_section(section_name):
            return dict(parser.items(section_name))
    return {}
