"""The systems of a study that answer live questions: models in this process, servers, and both beside each other."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.generating.local import Base, by_base, engine_made_with, request_of
from eval.generating.made_with import versions
from eval.generating.pieces import Cleaned
from eval.generating.setup import MADE_WITH, Setup, setup_of
from eval.generating.streaming import StreamingEndpoint
from ppai.errors import MissingPackage, PPAIError
from ppai.live.answering import AnswerFailed, Piece, Readiness
from ppai.schema import StudyConfig
from ppai.settings import Settings

if TYPE_CHECKING:
    from eval.generating.engine import Engine

WAIT_SECONDS = 0.2
"""Between two looks at whether an answer was stopped."""
NEEDED = ("torch", "transformers", "peft")
"""Packages of models in this process."""

_log = logging.getLogger("ppai")


class Local:
    """Systems of one base in this process; it is loaded in the background, and writes for one question at a time."""

    def __init__(self, base: Base, setups: Sequence[Setup]) -> None:
        self._base = base
        self.setups = {setup.system: setup for setup in setups}
        self.state = Readiness.LOADING
        self._engine: Engine | None = None
        self._one_at_a_time = threading.Lock()

    def load(self) -> None:
        """Never raises: what went wrong is in the log, and in `state`."""
        try:
            _leave_a_core()
            self._engine = self._base.open()
        except Exception as error:  # noqa: BLE001 - the pages go on without live answers
            _log.error("the model %s cannot answer live questions: %s", self._base.model, error)
            self.state = Readiness.FAILED
        else:
            self.state = Readiness.READY

    def made_with(self) -> dict[str, Any]:
        return {} if self._engine is None else engine_made_with(self._engine)

    def write(self, asked: Mapping[int, Setup], question: str, seed: int, say: _Say, stop: threading.Event) -> None:
        """Both in one batch, where both are of this base."""
        if self._engine is None:
            raise PPAIError("the model is not loaded")
        places = list(asked)
        requests = [request_of(asked[place], question, seed, asked[place].system) for place in places]
        limited: set[int] = set()
        while not self._one_at_a_time.acquire(timeout=WAIT_SECONDS):
            if stop.is_set():
                return
        try:
            for number, text, ended in self._engine.stream(requests, stop, limited):
                say(places[number], text, ended, number in limited)
        finally:
            self._one_at_a_time.release()


def _leave_a_core() -> None:
    """To the pages: threads of torch that wait for one another on a busy core slow a small model down tenfold."""
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 2) - 1)))


class Remote:
    """One system behind a server."""

    state = Readiness.READY

    def __init__(self, setup: Setup, settings: Settings) -> None:
        self.setups = {setup.system: setup}
        self._endpoint = StreamingEndpoint(setup, settings)

    def made_with(self) -> dict[str, Any]:
        missing = self._endpoint.not_sent
        return versions("openai") | ({"not_sent": missing} if missing else {})

    def write(self, asked: Mapping[int, Setup], question: str, seed: int, say: _Say, stop: threading.Event) -> None:
        for place in asked:
            for text, reason in self._endpoint.stream(question, seed, stop):
                say(place, text, reason is not None, reason == "length")


Source = Local | Remote


@dataclass(frozen=True)
class _Event:
    """New text of one place, or what went wrong there."""

    place: int
    text: str = ""
    ended: bool = False
    hit_limit: bool = False
    error: BaseException | None = None


class _Say:
    """Hands what a source writes to the thread that waits for it."""

    def __init__(self, events: queue.Queue[_Event]) -> None:
        self._events = events

    def __call__(self, place: int, text: str, ended: bool, hit_limit: bool) -> None:
        self._events.put(_Event(place, text, ended, hit_limit))


class LiveAnswerers:
    """`ppai.live.answering.Answerers` over the sources of a study's systems."""

    def __init__(self, systems: Sequence[str], sources: Sequence[Source]) -> None:
        self.systems = tuple(systems)
        self._sources = tuple(sources)
        self._of = {system: source for source in sources for system in source.setups}

    @property
    def state(self) -> str:
        """One of `Readiness`: ready once every model is."""
        states = {source.state for source in self._sources}
        worst = next(one for one in (Readiness.FAILED, Readiness.LOADING, Readiness.READY) if one in states)
        return worst.value

    def load(self) -> None:
        """Loads the models that run in this process, one after the other."""
        for source in self._sources:
            if isinstance(source, Local):
                source.load()

    def settings(self, system: str) -> dict[str, object]:
        source = self._of[system]
        return source.setups[system].settings() | {MADE_WITH: source.made_with()}

    def answer(self, systems: tuple[str, str], question: str, seed: int, stop: threading.Event) -> Iterator[Piece]:
        """Both answers at once, cleaned as `ppai generate` cleans them. Raises AnswerFailed."""
        events: queue.Queue[_Event] = queue.Queue()
        halt = threading.Event()
        for source, places in self._places(systems).items():
            asked = {place: source.setups[systems[place]] for place in places}
            given = (source, asked, question, seed, events, halt)
            threading.Thread(target=_run, args=given, name="ppai-answer", daemon=True).start()
        try:
            yield from _pieces(events, stop)
        finally:
            halt.set()

    def _places(self, systems: tuple[str, str]) -> dict[Source, list[int]]:
        found: dict[Source, list[int]] = {}
        for place, system in enumerate(systems):
            found.setdefault(self._of[system], []).append(place)
        return found


