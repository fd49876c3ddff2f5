"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import settings

# Busy machines stall for longer than any deadline; and a red run in CI must be repeatable.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")
