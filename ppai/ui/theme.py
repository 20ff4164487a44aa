"""The look that all pages share: Gradio's theme in our colours with system fonts, and what goes into the head."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ppai.ui.rate import STATIC, styles
from ppai.ui.texts import i18n

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "Arial", "sans-serif")
MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")
STYLES = ("tokens.css", "app.css")


def theme() -> gr.themes.Base:
    """System fonts alone: a page asks no other server for anything."""
    return gr.themes.Base(
        primary_hue="blue",
        neutral_hue="gray",
        font=[gr.themes.Font(name) for name in FONTS],
        font_mono=[gr.themes.Font(name) for name in MONO_FONTS],
    ).set(
        body_background_fill="var(--ppai-ground)",
        body_background_fill_dark="var(--ppai-ground)",
        body_text_color="var(--ppai-text)",
        body_text_color_dark="var(--ppai-text)",
        block_background_fill="var(--ppai-surface)",
        block_background_fill_dark="var(--ppai-surface)",
        border_color_primary="var(--ppai-line)",
        border_color_primary_dark="var(--ppai-line)",
        button_primary_background_fill="var(--ppai-accent)",
        button_primary_background_fill_dark="var(--ppai-accent)",
        button_primary_background_fill_hover="var(--ppai-accent-strong)",
        button_primary_background_fill_hover_dark="var(--ppai-accent-strong)",
        button_primary_text_color="var(--ppai-on-accent)",
        button_primary_text_color_dark="var(--ppai-on-accent)",
        link_text_color="var(--ppai-accent)",
        link_text_color_dark="var(--ppai-accent)",
    )


def head() -> str:
    """Runs and applies before Gradio draws a page."""
    storage = (STATIC / "storage.js").read_text(encoding="utf-8")
    return f"{styles(STYLES)}\n<script>\n{storage}</script>"


def launch_options() -> dict[str, Any]:
    """What every page of the app passes to `launch`."""
    return {"theme": theme(), "head": head(), "i18n": i18n(), "footer_links": [], "run_history": False}
