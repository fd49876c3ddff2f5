"""jieba's tokenizer, loaded without the cache that anybody may have put beside it."""

from __future__ import annotations

import re
import warnings
from typing import Any

HAN = re.compile(r"[㐀-䶿一-鿿]")


def open_tokenizer() -> Any:
    """A tokenizer of its own with jieba's dictionary; ``cut`` gives a text's words in order."""
    with warnings.catch_warnings():
        # jieba 0.42.1 has invalid escapes and asks for pkg_resources.
        warnings.simplefilter("ignore")
        import jieba

    tokenizer = jieba.Tokenizer()
    # jieba's own start reads a cache from the shared temporary directory, where anybody may have
    # put one; reading the dictionary itself takes half a second.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer
