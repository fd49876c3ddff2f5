"""What a user says about the classifier."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from pipeline.engine.options import Options

Side = Annotated[int, Field(ge=8, le=2048)]
Colour = tuple[float, float, float]


class SafetyOptions(Options):
    """Options of ``filter.measure_options.safety``."""

    model: str = Field(description="an ONNX file, or a folder of transformers (config.json)")
    unsafe: tuple[StrictInt | str, ...] = Field(
        min_length=1, description="labels that count as unsafe, by name or by number from 0"
    )
    labels: tuple[str, ...] | None = Field(
        None, description="names of an ONNX file's outputs; null takes those of its config.json"
    )
    activation: Literal["softmax", "sigmoid", "none"] | None = Field(
        None,
        description="what makes probabilities of its outputs; null means sigmoid where there is "
        "one, or config.json says that labels don't exclude each other, and softmax otherwise",
    )
    input_size: tuple[Side, Side] | None = Field(
        None, description="height and width of its pictures; null takes preprocessor_config.json"
    )
    mean: Colour | None = Field(None, description="subtracted from red, green and blue (0 to 1)")
    std: Colour | None = Field(None, description="what they are then divided by")
    # What is excluded decides no score: a change of it measures nothing again.
    batch: int = Field(
        16, ge=1, le=1024, exclude=True, description="pictures that a GPU scores at once"
    )
    device: str = Field(
        "auto",
        exclude=True,
        pattern=r"^(auto|cpu|cuda(:\d{1,2})?)$",
        description="cpu, cuda or cuda:1; auto takes a GPU where there is one",
    )
