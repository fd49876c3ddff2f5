"""A browser without a screen, for tests of pages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def headless_browser(downloads: Path) -> Iterator[Any]:
    """Chromium, which saves files into ``downloads``; a test that needs it is skipped without."""
    programs = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    program, driver = next(filter(None, programs), None), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("Chromium or its driver is not installed (package chromium-driver).")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage",
                 "disable-background-networking"):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield opened
    finally:
        opened.quit()


def reload_until(browser: Any, shown: Callable[[], bool]) -> None:
    """Reload the page until it shows what it kept: the browser writes that down a moment after it
    was told to, and a page that is loaded before that doesn't find it."""
    patience = time.monotonic() + 20
    browser.refresh()
    while not shown() and time.monotonic() < patience:
        time.sleep(0.2)
        browser.refresh()


def wait_for_download(file: Path) -> Path:
    """The file, as soon as the browser has saved it whole: it holds the name by an empty one."""
    patience = time.monotonic() + 20
    while not (file.exists() and file.stat().st_size) and time.monotonic() < patience:
        time.sleep(0.05)
    return file
