"""CPU seconds of CleanVision's issues on files: ``cleanvision_cost.py dark,light < paths``.

Reads a path a line, and writes one JSON object: seconds, and how many files each issue was found
in. It runs in CleanVision's own environment, on one core; imports aren't counted.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time

from cleanvision import Imagelab


def main() -> None:
    """Look for the issues named by the first argument."""
    paths = sys.stdin.read().splitlines()
    issues: dict[str, dict[str, object]] = {name: {} for name in sys.argv[1].split(",")}
    silence = io.StringIO()
    start = time.process_time()
    with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        lab = Imagelab(filepaths=paths)
        lab.find_issues(issues, n_jobs=1, verbose=False)
    seconds = time.process_time() - start
    found = {name: int(lab.issues[f"is_{name}_issue"].sum()) for name in issues}
    print(json.dumps({"cpu_s": seconds, "found": found}))


if __name__ == "__main__":
    main()
