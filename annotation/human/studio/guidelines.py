"""Guidelines of the lead: Markdown from a file, as HTML that can neither run nor load anything."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular
from schemas.labelling import LabelConfig

_MAX_BYTES = 200_000


def instruction_html(label: LabelConfig, language: str) -> str:
    """What people read before they begin, as HTML for Label Studio; "" without guidelines.

    Beside ``guides.md``, a file ``guides.zh.md`` is for those who read Chinese. Raises
    StickerworksError when the file can't be read.
    """
    if label.guidelines is None:
        return ""
    return read_guidelines(named_path(label.guidelines, "label.guidelines"), language)


def read_guidelines(path: Path, language: str) -> str:
    """The HTML of a Markdown file, in the language of a reader where there is one."""
    own = path.with_name(f"{path.stem}.{language}{path.suffix}")
    chosen = own if own.is_file() else path
    try:
        text = read_regular(chosen, _MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StickerworksError(
            f"Could not read the guidelines {chosen}: {what}.", "Correct label.guidelines."
        ) from error
    return as_html(text)


def as_html(text: str) -> str:
    """Markdown as HTML: tags in it are text, links open elsewhere, pictures are their words.

    >>> as_html("a <b>")
    '<p>a &lt;b&gt;</p>\\n'
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.add_render_rule("image", _words_of_picture)
    reader.add_render_rule("link_open", _link)
    return str(reader.render(text))


def _words_of_picture(
    _: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    __: MutableMapping[str, Any],
    ___: MutableMapping[str, Any],
) -> str:
    return f"[{escape(tokens[index].content)}]"


def _link(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: Any,
    environment: MutableMapping[str, Any],
) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    tokens[index].attrSet("target", "_blank")
    return renderer.renderToken(tokens, index, options, environment)
