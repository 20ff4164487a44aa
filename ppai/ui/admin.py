"""The admin page: behind a password, the state of the server and what raters reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import gradio as gr

from ppai.backup import BackupState
from ppai.leaks import LeakTable, leak_table
from ppai.store.base import HarmReport, ProbeAnswer, StudyInfo
from ppai.ui.access import Refusal, TooManyLogins
from ppai.ui.browse import prompt_name
from ppai.ui.labels import Labels, rater_label
from ppai.ui.markup import escape, said
from ppai.ui.page import QUIETLY, View, answering, lay_out, on_load
from ppai.ui.table import Column, Table, table_html
from ppai.ui.text_tables import system_table

if TYPE_CHECKING:
    from ppai.ui.context import Context

LOG_IN, LOG_OUT = "log_in", "log_out"
NO_TOKEN = "none"
"""What a browser keeps when it is logged out: Gradio would leave an old token where the new one is empty."""


class AdminPage:
    """The handlers of the page; each asks the gate before anything else."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = context.gate
        self._leaks: tuple[object, str] | None = None

    def open(self, admin: object) -> dict[str, Any]:
        """The status for a valid token, else the form."""
        return answering(lambda: self._status() if self._gate.is_admin(admin) else self._form())

    def act(self, admin: object, request: object) -> tuple[dict[str, Any], str]:
        """Logs in or out; answers with the view, and with the token that the browser is to keep."""
        given = request if isinstance(request, Mapping) else {}
        act = given.get("act")
        if act == LOG_OUT:
            return answering(lambda: self._form(announce=said("admin.logged_out"))), NO_TOKEN
        if act == LOG_IN:
            try:
                token = self._gate.log_in(given.get("password"))
            except TooManyLogins:
                return answering(lambda: self._form("admin.too_many", announce=said("admin.too_many"))), NO_TOKEN
            if token is None:
                return answering(lambda: self._form("admin.wrong", announce=said("admin.wrong"))), NO_TOKEN
            return answering(lambda: self._status(said("admin.logged_in"))), token
        return self.open(admin), admin if isinstance(admin, str) and self._gate.is_admin(admin) else NO_TOKEN

    def _form(self, problem: str = "", *, announce: str = "") -> View:
        """`problem` is the text key of what was wrong with the last try."""
        if self._context.settings.admin_password is None:
            text = said(Refusal.NO_PASSWORD.value, "p", 'class="ppai-lead"') + said("admin.no_password_how", "p")
            return View((("refused", f'<div class="ppai-notice" data-testid="no-password">{text}</div>'),))
        message = said(problem, "p", 'class="ppai-message" id="wrong"') if problem else ""
        described = ' aria-describedby="wrong"' if problem else ""
        if problem == "admin.wrong":
            described += ' aria-invalid="true"'
        button = said("admin.log_in", "button", 'type="submit" class="ppai-button ppai-primary"')
        form = (
            f'<form class="ppai-login ppai-notice" data-form="{LOG_IN}" data-testid="login">'
            f"{said('admin.lead', 'p', 'class=ppai-muted')}{message}"
            f'<div class="ppai-field"><label class="ppai-label" for="password">{said("admin.password")}</label>'
            f'<input class="ppai-input" id="password" name="password" type="password" autocomplete="current-password" '
            f"required{described}></div>"
            f"{button}</form>"
        )
        return View((("login", form),), announce=announce)

    def _status(self, announce: str = "") -> View:
        store, name = self._context.store, self._context.name
        self._context.desk.refresh()
        settings, content = self._context.settings, self._context.desk.content
        labels = Labels.of(self._context.desk.config)
        lost = (
            f'<div class="ppai-warning">{said("admin.votes_may_be_lost", "p")}</div>'
            if settings.votes_may_be_lost
            else ""
        )
        log_out = said("admin.log_out", "button", f'type="button" class="ppai-button" data-act="{LOG_OUT}"')
        head = f'<div class="ppai-stepper">{said("admin.lead", "p", "class=ppai-muted")}{log_out}</div>{lost}'
        names = {key: prompt_name(prompt) for key, prompt in content.prompts.items()}
        reports = store.reports(name)
        if any(report.prompt_id not in names for report in reports):
            names |= {prompt.id: prompt_name(prompt) for prompt in store.study(name).live_prompts}
        parts = (
            ("head", head),
            ("server", _card("server", f'<dl class="ppai-status">{self._facts()}</dl>')),
            ("studies", _card("studies", table_html(_study_table(store.studies()), "studies"))),
            ("reports", _card("reports", _reports(reports, names, labels))),
            ("leaks", _card("leaks", self._leak_table(labels))),
        )
        return View(parts, announce=announce)

    def _facts(self) -> str:
        context, settings = self._context, self._context.settings
        access = settings.results_access(context.desk.config.results)
        by = "variable" if settings.results else "study" if context.desk.config.results else "default"
        participants = context.store.participants(context.name)
        finished = sum(1 for one in participants if one.finished_at is not None)
        facts = (
            ("served", escape(context.name)),
            ("store", escape(store_kind(settings.database_url))),
            ("backup", _backup(None if context.backup is None else context.backup.state())),
            ("results", f"{said(f'admin.results_{access.value}')} ({said(f'admin.by_{by}')})"),
            ("raters", said("admin.raters_now", n=f"{len(participants):,}", finished=f"{finished:,}")),
            ("probes", _probes(context.store.probes(context.name))),
        )
        return "".join(f"<dt>{said(f'admin.{key}')}</dt><dd>{text}</dd>" for key, text in facts)

    def _leak_table(self, labels: Labels) -> str:
        """Scanned once for the texts that are served."""
        content = self._context.desk.content
        if self._leaks is None or self._leaks[0] is not content:
            self._leaks = (content, _leaks(leak_table(self._context.store.study(self._context.name)), labels))
        return self._leaks[1]


