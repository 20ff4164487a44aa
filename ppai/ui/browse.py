"""The browse page: finds a prompt and shows all that is known of it, unblinded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from ppai.schema import Prompt
from ppai.ui.browse_view import post_html, responses_html, verdicts_html, votes_html
from ppai.ui.labels import Labels
from ppai.ui.markup import escape, said
from ppai.ui.page import QUIETLY, View, answering, lay_out, on_load, refused

if TYPE_CHECKING:
    from ppai.ui.context import Context

LISTED = 300
"""Prompts that the page lists at once; a search finds the others."""
LONGEST_NAME = 90
FORM = "browse-form"


@dataclass(frozen=True)
class Asked:
    """What a browser asks for; whatever it does not say, or says wrongly, is the default."""

    search: str = ""
    topic: str = ""
    prompt: str = ""
    act: str = ""

    @classmethod
    def read(cls, request: object) -> Asked:
        given = request if isinstance(request, Mapping) else {}

        def text(name: str) -> str:
            value = given.get(name)
            return value[:300] if isinstance(value, str) else ""

        return cls(text("search").strip(), text("topic"), text("prompt"), text("act"))


class BrowsePage:
    """The handlers of the page; each asks the gate before anything else."""

    def __init__(self, context: Context) -> None:
        self._gate = context.gate
        self._settings = context.settings
        self._store = context.store
        self._name = context.name
        self._desk = context.desk

    def open(self, code: object, admin: object) -> dict[str, Any]:
        return self.act(code, admin, {})

    def act(self, code: object, admin: object, request: object) -> dict[str, Any]:
        """The prompt that is asked for, or why it is not shown."""

        def make() -> View:
            refusal = self._gate.browse(code, admin)
            return (
                refused(refusal, self._settings, "browse") if refusal is not None else self._view(Asked.read(request))
            )

        return answering(make)

    def _view(self, asked: Asked) -> View:
        prompts = list(self._desk.content.prompts.values())
        fitting = matching(prompts, asked)
        chosen = step(fitting, asked)
        parts = [("finder", _finder(prompts)), ("stepper", _stepper(fitting, chosen))]
        announce = said("browse.none")
        if chosen is not None:
            events = self._store.votes_on(self._name, chosen.id)
            labels = Labels.of(events.config)
            texts = {
                system: text for (prompt_id, system), text in self._desk.content.texts.items() if prompt_id == chosen.id
            }
            parts += [
                ("post", post_html(chosen)),
                ("responses", responses_html(texts, labels)),
                ("votes", votes_html(events, labels)),
                ("verdicts", verdicts_html(events, labels)),
            ]
            announce = said("browse.shown", id=chosen.id)
        return View(
            tuple(parts),
            values={"search": asked.search, "topic": asked.topic, "prompt": "" if chosen is None else chosen.id},
            announce=announce,
        )


def build_browse(context: Context) -> BrowsePage:
    """Lays out the page inside the current Blocks and route."""
    page = BrowsePage(context)
    shell = lay_out(context, "browse")

    def act(code: object, admin: object, event: gr.EventData) -> dict[str, Any]:
        return page.act(code, admin, event._data)

    on_load(page.open, [shell.code, shell.admin], [shell.screen])
    shell.screen.act(act, inputs=[shell.code, shell.admin], outputs=[shell.screen], **QUIETLY)
    return page


def matching(prompts: Sequence[Prompt], asked: Asked) -> list[Prompt]:
    """The prompts of a topic that hold every word of a search, or whose id it is."""
    words = asked.search.casefold().split()
    return [
        prompt
        for prompt in prompts
        if (not asked.topic or prompt.topic == asked.topic)
        and (
            prompt.id == asked.search
            or all(word in f"{prompt.title or ''} {prompt.text} {prompt.topic or ''}".casefold() for word in words)
        )
    ]


def step(fitting: Sequence[Prompt], asked: Asked) -> Prompt | None:
    """The prompt asked for, or its neighbour; the first where it is not among those that fit."""
    ids = [prompt.id for prompt in fitting]
    if not ids:
        return None
    if asked.prompt not in ids:
        return fitting[0]
    place = ids.index(asked.prompt) + {"next": 1, "previous": -1}.get(asked.act, 0)
    return fitting[min(max(place, 0), len(ids) - 1)]


def prompt_name(prompt: Prompt) -> str:
    """A prompt in one line."""
    name = " ".join((prompt.title or prompt.text).split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _finder(prompts: Sequence[Prompt]) -> str:
    """What prompts are looked for; the same for a study at all times, so that typing is never disturbed."""
    topics = dict.fromkeys(prompt.topic for prompt in prompts if prompt.topic)
    options = "".join(f'<option value="{escape(topic)}">{escape(topic)}</option>' for topic in topics)
    every = said("browse.all_topics", "option", 'value=""')
    topic = (
        f'<div class="ppai-field"><label class="ppai-label" for="browse-topic">{said("browse.topic")}</label>'
        f'<select class="ppai-input" id="browse-topic" name="topic">{every}{options}</select></div>'
        if topics
        else ""
    )
    lead = said("browse.lead", "p", 'class="ppai-muted"')
    return (
        f'{lead}<form class="ppai-filters" id="{FORM}" data-form="find" data-live role="search" data-testid="finder">'
        f'<div class="ppai-field"><label class="ppai-label" for="browse-search">{said("browse.search")}</label>'
        '<input class="ppai-input" id="browse-search" name="search" type="search" maxlength="200" autocomplete="off">'
        f"</div>{topic}</form>"
    )


def _stepper(fitting: Sequence[Prompt], chosen: Prompt | None) -> str:
    """The prompts that fit, and the steps to the one before and after."""
    if chosen is None:
        return said("browse.none", "p", 'class="ppai-muted" data-testid="position"')
    place = next(number for number, prompt in enumerate(fitting) if prompt.id == chosen.id)
    listed = [*fitting[:LISTED], *([chosen] if place >= LISTED else [])]
    options = "".join(
        f'<option value="{escape(prompt.id)}">{escape(prompt.id)} · {escape(prompt_name(prompt))}</option>'
        for prompt in listed
    )
    of = f"{len(fitting):,}"
    position = said("browse.position", "p", 'class="ppai-muted" data-testid="position"', n=f"{place + 1:,}", of=of)
    more = said("browse.first_only", "p", 'class="ppai-muted"', shown=LISTED, of=of) if len(fitting) > LISTED else ""
    return (
        f'<div class="ppai-stepper">{_step("previous", place == 0)}<div class="ppai-field ppai-grow">'
        f'<label class="ppai-hidden" for="browse-prompt">{said("browse.prompt")}</label>'
        f'<select class="ppai-input" id="browse-prompt" name="prompt" form="{FORM}">{options}</select></div>'
        f"{position}{_step('next', place == len(fitting) - 1)}</div>{more}"
    )


def _step(act: str, at_end: bool) -> str:
    disabled = " disabled" if at_end else ""
    return said(f"browse.{act}", "button", f'type="button" class="ppai-button" data-act="{act}"{disabled}')
