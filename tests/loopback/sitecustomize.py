"""Imported by every Python that a test starts: conftest puts this folder on PYTHONPATH."""

import loopback_guard

loopback_guard.install()