def build_admin(context: Context) -> AdminPage:
    """Lays out the page inside the current Blocks and route."""
    page = AdminPage(context)
    shell = lay_out(context, "admin")

    def act(admin: object, event: gr.EventData) -> tuple[dict[str, Any], str]:
        return page.act(admin, event._data)

    on_load(page.open, [shell.admin], [shell.screen])
    shell.screen.act(act, inputs=[shell.admin], outputs=[shell.screen, shell.admin], **QUIETLY)
    return page


def store_kind(url: str) -> str:
    """What kind of database a URL names; never its user, password or host."""
    scheme = url.split(":", 1)[0].split("+", 1)[0].lower()
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL", "postgres": "PostgreSQL"}.get(scheme, "another database")


def _card(name: str, body: str) -> str:
    heading = said(f"admin.{name}", "h2", f'id="admin-{name}"')
    return f'<section class="ppai-card ppai-stack-tight" aria-labelledby="admin-{name}">{heading}{body}</section>'


def _backup(state: BackupState | None) -> str:
    """Where to, when last, and what went wrong at the newest try."""
    if state is None:
        return said("admin.backup_none")
    when = (
        said("admin.backup_never")
        if state.last_success is None
        else said("admin.backup_at", when=_time(state.last_success))
    )
    failed = (
        f'<p class="ppai-message">{said("admin.backup_failed", reason=state.last_error)}</p>'
        if state.last_error
        else ""
    )
    return f"{said('admin.backup_to', where=state.place)}; {when}{failed}"


def _probes(answers: Sequence[ProbeAnswer]) -> str:
    right = sum(1 for answer in answers if answer.correct is True)
    wrong = sum(1 for answer in answers if answer.correct is False)
    return said("admin.probes_now", n=len(answers), right=right, wrong=wrong, unsure=len(answers) - right - wrong)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _study_table(studies: Sequence[StudyInfo]) -> Table:
    numbers = ("prompts", "systems", "pairs", "votes", "verdicts", "raters")
    return Table(
        "What the store holds",
        (
            Column("admin.column.study"),
            *(Column(f"admin.column.{number}", number=True) for number in numbers),
            Column("admin.column.loaded"),
        ),
        tuple(
            (info.name, *(f"{getattr(info, number):,}" for number in numbers), _time(info.loaded_at))
            for info in studies
        ),
    )


def _reports(reports: Sequence[HarmReport], names: Mapping[str, str], labels: Labels) -> str:
    if not reports:
        return said("admin.no_reports", "p", 'class="ppai-muted"')
    rows = tuple(
        (
            _time(report.created_at),
            f"{report.prompt_id} · {names.get(report.prompt_id, '')}",
            " and ".join(labels.system(system) for system in report.systems),
            report.text or "–",
            rater_label(report.rater),
        )
        for report in sorted(reports, key=lambda report: -report.created_at)
    )
    columns = ("when", "prompt", "system", "text", "rater")
    return table_html(
        Table(
            "Responses that raters called harmful, the newest first",
            tuple(Column(f"admin.column.{column}") for column in columns),
            rows,
        ),
        "reports",
    )


def _leaks(found: LeakTable, labels: Labels) -> str:
    """Shares of each system's responses, and a sentence for what alone tells two systems apart."""
    warnings = "".join(f"<li>{escape(sentence)}</li>" for sentence in found.warnings)
    listed = f'<ul class="ppai-bullets" lang="en">{warnings}</ul>' if warnings else said("admin.no_leaks", "p")
    return table_html(system_table(found, labels), "leaks") + listed
