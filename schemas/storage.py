"""The configuration of a workspace on an object store."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class StorageConfig(BaseModel):
    """How a workspace at an address such as s3://bucket/folder is reached; for a local one,
    nothing of it matters. Credentials come from the environment and ~/.aws alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    endpoint: str = Field(
        "",
        pattern=r"^(https?://[^\s@]+)?$",
        description="server that speaks S3; empty takes AWS_ENDPOINT_URL, or the cloud's own",
    )
    region: str = Field("", description="empty takes AWS_REGION, the profile's, or us-east-1")
    allow_http: bool = Field(False, description="whether the endpoint may be unencrypted")
    folder: str = Field(
        "",
        description="local folder below which each such workspace has one for its ledgers, "
        "scratch and what is being built; empty takes ~/.cache/stickerworks/workspaces",
    )
    timeout_s: float = Field(
        60,
        gt=0,
        description="seconds one request of up to 16 MB may take, tries and all; larger ones have "
        "as many times longer",
    )
    lease_s: float = Field(
        60,
        ge=10,
        description="seconds after which a driver that fell silent has lost the workspace; asking "
        "for it takes an eighth of them at most",
    )
