"""Every text of the interface: read from one file a language, and checked to say the same things."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import gradio as gr

LANGUAGES: tuple[str, ...] = ("en", "es", "de")
"""In the order of the language switch; the first one fills in what another lacks."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def placeholders(text: str) -> set[str]:
    """The names in braces that the screen fills in."""
    return set(_PLACEHOLDER.findall(text))


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested texts under dotted keys, such as `pair.submit`."""
    texts: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            texts.update(flat(value, f"{name}."))
        else:
            texts[name] = str(value)
    return texts


def load(language: str) -> dict[str, str]:
    """The texts of a language, key to text: of `en.yaml` and of every `*.en.yaml` beside it."""
    own = Path(__file__).with_name(f"{language}.yaml")
    texts: dict[str, str] = {}
    for path in (own, *sorted(own.parent.glob(f"*.{language}.yaml"))):
        texts |= flat(yaml.safe_load(path.read_text(encoding="utf-8")))
    return texts


TEXTS: dict[str, dict[str, str]] = {language: load(language) for language in LANGUAGES}


def i18n() -> gr.I18n:
    """What `launch(i18n=...)` takes; the browser finds it in its configuration."""
    import gradio

    return gradio.I18n(**TEXTS)
