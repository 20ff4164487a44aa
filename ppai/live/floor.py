"""The questions that are under way: the queue, the threads in which answers are written, and what is forgotten."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from ppai.live.answering import Answerers, AnswerFailed, Readiness
from ppai.live.drawing import Matchup
from ppai.live.line import Line
from ppai.live.questions import KEPT_SECONDS, Failure, Question, Stage

FAILED_SECONDS = 120.0
"""For which a system that failed is left out of the draw."""

_log = logging.getLogger("ppai")


def storable(text: str) -> str:
    """Without what a store or a page cannot hold: NUL goes, a lone surrogate becomes a question mark."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


class Floor:
    """All questions of one arena, in memory alone. Whoever reads or changes them holds `lock`."""

    def __init__(self, answerers: Answerers, line: Line, seconds: float, clock: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self._answerers = answerers
        self._line = line
        self._seconds = seconds
        self._clock = clock
        self._questions: dict[str, Question] = {}
        self._failed_at: dict[str, float] = {}
        """When a system last gave no answer."""

    @property
    def full(self) -> bool:
        return self._line.full

    def find(self, name: str) -> Question | None:
        return self._questions.get(name)

    def unfinished(self, rater: str) -> list[Question]:
        return [one for one in self._questions.values() if one.rater == rater and one.stage is not Stage.THANKS]

    def matchups(self) -> list[Matchup]:
        """Of every question that is not stored yet."""
        return [one.drawn.matchup for one in self._questions.values() if not one.stored]

    def sound(self, choices: Sequence[Matchup]) -> list[Matchup]:
        """Those without a system that failed lately; all where none is without."""
        since = self._clock() - FAILED_SECONDS
        failed = {system for system, at in self._failed_at.items() if at > since}
        return [one for one in choices if not one & failed] or list(choices)

    def enqueue(self, question: Question) -> None:
        now = question.seen_at = self._clock()
        self._questions[question.id] = question
        question.stage = Stage.QUEUED
        self._line.join(question.id, now)
        self._serve(now)

    def look_at(self, question: Question, now: float) -> dict[str, int | bool]:
        """Marks a question as seen; where it waits its place in the queue, and whether it waits for the models."""
        question.seen_at = now
        self._line.seen(question.id, now)
        if question.stage is not Stage.QUEUED:
            return {}
        place = self._line.place(question.id)
        return {"place": place, "ahead": place - 1, "loading": self._answerers.state == Readiness.LOADING}

    def forget(self, question: Question) -> None:
        question.stop.set()
        self._line.leave(question.id)
        self._questions.pop(question.id, None)
        self._serve(self._clock())

    def tidy(self) -> None:
        """Ends what took too long, forgets what nobody looks at, and goes on with the queue."""
        now = self._clock()
        with self.lock:
            for name in self._line.drop_gone(now):
                del self._questions[name]
            for question in list(self._questions.values()):
                if question.overdue(now, self._seconds):
                    _log.warning("a live question was not answered in time")
                    question.fail(Failure.TIMEOUT)
                    self._note_failed(question, question.pace.unwritten)
                    self._line.leave(question.id)
                if now - question.seen_at > KEPT_SECONDS:
                    self.forget(question)
            self._serve(now)

    def _serve(self, now: float) -> None:
        """Begins the answers of whose turn it is, each question in a thread of its own; all wait for the models."""
        if self._answerers.state == Readiness.LOADING:
            return
        for name in self._line.serve():
            question = self._questions[name]
            if self._answerers.state == Readiness.FAILED:
                question.fail(Failure.FAILED)
                self._line.leave(name)
                continue
            stop = question.begin(now)
            threading.Thread(target=self._answer, args=(question, stop), name="ppai-live", daemon=True).start()

    def _answer(self, question: Question, stop: threading.Event) -> None:
        try:
            self._write(question, stop)
        except AnswerFailed as error:
            with self.lock:
                (system,) = self._note_failed(question, [error.place])
            _log.warning("the system %r did not answer a live question: %s", system, error.reason)
        except Exception:  # noqa: BLE001 - whatever a model raises, the visitor may try again
            _log.exception("a live question was not answered")
        finally:
            with self.lock:
                if not stop.is_set():
                    if not question.pace.written:
                        question.fail(Failure.FAILED)
                    self._line.leave(question.id)
                    self._serve(self._clock())

    def _note_failed(self, question: Question, places: Iterable[int]) -> list[str]:
        """The systems at these places, which are not drawn for a while."""
        systems = [(question.drawn.system_a, question.drawn.system_b)[place] for place in places]
        self._failed_at |= dict.fromkeys(systems, self._clock())
        return systems

    def _write(self, question: Question, stop: threading.Event) -> None:
        """Until both answers are complete, or the attempt was ended."""
        drawn = question.drawn
        systems = (drawn.system_a, drawn.system_b)
        for piece in self._answerers.answer(systems, question.text, drawn.seed, stop):
            with self.lock:
                if stop.is_set():
                    return
                text = storable(piece.text)
                question.pace.add(piece.place, text, piece.ended, self._clock())
                if question.pace.written:
                    return
        if not stop.is_set():
            _log.warning("an answer to a live question stopped before its end")