def _run(
    source: Source,
    asked: Mapping[int, Setup],
    question: str,
    seed: int,
    events: queue.Queue[_Event],
    halt: threading.Event,
) -> None:
    """Until the source has written all that it is asked; what goes wrong is an event too."""
    try:
        source.write(asked, question, seed, _Say(events), halt)
    except Exception as error:  # noqa: BLE001 - raised again as AnswerFailed, in the thread that waits
        events.put(_Event(min(asked), error=error))


def _pieces(events: queue.Queue[_Event], stop: threading.Event) -> Iterator[Piece]:
    texts = (Cleaned(), Cleaned())
    left = {0, 1}
    while left and not stop.is_set():
        with suppress(queue.Empty):
            event = events.get(timeout=WAIT_SECONDS)
            if event.error is not None:
                raise AnswerFailed(event.place, str(event.error)) from event.error
            new = texts[event.place].add(event.text)
            if event.ended:
                new += texts[event.place].end(hit_limit=event.hit_limit)
                left.discard(event.place)
            if new or event.ended:
                yield Piece(event.place, new, event.ended)


def open_answerers(config: StudyConfig, directory: Path, settings: Settings) -> LiveAnswerers:
    """The study's systems, their models loading in the background, so that the pages are served at once.

    Raises PPAIError in one line where there are fewer than two systems or one has no `generation`, MissingPackage
    where the extra `live` is not installed.
    """
    if len(config.systems) < 2:
        raise PPAIError("PPAI_LIVE: study.yaml must list two systems or more, each with its generation")
    without = [system.id for system in config.systems if system.generation is None]
    if without:
        raise PPAIError(f"PPAI_LIVE: study.yaml says no generation of {', '.join(map(repr, without))}")
    setups = [setup_of(system, directory) for system in config.systems]
    local = [setup for setup in setups if setup.local]
    if local:
        _check_packages()
    sources: list[Source] = [Local(base, own) for base, own in by_base(local, lambda setup: setup).items()]
    sources += [Remote(setup, settings) for setup in setups if not setup.local]
    found = LiveAnswerers(config.system_ids, sources)
    threading.Thread(target=found.load, name="ppai-loading", daemon=True).start()
    return found


def _check_packages() -> None:
    from importlib.util import find_spec

    for name in NEEDED:
        if find_spec(name) is None:
            raise MissingPackage(name, "live")
