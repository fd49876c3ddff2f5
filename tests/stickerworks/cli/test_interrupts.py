import subprocess
import sys

SWALLOWS = """
import os, signal
from contextlib import suppress
from stickerworks.cli.interrupts import check, listen

check()
listen()
check()
with suppress(KeyboardInterrupt):
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000): pass
for heard in (True, False):
    try:
        check()
    except KeyboardInterrupt:
        assert heard
    else:
        assert not heard
"""


def test_an_interrupt_that_was_swallowed_is_heard_once_more() -> None:
    subprocess.run([sys.executable, "-c", SWALLOWS], check=True, timeout=60)
