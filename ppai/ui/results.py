"""The results page: what people and judges say of the systems, to whom the study's rules show it."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from ppai.errors import PPAIError
from ppai.ui.chart_layout import Chart
from ppai.ui.filters import ALL, UNFLAGGED
from ppai.ui.findings import Findings, Report
from ppai.ui.markup import english, escape, said
from ppai.ui.page import QUIETLY, View, answering, lay_out, on_load, refused
from ppai.ui.sections import Section
from ppai.ui.sentences import Answer, Verdict
from ppai.ui.table import Table, table_html

if TYPE_CHECKING:
    from ppai.ui.context import Context

SIGNS = {Verdict.WINS: "▲", Verdict.LOSES: "▼", Verdict.UNDECIDED: "≈", Verdict.UNKNOWN: "?"}
QUALIFIED = "○"
"""Of an answer by judges with a warning alone."""


class ResultsPage:
    """The handlers of the page; each asks the gate before anything else."""

    def __init__(self, context: Context) -> None:
        self._gate = context.gate
        self._settings = context.settings
        self._findings = Findings(context.store, context.name, context.events, context.statistics)

    def open(self, code: object, admin: object) -> dict[str, Any]:
        return self.act(code, admin, {})

    def act(self, code: object, admin: object, request: object) -> dict[str, Any]:
        """The page for what is chosen, or why it is not shown."""

        def make() -> View:
            refusal = self._gate.results(code, admin)
            return (
                refused(refusal, self._settings) if refusal is not None else report_view(self._findings.report(request))
            )

        return answering(make)

    def warm(self) -> None:
        """Reads the votes before the first visitor comes; what fails here will be said to her."""
        try:
            self._findings.warm()
        except PPAIError:
            return


def build_results(context: Context) -> ResultsPage:
    """Lays out the page inside the current Blocks and route."""
    page = ResultsPage(context)
    shell = lay_out(context, "results", charts=True)

    def act(code: object, admin: object, event: gr.EventData) -> dict[str, Any]:
        return page.act(code, admin, event._data)

    on_load(page.open, [shell.code, shell.admin], [shell.screen])
    shell.screen.act(act, inputs=[shell.code, shell.admin], outputs=[shell.screen], **QUIETLY)
    threading.Thread(target=page.warm, name="ppai-results", daemon=True).start()
    return page


def report_view(report: Report) -> View:
    """The page as the browser gets it."""
    parts = [
        ("lead", _lead(report)),
        ("filters", _filters(report)),
        ("answers", _answers(report)),
        *((section.name, _section(section)) for section in report.sections),
    ]
    drawn = [(one.name, one.chart.figure) for one in report.sections if one.chart is not None]
    stem = _stem(report.study)
    filters = report.filters
    return View(
        tuple(parts),
        values={
            "topic": filters.topic or "",
            "raters": filters.raters,
            "arm": filters.arm,
            "criterion": filters.criterion,
            "matchup": filters.matchup,
        },
        figures={name: figure for name, figure in drawn if figure is not None},
        files={one.name: {"name": f"{stem}_{one.name}.csv", "text": one.csv} for one in report.sections if one.csv},
        announce=said("results.updated", n=f"{report.human_votes:,}"),
        basis=f"{report.study}: {report.basis}",
    )


def _lead(report: Report) -> str:
    facts = "".join(f'<div class="ppai-fact"><dt>{said(key)}</dt><dd>{n:,}</dd></div>' for key, n in report.facts)
    notes = ""
    if not report.human_votes:
        alone = "results.only_baselines" if report.baselines else "results.no_votes"
        key = "results.no_votes_judged" if report.judges else alone
        notes += f'<div class="ppai-warning" data-testid="no-votes">{said(key, "p")}</div>'
    for caution in report.cautions:
        notes += (
            f'<div class="ppai-warning" lang="en"><p><strong>{escape(caution.title)}.</strong> '
            f"{escape(caution.text)}</p></div>"
        )
    return (
        f'<p class="ppai-study" data-testid="study">{escape(report.study)}</p>'
        f'<dl class="ppai-facts-row">{facts}</dl><div class="ppai-notes">{notes}</div>'
    )


def _answers(report: Report) -> str:
    heading = said("results.answers", "h2", 'id="answers"')
    if not report.answers:
        nothing = said("results.nothing_but_baselines" if report.baselines else "results.nothing", "p")
        return f'<section class="ppai-card" aria-labelledby="answers">{heading}{nothing}</section>'
    items = "".join(_answer(answer) for answer in report.answers)
    note = said("results.answers_note", "p", 'class="ppai-muted"')
    return (
        f'<section class="ppai-card" aria-labelledby="answers">{heading}{note}'
        f'<ul class="ppai-answers" lang="en" data-testid="answers">{items}</ul></section>'
    )


def _answer(answer: Answer) -> str:
    """A claim that is qualified carries no sign of a winner, and is not in bold."""
    sign, look = SIGNS[answer.verdict], answer.verdict.value
    if answer.qualified and answer.verdict in (Verdict.WINS, Verdict.LOSES):
        sign, look = QUALIFIED, "qualified"
    claim = escape(answer.claim) if answer.qualified else f"<strong>{escape(answer.claim)}</strong>"
    return (
        f'<li class="is-{look}"><span class="ppai-sign" aria-hidden="true">{sign}</span>'
        f"<p>{claim}, <span>{escape(answer.basis)}</span></p></li>"
    )


def _filters(report: Report) -> str:
    choices, labels = report.choices, report.labels
    controls = [
        _select("topic", [("", said("results.all_topics", "option", 'value=""')), *_options(choices.topics)])
        if choices.topics
        else "",
        _select(
            "raters",
            [
                (ALL, said("results.all_raters", "option", f'value="{ALL}"')),
                (
                    UNFLAGGED,
                    said("results.unflagged", "option", f'value="{UNFLAGGED}"', n=report.flagged),
                ),
            ],
        ),
        _select("arm", [(arm, said(f"results.arm_{arm}", "option", f'value="{escape(arm)}"')) for arm in choices.arms])
        if len(choices.arms) > 1
        else "",
        _select("criterion", _options(choices.criteria, {key: labels.title(key) for key in choices.criteria}))
        if len(choices.criteria) > 1
        else "",
        _select(
            "matchup",
            _options([one.key for one in choices.matchups], {one.key: labels.versus(one) for one in choices.matchups}),
        )
        if len(choices.matchups) > 1
        else "",
    ]
    legend = said("results.filters", "h2", 'class="ppai-hidden" id="filters"')
    return (
        f'<section aria-labelledby="filters">{legend}'
        f'<form class="ppai-filters" data-form="filter" data-live data-testid="filters">{"".join(controls)}</form>'
        "</section>"
    )


def _options(values: Any, names: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    return [
        (value, f'<option value="{escape(value)}">{escape((names or {}).get(value, value))}</option>')
        for value in values
    ]


def _select(name: str, options: list[tuple[str, str]]) -> str:
    label, inside = said(f"results.filter.{name}"), "".join(text for _, text in options)
    return (
        f'<div class="ppai-field"><label class="ppai-label" for="filter-{name}">{label}</label>'
        f'<select class="ppai-input" id="filter-{name}" name="{name}">{inside}</select></div>'
    )


def _section(section: Section) -> str:
    name = section.name
    heading = said(f"results.section.{name}", "h2", f'id="section-{name}"')
    caution = f'<p class="ppai-warning" lang="en">{escape(section.caution)}</p>' if section.caution else ""
    details = _folded(section.tables, name, "results.table", is_open=section.open)
    details += _folded(section.more, f"{name}-more", "results.every_criterion")
    chart = "" if section.chart is None else _chart(section.chart, name)
    return (
        f'<section class="ppai-card ppai-finding" data-section="{name}" aria-labelledby="section-{name}">'
        f'<div class="ppai-finding-head">{heading}{_buttons(section)}</div>{caution}{chart}'
        f'<p class="ppai-muted" lang="en" data-note>{escape(section.note)}</p>{details}</section>'
    )


def _folded(tables: Sequence[Table], name: str, key: str, *, is_open: bool = False) -> str:
    """Tables under a heading that unfolds them; nothing where there are none."""
    if not tables:
        return ""
    body = "".join(table_html(table, f"{name}-{number}") for number, table in enumerate(tables))
    return f'<details data-keep="{name}"{" open" if is_open else ""}>{said(key, "summary")}{body}</details>'


def _chart(chart: Chart, name: str) -> str:
    if chart.figure is None:
        return f'<p class="ppai-instead" lang="en" data-testid="instead">{escape(chart.words)}</p>'
    more = "".join(f'<p class="ppai-muted" lang="en">{escape(one)}</p>' for one in chart.left_out)
    height = int(chart.figure["layout"]["height"])
    return (
        f'<div class="ppai-chart" lang="en" role="img" data-figure="{name}" aria-label="{escape(chart.words)}" '
        f'style="min-height: {height}px"></div>{more}'
    )


def _buttons(section: Section) -> str:
    name = english(f"results.section.{section.name}")
    figure = None if section.chart is None else section.chart.figure
    kinds = [("png", figure), ("html", figure), ("csv", section.csv)]
    buttons = "".join(
        f'<button type="button" class="ppai-button ppai-quiet" data-save="{kind}" '
        f'aria-label="{kind.upper()}: {escape(name)}">{kind.upper()}</button>'
        for kind, there in kinds
        if there
    )
    return (
        f'<div class="ppai-saves">{said("results.download", "span", "class=ppai-muted")}{buttons}</div>'
        if buttons
        else ""
    )


def _stem(study: str) -> str:
    """A study's name as it may stand in a file's."""
    return re.sub(r"[^A-Za-z0-9]+", "_", study).strip("_").lower() or "study"
