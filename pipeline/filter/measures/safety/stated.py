"""What the options say in place of preprocessor_config.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.filter.measures.safety.options import SafetyOptions


def stated(described: Mapping[str, Any], options: SafetyOptions) -> dict[str, Any]:
    """The description with the options' own size, mean and std in place of its."""
    found = dict(described)
    if options.input_size is not None:
        height, width = options.input_size
        cut = ("do_center_crop", "crop_size", "crop_pct", "do_pad")
        found = {key: value for key, value in found.items() if key not in cut}
        found["size"] = {"height": height, "width": width}
    for key, value in (("image_mean", options.mean), ("image_std", options.std)):
        if value is not None:
            found |= {key: value, "do_normalize": True}
    return found
