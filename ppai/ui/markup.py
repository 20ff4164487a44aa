"""Small pieces of HTML: escaped text, and texts of the interface that the browser puts into its language."""

from __future__ import annotations

import html
from typing import Any

import orjson

from ppai.ui.texts import TEXTS

ENGLISH = TEXTS["en"]


def escape(text: object) -> str:
    return html.escape(str(text), quote=True)


def english(key: str, **values: Any) -> str:
    """The English text of a key, its {placeholders} filled in."""
    text = ENGLISH.get(key, key)
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def said(key: str, tag: str = "span", attributes: str = "", **values: Any) -> str:
    """An element with a text of the interface in English, which the page's script replaces by its language's."""
    filled = f' data-values="{escape(orjson.dumps(values).decode())}"' if values else ""
    space = f" {attributes}" if attributes else ""
    return f'<{tag} data-text="{escape(key)}"{filled}{space}>{escape(english(key, **values))}</{tag}>'
