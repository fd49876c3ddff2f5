"""Turns a finished workspace into an immutable release, and verifies one."""
