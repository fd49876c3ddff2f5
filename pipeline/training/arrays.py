"""The shapes of arrays that trainers and their data exchange."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
"""Images, rows x side x side x 3 (RGB), 0 to 255."""

Truth = NDArray[np.bool_]
"""Tags, rows x tags: true where the row carries the tag."""

Floats = NDArray[np.float64]

Scores = Floats
"""Scores, rows x tags, 0 to 1; higher means more likely."""
