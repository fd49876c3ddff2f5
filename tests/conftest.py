"""What holds for every test."""

from __future__ import annotations

import os
import tempfile

from hypothesis import settings

# Busy machines stall for longer than any deadline; and a red run in CI must be repeatable.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")

# Decoded frames and text features of tests must neither fill nor trust a person's cache.
_CACHE = tempfile.TemporaryDirectory(prefix="stickerworks-tests-")
os.environ["STICKERWORKS_CACHE"] = _CACHE.name
