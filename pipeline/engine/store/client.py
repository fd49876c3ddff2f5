"""The client of an object store: its address, credentials and patience."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.credentials import s3_credentials, s3_endpoint, s3_region
from pipeline.engine.store.location import Location
from schemas.storage import StorageConfig

_CONNECT_S = 5
_RETRIES = 4


def make_client(location: Location, settings: StorageConfig, patience: int) -> Any:
    """A client whose requests may take ``patience`` times as long as the settings say."""
    from obstore.store import from_url

    options: dict[str, Any] = {}
    if location.scheme == "s3":
        options |= s3_credentials()
        options["region"] = settings.region or s3_region() or "us-east-1"
    endpoint = settings.endpoint or (s3_endpoint() if location.scheme == "s3" else None)
    if endpoint is not None:
        _check_endpoint(endpoint, settings)
        options["endpoint"] = endpoint
    timeout = timedelta(seconds=settings.timeout_s * patience)
    return from_url(
        str(location),
        client_options={
            "allow_http": settings.allow_http,
            "connect_timeout": timedelta(seconds=_CONNECT_S),
            "timeout": timeout,
        },
        retry_config={"max_retries": _RETRIES, "retry_timeout": timeout},
        **options,
    )


def _check_endpoint(endpoint: str, settings: StorageConfig) -> None:
    if endpoint.startswith("http://") and not settings.allow_http:
        raise StickerworksError(
            f"The store's endpoint {endpoint} is not encrypted.",
            "Name it with https://, or set storage.allow_http: true in a network of your own.",
        )
