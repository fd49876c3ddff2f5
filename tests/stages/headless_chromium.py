"""A headless Chromium for tests that look at screens; they skip with the reason without one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

WIDTH, HEIGHT = 1280, 800


def absent(reason: str) -> NoReturn:
    if os.environ.get("STICKERWORKS_REQUIRE_LABEL_STUDIO") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def headless_chromium() -> Iterator[Any]:
    """A browser of Selenium, 1280 x 800; ended at the end."""
    programs = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    program, driver = next(filter(None, programs), None), shutil.which("chromedriver")
    if program is None or driver is None:
        absent("Chromium or its driver is not installed (package chromium-driver).")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "disable-background-networking",
    ):
        options.add_argument(f"--{flag}")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        # The window's own frame would take from the height.
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        yield browser
    finally:
        browser.quit()
