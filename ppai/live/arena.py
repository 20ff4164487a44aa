"""Serves visitors' own questions: guards them, has two systems answer at one pace, and stores what was voted on."""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ppai.blinding import ItemTokens, new_code, normal_code
from ppai.errors import PPAIError, StoreError, TokenError
from ppai.live.answering import Answerers, Readiness
from ppai.live.crisis import is_crisis
from ppai.live.crisis import lines as help_lines
from ppai.live.drawing import Matchup, draw, matchups
from ppai.live.floor import Floor
from ppai.live.guards import Rates, length_fault
from ppai.live.keeping import Keeping
from ppai.live.line import Line
from ppai.live.pacing import Pace
from ppai.live.questions import Question, Stage
from ppai.live.requests import LiveRequest, Refused
from ppai.personal import personal_kinds

if TYPE_CHECKING:
    from ppai.ui.desk import Desk

BUSY_SECONDS = 60
FREE_RETRIES = 3
"""Of a question, which no rate counts; a failure is not the visitor's."""

_log = logging.getLogger("ppai")

View = dict[str, Any]


class Arena:
    """The live questions of one served study. Safe for many threads.

    What is on its way is in memory alone: after a restart its token is stale, and nothing of it was stored.
    """

    def __init__(
        self,
        desk: Desk,
        answerers: Answerers,
        *,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        """Raises PPAIError where no two systems that the study compares can answer."""
        self._desk = desk
        self._answerers = answerers
        self._settings = desk.settings
        self._clock = clock
        self._rng = rng or random.SystemRandom()
        self._keeping = Keeping(desk, answerers)
        self._tokens = ItemTokens(desk.store.secret("live-tokens"), self._settings.token_hours * 3600)
        self._rates = Rates(self._settings.live_per_hour, self._settings.live_overall_per_hour)
        line = Line(self._settings.live_at_once, self._settings.live_queue)
        self._floor = Floor(answerers, line, self._settings.live_seconds, clock)
        self._choices()
        self._acts: dict[str, Callable[[LiveRequest], View]] = {
            "open": self._open,
            "consent": self._consent,
            "ask": self._ask,
            "poll": self._poll,
            "retry": self._retry,
            "vote": self._vote,
            "stop": self._discard,
            "discard": self._discard,
            "report": self._report,
        }

    def act(self, request: Any) -> View:
        """Does what a browser asks and answers with a view; one with an `error` leaves the screen as it is."""
        try:
            asked = LiveRequest.model_validate(request)
            handler = self._acts.get(asked.act)
            if handler is None:
                return {"error": "error.bad_request"}
            self._floor.tidy()
            return handler(asked)
        except ValidationError as error:
            long = any(one["type"] in ("string_too_long", "too_long") for one in error.errors())
            return {"error": "error.too_long" if long else "error.bad_request"}
        except Refused as refusal:
            return refusal.view
        except TokenError:
            return {"error": "error.live_stale"}
        except StoreError as error:
            _log.error("a live act was not stored: %s", error)
            return {"error": "error.not_saved"}
        except PPAIError as error:
            _log.error("a live question cannot be answered: %s", error)
            return {"error": "error.live_off"}

    # Coming

    def _open(self, asked: LiveRequest) -> View:
        code = normal_code(asked.code or "")
        rater = self._desk.rater(code)
        consented = rater is not None and self._keeping.consented(rater)
        return self._begin(code, consented) if rater is not None else self._begin(None, False)

    def _begin(self, code: str | None, consented: bool) -> View:
        self._desk.refresh()
        settings = self._settings
        frame = self._desk.content.frame(settings.votes_may_be_lost)
        return {
            "state": "ask" if consented else "welcome",
            "code": code,
            "consented": consented,
            "frame": {
                "questions": [asdict(question) for question in frame.questions],
                "min_chars": settings.live_min_chars,
                "max_chars": settings.live_max_chars,
                "seconds_limit": settings.live_seconds,
                "votes_may_be_lost": frame.votes_may_be_lost,
            },
        }

    def _consent(self, asked: LiveRequest) -> View:
        """Keeps the code of a rater who has one already."""
        code = normal_code(asked.code or "")
        rater = self._desk.rater(code)
        if code is None or rater is None or not self._keeping.known(rater):
            code = new_code()
            rater = self._desk.rater(code)
        assert rater is not None
        self._keeping.consent(rater, self._clock())
        return self._begin(code, True)

    def _rater(self, asked: LiveRequest) -> str:
        rater = self._desk.rater(asked.code)
        if rater is None:
            raise Refused("live_consent")
        return rater

    # Asking

    def _ask(self, asked: LiveRequest) -> View:
        rater, text = self._rater(asked), asked.question.strip()
        if asked.submission is None:
            raise Refused("bad_request")
        settings = self._settings
        if is_crisis(text):
            return {"state": "crisis", "lines": help_lines()}
        fault = length_fault(text, settings.live_min_chars, settings.live_max_chars)
        if fault is not None:
            raise Refused(f"live_{fault}", min=settings.live_min_chars, max=settings.live_max_chars)
        if not self._keeping.consented(rater):
            raise Refused("live_consent")
        found = () if asked.confirmed_personal else personal_kinds(text)
        if found:
            return {"state": "warned", "question": text, "found": list(found)}
        return self._join(rater, text, asked.submission)

    def _choices(self) -> list[Matchup]:
        content = self._desk.content
        found = matchups(content.config, content.pairs.values(), self._answerers.systems)
        if not found:
            raise PPAIError("no two systems that the study compares can answer live questions (PPAI_LIVE)")
        return found

    def _join(self, rater: str, text: str, submission: str) -> View:
        counts = dict(self._keeping.comparisons())
        now = self._clock()
        with self._floor.lock:
            before = self._floor.unfinished(rater)
            for one in before:
                if one.submission == submission:
                    return self._view(one)
                if one.in_flight:
                    raise Refused("live_in_flight")
            self._admit(rater, now)
            for one in before:
                if one.stage is Stage.FAILED:
                    self._floor.forget(one)
            for matchup in self._floor.matchups():
                counts[matchup] = counts.get(matchup, 0) + 1
            name = uuid.uuid4().hex
            drawn = draw(self._floor.sound(self._choices()), counts, self._rng)
            pace = Pace(self._settings.live_words_per_second)
            question = Question(self._tokens.sign(name), rater, text, submission, drawn, pace, now, name)
            self._floor.enqueue(question)
            return self._view(question)

    def _admit(self, rater: str, now: float, *, again: bool = False) -> None:
        """Raises Refused where there is no room: the models cannot be loaded, the queue is full, or a rate is met.

        A question that is asked `again` since a system failed is not counted again.
        """
        if self._answerers.state == Readiness.FAILED:
            raise Refused("live_off")
        if self._floor.full:
            raise Refused("live_busy", wait=BUSY_SECONDS)
        if again:
            return
        met = self._rates.take(rater, now)
        if met is not None:
            raise Refused(f"live_{met[0]}", wait=met[1])

    # On the way

    def _own(self, asked: LiveRequest) -> Question:
        """The visitor's own question that the token names. Raises TokenError."""
        question = self._floor.find(self._tokens.read(asked.token))
        if question is None or question.rater != self._desk.rater(asked.code):
            raise TokenError("no such question")
        return question

    def _view(self, question: Question) -> View:
        now = self._clock()
        return question.payload(now) | self._floor.look_at(question, now)

    def _poll(self, asked: LiveRequest) -> View:
        with self._floor.lock:
            question = self._own(asked)
            view = self._view(question)
        return view | self._keeping.thanks(question) if question.stage is Stage.THANKS else view

    def _retry(self, asked: LiveRequest) -> View:
        """The same systems on the same sides, in the queue again."""
        with self._floor.lock:
            question = self._own(asked)
            if question.stage is Stage.FAILED:
                self._admit(question.rater, self._clock(), again=question.retries < FREE_RETRIES)
                question.retries += 1
                self._floor.enqueue(question)
            return self._view(question)

    def _discard(self, asked: LiveRequest) -> View:
        with self._floor.lock:
            question = self._own(asked)
            if question.stage is not Stage.THANKS:
                self._floor.forget(question)
        return {"state": "ask"}

    # What is kept

    def _vote(self, asked: LiveRequest) -> View:
        if asked.submission is None:
            raise Refused("bad_request")
        rater = self._rater(asked)
        with self._floor.lock:
            question = self._floor.find(self._tokens.read(asked.token))
            if question is not None:
                question = self._own(asked)
                question.advance(self._clock())
                if question.stage not in (Stage.VOTE, Stage.THANKS):
                    raise Refused("bad_request")
        now = datetime.fromtimestamp(self._clock(), UTC)
        view = self._keeping.vote(question, rater, asked, now)
        if question is not None:
            with self._floor.lock:
                question.stage, question.stored = Stage.THANKS, True
        return {"state": Stage.THANKS.value, "token": asked.token} | view

    def _report(self, asked: LiveRequest) -> View:
        """A harmful answer is reported with the question and both answers, which are stored for that."""
        with self._floor.lock:
            question = self._own(asked)
            question.advance(self._clock())
            if question.stage not in (Stage.VOTE, Stage.THANKS):
                raise Refused("bad_request")
        self._keeping.report(question, asked, self._clock())
        with self._floor.lock:
            question.stored = True
        return {"notice": "notice.reported"}
