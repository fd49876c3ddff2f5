"""What of a source's options decides what it lists: queries asked otherwise are other queries."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel

from pipeline.engine.secret_names import is_secret_name


def scope_of(options: BaseModel) -> str:
    """A short name for the options, the same for the same options; secrets don't count."""
    given = options.model_dump(mode="json")
    shown = {name: value for name, value in given.items() if not is_secret_name(name)}
    text = json.dumps(shown, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
