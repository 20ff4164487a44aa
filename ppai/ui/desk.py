"""Serves raters: checks every act of a browser, stores it, and answers with the screen that comes next.

A browser holds a rater's code and signed item tokens; all else is read from the store at each act, so that a
restart, a second tab or a lost answer changes nothing.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ppai.assign import OPEN_SECONDS, next_item
from ppai.blinding import ItemTokens, new_code, normal_code, rater_hash, sides
from ppai.errors import StoreError, TokenError, TokenExpired, VoteRefused
from ppai.schema import Assignment, Outcome, ResultsAccess, Vote, VoteStatus
from ppai.settings import Settings
from ppai.store.base import Given, HarmReport, Participant, ProbeAnswer, Store, Work
from ppai.ui import session
from ppai.ui.content import Content
from ppai.ui.session import ItemView, ProbeView, Screen, SkipReason, ThanksView, View

PROBES = 3
"""Over how many of her pairs a rater is asked for her guess."""
MAX_SECONDS = 6 * 3600.0
MAX_REPORTS = 200
"""Reports of harm that are stored for one rater; more are not one person's."""

_log = logging.getLogger("ppai")

Written = Annotated[str, Field(max_length=2000), AfterValidator(lambda text: text.replace("\0", ""))]
"""What a rater types; PostgreSQL keeps no NUL."""


class ActRequest(BaseModel):
    """What a browser may send; anything longer or of another form is refused."""

    model_config = ConfigDict(extra="ignore")

    act: str
    code: Annotated[str, Field(max_length=40)] | None = None
    typed: Annotated[str, Field(max_length=100)] = ""
    token: Annotated[str, Field(max_length=400)] = ""
    submission: Annotated[str, Field(min_length=8, max_length=100, pattern=r"^[\w.:-]+$")] | None = None
    outcomes: Annotated[dict[str, Outcome], Field(max_length=100)] = {}
    comment: Written = ""
    reason: SkipReason | None = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    extra: bool = False
    side: Literal["a", "b", "both"] = "both"
    text: Written = ""
    guess: Literal["a", "b", "unsure"] | None = None


