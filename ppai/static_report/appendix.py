"""The end of a static report: how its figures were made, with what, from which data and by which command."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ppai import __version__
from ppai.static_report.methods import Method, methods_of
from ppai.ui.markup import escape

LIBRARIES = ("numpy", "scipy", "pandas", "plotly")


@dataclass(frozen=True)
class Making:
    """How a report was made."""

    command: str
    """As it can be typed again."""
    digest: str
    """Of the study and its events."""
    seeds: Mapping[str, str]
    """By figure for which something was drawn at random, the seed and what was drawn."""


def versions() -> dict[str, str]:
    return {"PPAI": __version__, "Python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def appendix_html(summary: Mapping[str, Any], making: Making) -> str:
    methods = "".join(_method(method, told) for method, told in methods_of(summary))
    level = f"Intervals are at {100 * summary['confidence']:.0f}% unless a method says otherwise; "
    unit = f"the unit is the {summary['clusters']}, however many votes it has."
    listed = f'<p class="ppai-muted">{escape(level + unit)}</p><dl class="ppai-methods">{methods}</dl>'
    return (
        '<section class="ppai-card ppai-appendix" aria-labelledby="methods"><h2 id="methods">Methods</h2>'
        f"{listed if methods else '<p>No figure has been estimated yet.</p>'}</section>"
        '<section class="ppai-card ppai-appendix" aria-labelledby="making">'
        '<h2 id="making">How this report was made</h2>'
        f'<dl class="ppai-status">{_facts(making)}</dl>'
        '<p>The same figures stand in <a href="summary.json">summary.json</a>. The same study, versions and seeds '
        f"give the same file:</p><pre><code>{escape(making.command)}</code></pre></section>"
    )


def _method(method: Method, told: tuple[str, ...]) -> str:
    sources = f'<p class="ppai-muted">Sources: {escape(method.sources)}.</p>' if method.sources else ""
    names = f'<p class="ppai-muted">In the summary: {escape("; ".join(told))}.</p>' if told else ""
    return f"<dt>{escape(method.figure)}</dt><dd><p>{escape(method.words)}</p>{sources}{names}</dd>"


def _facts(making: Making) -> str:
    facts = {
        "Versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
        "Digest of the study and its events (SHA-256)": making.digest,
        **{f"Seed of {what}": seed for what, seed in making.seeds.items()},
    }
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
