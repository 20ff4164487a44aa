"""The results page: what people and judges say of the systems, to whom the study's rules show it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ppai.errors import PPAIError
from ppai.ui.filters import ALL, UNFLAGGED
from ppai.ui.findings import Findings, Report
from ppai.ui.markup import escape, said
from ppai.ui.page import QUIETLY, View, answering, lay_out, on_load, refused
from ppai.ui.report_view import answers_html, figures, files, lead_html, section_parts

if TYPE_CHECKING:
    from ppai.ui.context import Context


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
    filters = report.filters
    return View(
        (
            ("lead", lead_html(report)),
            ("filters", _filters(report)),
            ("answers", answers_html(report)),
            *section_parts(report),
        ),
        values={
            "topic": filters.topic or "",
            "raters": filters.raters,
            "arm": filters.arm,
            "criterion": filters.criterion,
            "matchup": filters.matchup,
        },
        figures=figures(report),
        files=files(report),
        announce=said("results.updated", n=f"{report.human_votes:,}"),
        basis=f"{report.study}: {report.basis}",
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
