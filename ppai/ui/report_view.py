"""A report as HTML: what is said of a study, each section with its chart and tables. Pure, for any page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppai.ui.chart_layout import Chart
from ppai.ui.facts import of_one
from ppai.ui.markup import english, escape, said
from ppai.ui.report import Report
from ppai.ui.sections import Section
from ppai.ui.sentences import Answer
from ppai.ui.table import Table, table_html

SIGNS = {"wins": "▲", "qualified": "○", "undecided": "≈"}
"""By how an answer looks; the note above the answers says what they mean."""


@dataclass(frozen=True)
class Place:
    """Where a report is shown."""

    prefix: str = ""
    """Of its ids and of its figures' names, where one document holds several reports."""
    saves: tuple[str, ...] = ("png", "html", "csv")
    """Kinds of files that its sections offer."""
    unscripted: str = ""
    """What stands in a chart's place where scripts are off; nothing for a page that is made by scripts."""
    others: str = ""
    """What the tables of other choices are called."""
    under: str = ""
    """Id of a heading by which its sections are told from those of the same name."""
    level: int = 2
    """Of its headings."""
    controls: bool = True
    """Whether something can be chosen there."""

    @property
    def heading(self) -> str:
        """The element that its headings are."""
        return f"h{self.level}"


LIVE = Place()


def section_parts(report: Report, place: Place = LIVE) -> list[tuple[str, str]]:
    """Name and HTML of each section."""
    return [(section.name, section_html(section, place)) for section in report.sections]


def figures(report: Report, place: Place = LIVE) -> dict[str, Any]:
    """Plotly figures by the name that their places in the HTML have."""
    drawn = [(one.name, one.chart.figure) for one in report.sections if one.chart is not None]
    return {place.prefix + name: figure for name, figure in drawn if figure is not None}


def files(report: Report, place: Place = LIVE) -> dict[str, Mapping[str, str]]:
    """By section `{"name", "text"}` of its CSV file."""
    stem = file_stem(report.study)
    return {
        place.prefix + one.name: {"name": f"{stem}_{place.prefix.replace('-', '_')}{one.name}.csv", "text": one.csv}
        for one in report.sections
        if one.csv
    }


def lead_html(report: Report, named: str = "p") -> str:
    """The study's name in an element `named`, its counts and what must be known before anything else."""
    facts = "".join(
        f'<div class="ppai-fact"><dt>{said(of_one(key) if n == 1 else key)}</dt><dd>{n:,}</dd></div>'
        for key, n in report.facts
    )
    notes = ""
    if not report.human_votes:
        alone = "results.only_baselines" if report.baselines else "results.no_votes"
        key = "results.no_votes_judged" if report.judges else alone
        key = "results.no_votes_chosen" if report.votes_elsewhere else key
        notes += f'<div class="ppai-warning" data-testid="no-votes">{said(key, "p")}</div>'
    notes += cautions_html(report)
    return (
        f'<{named} class="ppai-study" data-testid="study">{escape(report.study)}</{named}>'
        f'<dl class="ppai-facts-row">{facts}</dl><div class="ppai-notes">{notes}</div>'
    )


def cautions_html(report: Report) -> str:
    return "".join(
        f'<div class="ppai-warning" lang="en"><p><strong>{escape(told.title)}.</strong> {escape(told.text)}</p></div>'
        for told in report.cautions
    )


def answers_html(report: Report, place: Place = LIVE) -> str:
    """The answer in words, a sentence a criterion, and what is left of it with all criteria taken together."""
    name = f"{place.prefix}answers"
    named = f'aria-labelledby="{_names(name, place)}"'
    heading = said("results.answers", place.heading, f'id="{name}"')
    if not (report.answers or report.ranks or report.rest):
        fills = "results.fills" if place.controls else "results.nothing"
        nothing = said("results.nothing_but_baselines" if report.baselines else fills, "p")
        return f'<section class="ppai-card ppai-said" {named}>{heading}{nothing}</section>'
    items = "".join(_answer(answer) for answer in report.answers)
    note = said("results.answers_note", "p", 'class="ppai-muted"')
    note += (
        said("results.usable_note", "p", 'class="ppai-muted"')
        if any(one.on_usability for one in report.answers)
        else ""
    )
    listed = f'<ul class="ppai-answers" lang="en" data-testid="answers">{items}</ul>' if items else ""
    ranks = "".join(f'<p lang="en" data-testid="ranks">{escape(sentence)}</p>' for sentence in report.ranks)
    before = f'<div class="ppai-ranks">{ranks}</div>' if ranks else ""
    reading = "".join(f'<p lang="en">{escape(sentence)}</p>' for sentence in (*report.rest, *report.reading))
    after = f'<div class="ppai-reading" data-testid="reading">{reading}</div>' if reading else ""
    why = _not_usable(report, place)
    return f'<section class="ppai-card ppai-said" {named}>{heading}{before}{note}{listed}{after}{why}</section>'