class Desk:
    """The rating service of one study."""

    def __init__(
        self,
        store: Store,
        study: str,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self.store = store
        self.name = study
        self.settings = settings
        self._clock = clock
        self._rng = rng or random.SystemRandom()
        self._tokens = ItemTokens(store.secret("item-tokens"), settings.token_hours * 3600)
        self._salt = store.secret("raters")
        self._sides_key = store.secret(f"sides:{study}")
        with store.work(study) as work:
            self._read_content(work)
        self._acts: dict[str, Callable[[ActRequest], View]] = {
            "consent": self._consent,
            "resume": self._resume,
            "show": self._show,
            "submit": self._submit,
            "skip": self._skip,
            "undo": self._undo,
            "report": self._report,
            "go_on": self._go_on,
            "more": self._show,
            "finish": self._finish,
            "probe": self._probe,
        }

    def _read_content(self, work: Work) -> None:
        """Reads what raters are shown, which cannot change while `work` is open."""
        self.content = Content(self.store.study(self.name), self.store.pair_ids(self.name))
        self.config = self.content.config
        self._loaded_at = work.loaded_at

    def rater(self, code: str | None) -> str | None:
        """The stored id behind a code; None where it cannot be a code."""
        normal = normal_code(code or "")
        return None if normal is None else rater_hash(self._salt, normal)

    def open(self, code: str | None) -> dict[str, Any]:
        """The first view of a page load: the welcome, or where the rater of `code` left off."""
        return self.act({"act": "show", "code": code if isinstance(code, str) else None})

    def act(self, request: Any) -> dict[str, Any]:
        """Does what a browser asks and answers with a View's payload, which says what was wrong with it."""
        try:
            asked = ActRequest.model_validate(request)
            handler = self._acts.get(asked.act)
            if handler is None:
                return View(error="error.bad_request").payload()
            return handler(asked).payload()
        except ValidationError as error:
            return View(error=_error_of(error)).payload()
        except TokenExpired as error:
            renew = {"id": error.item, "token": self._tokens.sign(error.item)}
            return View(error="error.expired", renew=renew).payload()
        except TokenError:
            return View(error="error.token").payload()
        except VoteRefused as error:
            return View(error=f"error.{error.code}").payload()
        except StoreError as error:
            _log.error("an act was not stored: %s", error)
            return View(error="error.not_saved").payload()

    @contextmanager
    def _work(self) -> Iterator[Work]:
        """A transaction, on the study as it is stored now: it may be replaced while it is served."""
        with self.store.work(self.name) as work:
            if work.loaded_at != self._loaded_at:
                self._read_content(work)
            yield work

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    # Coming and going

    def _show(self, asked: ActRequest) -> View:
        rater = self.rater(asked.code)
        if rater is not None:
            with self._work() as work:
                participant = work.participant(rater)
                if participant is not None:
                    return self._state(work, participant, asked, framed=True)
        return View(screen=Screen.WELCOME, frame=self._frame())

    def _consent(self, asked: ActRequest) -> View:
        code = new_code()
        with self._work() as work:
            participant = work.add_participant(rater_hash(self._salt, code))
            return self._state(work, participant, asked.model_copy(update={"code": code}), framed=True)

    def _resume(self, asked: ActRequest) -> View:
        code = normal_code(asked.typed)
        if code is None:
            raise VoteRefused("code_unknown", "no such code")
        with self._work() as work:
            participant = work.participant(rater_hash(self._salt, code))
            if participant is None:
                raise VoteRefused("code_unknown", "no such code")
            return self._state(work, participant, asked.model_copy(update={"code": code}), framed=True)

    def _frame(self) -> session.Frame:
        return self.content.frame(self.settings.votes_may_be_lost)

    def _participant(self, work: Work, asked: ActRequest) -> Participant:
        rater = self.rater(asked.code)
        participant = None if rater is None else work.participant(rater)
        if participant is None:
            raise VoteRefused("code_unknown", "no such rater")
        return participant

    # Voting

    def _entry(self, work: Work, asked: ActRequest, participant: Participant) -> Given:
        """The rater's own assignment that the token names."""
        entry = work.assignment(self._tokens.read(asked.token))
        if entry is None or entry.assignment.rater != participant.rater:
            raise TokenError("this token is another rater's")
        return entry

    def _submit(self, asked: ActRequest) -> View:
        if set(asked.outcomes) - set(self.config.keys):
            raise VoteRefused("bad_request", "an outcome of an unknown criterion")
        if set(self.config.required_keys) - set(asked.outcomes) or not asked.outcomes:
            raise VoteRefused("incomplete", "a required criterion is not answered")
        return self._answer(asked, VoteStatus.SUBMITTED)

    def _skip(self, asked: ActRequest) -> View:
        if asked.reason is None:
            raise VoteRefused("reason", "a skip needs its reason")
        return self._answer(asked.model_copy(update={"outcomes": {}}), VoteStatus.SKIPPED)

    def _answer(self, asked: ActRequest, status: VoteStatus) -> View:
        """Appends a vote or a skip, once for a submission id and once for an open assignment."""
        if asked.submission is None:
            raise VoteRefused("bad_request", "no submission id")
        with self._work() as work:
            participant = self._participant(work, asked)
            entry = self._entry(work, asked, participant)
            notice = "notice.skipped" if status is VoteStatus.SKIPPED else "notice.saved"
            before = work.vote_by_submission(asked.submission)
            if before is not None:
                if not _is_of(before, entry):
                    raise VoteRefused("bad_request", "this submission id was used for another vote")
                return self._state(work, participant, asked, notice=notice)
            if entry.status is not None:
                return self._state(work, participant, asked, notice="notice.already_saved")
            if participant.finished_at is not None:
                raise VoteRefused("locked", "this rater has finished")
            work.add_vote(entry, self._event(entry, asked, status), asked.submission)
            return self._state(work, participant, asked, notice=notice)

    def _event(self, entry: Given, asked: ActRequest, status: VoteStatus) -> Vote:
        shown = entry.assignment
        seconds = asked.seconds if status is VoteStatus.SUBMITTED else None
        return Vote(
            vote_id=uuid.uuid4().hex,
            prompt_id=shown.prompt_id,
            system_a=shown.system_a,
            system_b=shown.system_b,
            rater=shown.rater,
            outcomes=asked.outcomes if status is VoteStatus.SUBMITTED else {},
            arm=shown.arm,
            repeat=shown.repeat,
            revision=entry.revision + 1,
            status=status,
            reason=asked.reason.value if status is VoteStatus.SKIPPED and asked.reason else None,
            comment=asked.comment.strip() or None if status is not VoteStatus.VOID else None,
            seconds=None if seconds is None else round(min(seconds, MAX_SECONDS), 1),
            created_at=self._now(),
        )

    def _undo(self, asked: ActRequest) -> View:
        if asked.submission is None:
            raise VoteRefused("bad_request", "no submission id")
        with self._work() as work:
            participant = self._participant(work, asked)
            if participant.finished_at is not None:
                raise VoteRefused("locked", "this rater has finished")
            before = work.vote_by_submission(asked.submission)
            if before is not None and (before.rater != participant.rater or before.status is not VoteStatus.VOID):
                raise VoteRefused("bad_request", "this submission id was used for a vote")
            if before is None:
                entry = session.last_answered(work.given(participant.rater))
                if entry is None:
                    raise VoteRefused("nothing_to_undo", "nothing to undo")
                work.add_vote(entry, self._event(entry, asked, VoteStatus.VOID), asked.submission)
            return self._state(work, participant, asked, notice="notice.undone")

    def _report(self, asked: ActRequest) -> View:
        with self._work() as work:
            participant = self._participant(work, asked)
            entry = self._entry(work, asked, participant)
            if work.count_reports(participant.rater) < MAX_REPORTS:
                work.add_report(
                    HarmReport(
                        assignment_id=entry.assignment.assignment_id,
                        rater=participant.rater,
                        side=asked.side,
                        text=asked.text.strip(),
                        created_at=self._clock(),
                    )
                )
        return View(notice="notice.reported")

    # The end of a sitting and of a session

    def _go_on(self, asked: ActRequest) -> View:
        with self._work() as work:
            participant = self._participant(work, asked)
            given = work.given(participant.rater)
            if session.sitting_complete(given, participant, self.config.session_pairs):
                work.set_sittings(participant.rater, participant.sittings + 1)
            return self._state(work, self._participant(work, asked), asked)

    def _finish(self, asked: ActRequest) -> View:
        with self._work() as work:
            return self._next_probe(work, self._participant(work, asked), asked)

    def _probe(self, asked: ActRequest) -> View:
        if asked.guess is None:
            raise VoteRefused("bad_request", "no guess")
        with self._work() as work:
            participant = self._participant(work, asked)
            if participant.finished_at is None:
                entry = self._entry(work, asked, participant)
                answered = {answer.assignment_id for answer in work.probes(participant.rater)}
                if entry.assignment.assignment_id not in answered and self._can_probe(entry):
                    work.add_probe(self._guess(entry, participant, asked.guess))
            return self._next_probe(work, participant, asked)

    def _guess(self, entry: Given, participant: Participant, guess: str) -> ProbeAnswer:
        shown = entry.assignment
        named = {"a": shown.system_a, "b": shown.system_b}.get(guess)
        correct = None if named is None else named != self.config.reference_id
        return ProbeAnswer(shown.assignment_id, participant.rater, guess, correct, self._clock())

    def _can_probe(self, entry: Given) -> bool:
        """Whether one side, and one side only, is the reference."""
        shown = entry.assignment
        systems = {shown.system_a, shown.system_b}
        answered = entry.status is VoteStatus.SUBMITTED and shown.repeat == 0
        return answered and self.config.reference_id in systems and entry.pair_id in self.content.pairs

    def _next_probe(self, work: Work, participant: Participant, asked: ActRequest) -> View:
        if participant.finished_at is None:
            answered = {answer.assignment_id for answer in work.probes(participant.rater)}
            able = [entry for entry in work.given(participant.rater) if self._can_probe(entry)]
            left = [entry for entry in able if entry.assignment.assignment_id not in answered]
            number = len(answered) + 1
            if left and number <= PROBES:
                # drawn from what is constant, so that a reload asks about the same pair
                entry = random.Random(f"{participant.rater}:{number}").choice(left)
                view = ProbeView(self.config.probe, number, min(PROBES, len(answered) + len(left)))
                return View(screen=Screen.PROBE, code=asked.code, item=self._item(work, entry), probe=view)
            work.finish(participant.rater)
        return self._thanks(work, participant, asked)

    def _thanks(self, work: Work, participant: Participant, asked: ActRequest, framed: bool = False) -> View:
        given = work.given(participant.rater)
        access = self.settings.results_access(self.config.results)
        return View(
            screen=Screen.THANKS,
            code=asked.code,
            frame=self._frame() if framed else None,
            thanks=ThanksView(
                votes=len(session.answered(given)),
                skipped=sum(1 for entry in given if entry.status is VoteStatus.SKIPPED),
                preferred=self._preferred(work, given) if self.config.reveal else None,
                results=access is not ResultsAccess.ADMIN,
            ),
        )

    def _preferred(self, work: Work, given: list[Given] | Any) -> str | None:
        """The system that won most of the rater's overall choices, `=` where two did."""
        wins: dict[str, int] = {}
        for entry in session.answered(given):
            vote = work.last_vote(entry)
            outcome = None if vote is None else vote.outcomes.get(self.config.overall_key)
            if vote is not None and outcome in (Outcome.A, Outcome.B) and vote.repeat == 0:
                system = vote.system_a if outcome is Outcome.A else vote.system_b
                wins[system] = wins.get(system, 0) + 1
        if not wins:
            return None
        best = [system for system, count in wins.items() if count == max(wins.values())]
        labels = {system.id: system.label for system in self.config.systems}
        return labels[best[0]] if len(best) == 1 else "="

    # What comes next

    def _state(
        self,
        work: Work,
        participant: Participant,
        asked: ActRequest,
        *,
        notice: str | None = None,
        framed: bool = False,
    ) -> View:
        """Where the rater stands now; gives her a new pair where that is what comes next."""
        if participant.finished_at is not None:
            return self._thanks(work, participant, asked, framed)
        given = list(work.given(participant.rater))
        known = [one for one in given if one.pair_id in self.content.pairs]
        entry = session.current_open(known)
        screen = Screen.PAIR
        if entry is None and session.sitting_complete(given, participant, self.config.session_pairs):
            screen = Screen.PAUSE
        elif entry is None:
            entry, screen = self._draw(work, participant, known, asked.extra)
        return View(
            screen=screen,
            code=asked.code,
            frame=self._frame() if framed else None,
            progress=session.progress(
                given,
                participant,
                self.config.session_pairs,
                self._clock(),
                undoable=session.last_answered(given) is not None,
            ),
            item=None if entry is None else self._item(work, entry),
            notice=notice,
        )

    def _draw(
        self, work: Work, participant: Participant, given: list[Given], extra: bool
    ) -> tuple[Given | None, Screen]:
        items = work.items()
        elsewhere = work.open_elsewhere(participant.rater, self._clock() - OPEN_SECONDS)
        overlap = self.config.overlap
        draw = next_item(items, elsewhere, given, overlap, self._rng, beyond_overlap=extra)
        if draw is None:
            more = next_item(items, elsewhere, given, overlap, self._rng, beyond_overlap=True)
            return None, Screen.EXHAUSTED if more is None else Screen.ENOUGH
        pair = self.content.pairs[draw.pair_id]
        if draw.repeat:
            first = next(
                one.assignment
                for one in given
                if one.pair_id == draw.pair_id and one.assignment.arm is draw.arm and not one.assignment.repeat
            )
            system_a, system_b = first.system_b, first.system_a
        else:
            system_a, system_b = sides(self._sides_key, pair, draw.arm, draw.showing)
        assignment = Assignment(
            assignment_id=uuid.uuid4().hex,
            prompt_id=pair.prompt_id,
            system_a=system_a,
            system_b=system_b,
            rater=participant.rater,
            arm=draw.arm,
            repeat=draw.repeat,
            draw=draw.rule,
            created_at=self._now(),
        )
        return work.give(draw.pair_id, assignment), Screen.PAIR

    def _item(self, work: Work, entry: Given) -> ItemView:
        shown = entry.assignment
        before = work.last_vote(entry) if entry.revision and entry.status is None else None
        return ItemView(
            id=shown.assignment_id,
            token=self._tokens.sign(shown.assignment_id),
            **self.content.post(shown.prompt_id),
            **self.content.responses(shown),
            choices={} if before is None else {key: value.value for key, value in before.outcomes.items()},
            comment=(before.comment or "") if before is not None else "",
        )


def _is_of(vote: Vote, entry: Given) -> bool:
    shown = entry.assignment
    return all(
        getattr(vote, name) == getattr(shown, name)
        for name in ("rater", "prompt_id", "system_a", "system_b", "arm", "repeat")
    )


def _error_of(error: ValidationError) -> str:
    too_long = any(one["type"] in ("string_too_long", "dict_too_long", "too_long") for one in error.errors())
    return "error.too_long" if too_long else "error.bad_request"
