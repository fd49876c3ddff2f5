"""What of a source's options decides what it lists: queries asked otherwise are other queries."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel

from pipeline.engine.secret_names import is_secret_name
from schemas.config import CrawlConfig


def scope_of(config: CrawlConfig, position: int, options: BaseModel) -> str:
    """A short name for the options of the source at that place of the configuration.

    The same options always have the same name, unless an earlier source has them as well; secrets
    don't count.
    """
    ours = config.sources[position]
    before = [one for one in config.sources[:position] if one.source == ours.source]
    again = sum(one.options == ours.options for one in before)
    given = options.model_dump(mode="json")
    shown = {name: value for name, value in given.items() if not is_secret_name(name)}
    text = json.dumps(shown, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{digest}-{again + 1}" if again else digest
