"""What ``annotate.options`` may say to the captioner ``transformers``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline.engine.options import Options


class InProcessOptions(Options):
    """Which model answers, where it computes, and how it chooses its words."""

    model: str = Field(min_length=1, description="name on the hub, or a folder")
    revision: str | None = Field(None, description="branch, tag or commit on the hub")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        description="auto (the GPU if there is one), cpu, cuda or cuda:1",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="auto: that of the checkpoint on a GPU, float32 on the CPU"
    )
    batch: int = Field(8, ge=1, le=512, description="questions answered at once")
    max_pixels: int | None = Field(
        None, ge=1024, description="pictures of more pixels are made smaller; null means never"
    )
    temperature: float = Field(
        0.0, ge=0.0, le=2.0, description="0 takes the likeliest token; asking again uses 0.7"
    )
    enable_thinking: bool = Field(False, description="let models think first that can")
    offline: bool = Field(False, description="never go to the hub; use what was downloaded before")

    @model_validator(mode="before")
    @classmethod
    def _no_code(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and "trust_remote_code" in given:
            raise ValueError(
                "trust_remote_code: code that comes with a model is never run; a model that needs "
                "its own can be served by a program that you trust with it, and asked by the "
                "captioner openai"
            )
        if isinstance(given, Mapping) and "text" in given:
            raise ValueError(
                "text: two models at once are more than one process holds; serve them, and name "
                "both to the captioner openai"
            )
        return given
