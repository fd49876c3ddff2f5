"""What is installed on a node. Sent there as text: the node may lack this package."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Sequence
from pathlib import Path


def describe_node(distributions: Sequence[str], packages: Sequence[str]) -> dict[str, str]:
    """Version of each distribution and digest of each package's code; what is missing is absent."""
    found = {}
    for name in distributions:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    for name in packages:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            folder = Path(spec.origin).parent
            digest = hashlib.sha256()
            for path in sorted(folder.rglob("*.py")):
                digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
            found[f"code of {name}"] = digest.hexdigest()[:8]
    return found
