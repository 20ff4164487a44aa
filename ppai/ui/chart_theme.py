"""The colours of the charts by name, and how a file gets them without a browser's theme. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LIGHT = {
    "--ppai-text": "#171a1f",
    "--ppai-muted": "#59626f",
    "--ppai-line": "#e2e6eb",
    "--ppai-surface": "#ffffff",
    "--ppai-chart-x": "#56b4e9",
    "--ppai-chart-tie": "#e3e3e3",
    "--ppai-chart-y": "#e69f00",
    "--ppai-chart-on": "#000000",
    "--ppai-chart-hatch": "#757575",
    "--ppai-chart-edge": "#171a1f",
    "--ppai-chart-0": "#0072b2",
    "--ppai-chart-1": "#d55e00",
    "--ppai-chart-2": "#007a59",
    "--ppai-chart-3": "#b0508a",
    "--ppai-chart-4": "#8a6d00",
}
"""The light theme, after Okabe and Ito's colours, the dots' darkened to 3:1 on white."""


def themed(figure: Any, colours: Mapping[str, str] = LIGHT) -> Any:
    """A copy with the colours filled in."""
    if isinstance(figure, Mapping):
        return {key: themed(value, colours) for key, value in figure.items()}
    if isinstance(figure, list | tuple):
        return [themed(value, colours) for value in figure]
    return colours.get(figure, figure) if isinstance(figure, str) else figure