def _not_usable(report: Report, place: Place) -> str:
    """Why judges are not usable, folded: with many criteria it is longer than the answers."""
    if not report.not_usable:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in report.not_usable)
    summary = said("results.not_usable", "summary")
    return (
        f'<details class="ppai-not-usable" data-keep="{place.prefix}not-usable">{summary}'
        f'<ul class="ppai-muted" lang="en">{items}</ul></details>'
    )


def _answer(answer: Answer) -> str:
    """A claim that is undecided or lessened carries no sign of a winner, and is not in bold."""
    lessened = answer.qualified or answer.withdrawn
    look = "undecided" if not answer.decided else "qualified" if lessened else "wins"
    claim = f"<strong>{escape(answer.claim)}</strong>" if look == "wins" else escape(answer.claim)
    return (
        f'<li class="is-{look}"><span class="ppai-sign" aria-hidden="true">{SIGNS[look]}</span>'
        f"<p>{claim}, <span>{escape(answer.basis)}</span></p></li>"
    )


def section_html(section: Section, place: Place = LIVE, others: Sequence[Table] = ()) -> str:
    """`others` are tables of what else a page with controls would let one choose."""
    name = place.prefix + section.name
    heading = said(f"results.section.{section.name}", place.heading, f'id="section-{name}"')
    caution = f'<p class="ppai-warning" lang="en">{escape(section.caution)}</p>' if section.caution else ""
    lead = "".join(f'<p lang="en" data-testid="told">{escape(sentence)}</p>' for sentence in section.lead)
    details = _folded(section.tables, name, said("results.table", "summary"), place, is_open=section.open)
    details += _folded(section.more, f"{name}-more", said(section.more_key, "summary"), place)
    details += _folded(others, f"{name}-others", f"<summary>{place.others}</summary>", place)
    chart = "" if section.chart is None else _chart(section.chart, name, place)
    note = section.note_of(controls=place.controls)
    return (
        f'<section class="ppai-card ppai-finding" data-section="{name}" '
        f'aria-labelledby="{_names(f"section-{name}", place)}">'
        f'<div class="ppai-finding-head">{heading}{_buttons(section, place)}</div>{caution}{lead}{chart}'
        f'<p class="ppai-muted" lang="en" data-note>{escape(note)}</p>{details}</section>'
    )


def _names(name: str, place: Place) -> str:
    return f"{name} {place.under}".strip()


def _folded(tables: Sequence[Table], name: str, summary: str, place: Place, *, is_open: bool = False) -> str:
    """Tables under a heading that unfolds them; nothing where there are none."""
    if not tables:
        return ""
    body = "".join(table_html(table, f"{name}-{number}", place.under) for number, table in enumerate(tables))
    return f'<details data-keep="{name}"{" open" if is_open else ""}>{summary}{body}</details>'


def _chart(chart: Chart, name: str, place: Place) -> str:
    if chart.figure is None:
        return f'<p class="ppai-instead" lang="en" data-testid="instead">{escape(chart.words)}</p>'
    more = "".join(f'<p class="ppai-muted" lang="en">{escape(one)}</p>' for one in chart.left_out)
    height = int(chart.figure["layout"]["height"])
    without = f'<p class="ppai-instead ppai-unscripted">{escape(place.unscripted)} {escape(chart.words)}</p>'
    return (
        f'<div class="ppai-chart" lang="en" role="img" data-figure="{name}" aria-label="{escape(chart.words)}" '
        f'style="min-height: {height}px"></div>{without if place.unscripted else ""}{more}'
    )


def _buttons(section: Section, place: Place) -> str:
    name = english(f"results.section.{section.name}")
    figure = None if section.chart is None else section.chart.figure
    there = {"png": figure is not None, "html": figure is not None, "csv": bool(section.csv)}
    buttons = "".join(
        f'<button type="button" class="ppai-button ppai-quiet" data-save="{kind}" '
        f'aria-label="{kind.upper()}: {escape(name)}">{kind.upper()}</button>'
        for kind in place.saves
        if there[kind]
    )
    return (
        f'<div class="ppai-saves">{said("results.download", "span", "class=ppai-muted")}{buttons}</div>'
        if buttons
        else ""
    )


def file_stem(study: str) -> str:
    """A study's name as it may stand in a file's."""
    return re.sub(r"[^A-Za-z0-9]+", "_", study).strip("_").lower() or "study"
