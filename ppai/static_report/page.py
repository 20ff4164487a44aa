"""One HTML file with everything in it: the sections of the results page, their scripts, and an appendix."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from ppai.static_report.appendix import Making, appendix_html
from ppai.static_report.arms import ArmReport
from ppai.ui.emptiness import shows_something, with_figures, without_empty_tables
from ppai.ui.labels import ARMS
from ppai.ui.markup import english, escape
from ppai.ui.plotly_file import plotly_script
from ppai.ui.report import Report
from ppai.ui.report_view import Place, answers_html, cautions_html, figures, files, lead_html, section_html

STATIC = Path(__file__).parents[1] / "ui" / "static"
STYLES = ("tokens.css", "page.css", "controls.css", "results.css", "static_report.css")
SCRIPTS = ("static_document.js", "dom.js", "live.js", "charts.js", "files.js", "static_report.js")
TEXTS = ("results.no_library", "results.no_file")
BEGIN = 'document.documentElement.classList.add("is-scripted")'
"""Before anything is shown: what stands for the charts where scripts are off need not appear and go."""
NO_SCRIPTS = "This chart is drawn by a script, and scripts are off."
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
"""Asks nobody for anything. Scripts are those of this file alone, by their digests."""

_DARK = re.compile(r":root:has\(body\.dark\) (\{[^}]*\})")


def page_html(arms: Sequence[ArmReport], summary: Mapping[str, Any], making: Making) -> str:
    """The whole file; the same arguments give the same text."""
    arms = [_with_figures(one) for one in arms]
    study = escape(arms[0].report.study)
    library = _inline(plotly_script().read_text(encoding="utf-8"))
    ours = _inline("\n".join(['(() => {\n"use strict";', *(_static(name) for name in SCRIPTS), "})();"]))
    scripts = " ".join(f"'sha256-{_digest(script)}'" for script in (BEGIN, library, ours))
    data = orjson.dumps(_data(arms)).decode().replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}; script-src {scripts}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{study} · PPAI</title>
<style>
{_styles()}</style>
<script>{BEGIN}</script>
</head>
<body>
<div class="ppai ppai-pages ppai-static">
<header class="ppai-top"><div class="ppai-top-row"><div class="ppai-where"><p class="ppai-title">{
        escape(english("results.title"))
    }</p></div></div></header>
<main class="ppai-column">
{"".join(_arm(one, first=one is arms[0], contents=_contents(arms)) for one in arms)}
<div>{appendix_html(summary, making)}</div>
</main>
<div class="ppai-toast" role="status"></div><div class="ppai-alarm" role="alert"></div>
</div>
<script type="application/json" id="report-data">{data}</script>
<script>{library}</script>
<script>{ours}</script>
</body>
</html>
"""


def _arm(one: ArmReport, *, first: bool, contents: str) -> str:
    """The part of an arm: under the study's name the first, under a heading of its own each other."""
    report, place = one.report, _place(one, first)
    if first:
        head = lead_html(report, "h1") + _shown(report) + contents
    else:
        heading = f'<h2 class="ppai-arm" id="{_arm_id(one)}">{escape(_heading(one))}</h2>'
        head = heading + cautions_html(report) + _shown(report)
    sections = (section_html(section, place, one.others.get(section.name, ())) for section in report.sections)
    return f'<div data-arm="{one.arm}">{head}{answers_html(report, place)}{"".join(sections)}</div>\n'


def _with_figures(one: ArmReport) -> ArmReport:
    """Without what has nothing to show: that there are no votes, the warning above it says."""
    others = {name: with_figures(tables) for name, tables in one.others.items()}
    sections = tuple(
        section
        for section in map(without_empty_tables, one.report.sections)
        if shows_something(section) or others.get(section.name)
    )
    return replace(one, report=replace(one.report, sections=sections), others=others)


def _heading(one: ArmReport) -> str:
    return english(f"results.arm_{one.arm}")


def _shown(report: Report) -> str:
    """What the controls of the results page would say."""
    labels, filters = report.labels, report.filters
    parts = [report.shown]
    if len(report.choices.criteria) > 1:
        parts.append(f"Where a chart shows one criterion, it is {labels.criterion(filters.criterion)}")
    matchup = next((one for one in report.choices.matchups if one.key == filters.matchup), None)
    if matchup is not None and len(report.choices.matchups) > 1:
        parts.append(f"Where a chart shows two systems, they are {labels.versus(matchup)}")
    return f'<p class="ppai-muted">{escape(". ".join(parts))}.</p>'


def _contents(arms: Sequence[ArmReport]) -> str:
    """Links to every section."""
    links = [link for one in arms for link in _links(one, first=one is arms[0])]
    links += [("methods", "Methods"), ("making", "How this report was made")]
    items = "".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in links)
    return (
        '<nav class="ppai-contents" aria-label="Contents"><details><summary>Contents</summary>'
        f"<ul>{items}</ul></details></nav>"
    )


def _links(one: ArmReport, *, first: bool) -> Iterator[tuple[str, str]]:
    """Where each part of an arm stands, and what it is called."""
    prefix = _place(one, first).prefix
    yield (f"{prefix}answers", english("results.answers")) if first else (_arm_id(one), _heading(one))
    for section in one.report.sections:
        text = english(f"results.section.{section.name}")
        yield f"section-{prefix}{section.name}", text if first else f"{text}, {ARMS.get(one.arm, one.arm)}"


def _place(one: ArmReport, first: bool) -> Place:
    choices = one.report.choices
    several = [
        name for name, found in (("criteria", choices.criteria), ("systems", choices.matchups)) if len(found) > 1
    ]
    others = f"Other {' and '.join(several)}"
    place = Place(saves=("png", "csv"), unscripted=NO_SCRIPTS, others=others, controls=False)
    return place if first else replace(place, prefix=f"{one.arm}-", under=_arm_id(one), level=3)


def _arm_id(one: ArmReport) -> str:
    return f"arm-{one.arm}"


def _data(arms: Sequence[ArmReport]) -> dict[str, Any]:
    """What the scripts draw, save and say."""
    drawn: dict[str, Any] = {}
    saved: dict[str, Any] = {}
    for one in arms:
        place = _place(one, one is arms[0])
        drawn |= figures(one.report, place)
        saved |= files(one.report, place)
    return {
        "figures": drawn,
        "files": saved,
        "basis": {one.arm: f"{one.report.study}: {one.report.basis}" for one in arms},
        "texts": {key: english(key) for key in TEXTS},
    }


def _styles() -> str:
    """With the dark theme where the system asks for it: no script needs to run before the page has its colours."""
    sheets = "\n".join(_static(name) for name in STYLES)
    return _DARK.sub(r"@media screen and (prefers-color-scheme: dark) { :root \1 }", sheets)


def _inline(script: str) -> str:
    """As it may stand in an element: what would end it, or open a comment in it, is written another way."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
