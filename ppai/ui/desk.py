"""Serves raters: checks every act of a browser, stores it, and answers with the screen that comes next.

A browser holds a rater's code and signed item tokens; all else is read from the store at each act, so that a
restart, a second tab or a lost answer changes nothing.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from ppai.blinding import ItemTokens, new_code, normal_code, rater_hash
from ppai.errors import StoreError, TokenError, TokenExpired, VoteRefused
from ppai.schema import Outcome, ResultsAccess, Vote, VoteStatus
from ppai.settings import Settings
from ppai.store.base import Given, HarmReport, Participant, Store, Work
from ppai.ui import session
from ppai.ui.closing import can_probe, next_probe, preferred, probe_answer
from ppai.ui.content import Content
from ppai.ui.dealing import Dealer
from ppai.ui.requests import ActRequest, error_of
from ppai.ui.session import ItemView, ProbeView, Screen, ThanksView, View

MAX_SECONDS = 6 * 3600.0
MAX_REPORTS = 200
"""Reports of harm that one rater may send; more are not one person's."""

_log = logging.getLogger("ppai")


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
        self._tokens = ItemTokens(store.secret("item-tokens"), settings.token_hours * 3600)
        self._salt = store.secret("raters")
        self._dealer = Dealer(store.secret(f"sides:{study}"), rng or random.SystemRandom())
        self._loaded_at: float | None = None
        self.refresh()
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

    def refresh(self, loaded_at: float | None = None) -> None:
        """Reads the study again where it was replaced since; `loaded_at` is the stored one, if it was read already."""
        loaded_at = self.store.loaded_at(self.name) if loaded_at is None else loaded_at
        if loaded_at != self._loaded_at:
            self.content = Content(self.store.study(self.name), self.store.pair_ids(self.name))
            self.config = self.content.config
            self._loaded_at = loaded_at

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
            return View(error=error_of(error)).payload()
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
            self.refresh(work.loaded_at)
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
                if work.live.consented_at(rater) is not None:
                    return View(screen=Screen.WELCOME, code=normal_code(asked.code or ""), frame=self._frame())
        return View(screen=Screen.WELCOME, frame=self._frame())

    def _consent(self, asked: ActRequest) -> View:
        """Gives a code, save to a visitor who has one of her live questions."""
        with self._work() as work:
            code = self._live_code(work, asked) or new_code()
            participant = work.add_participant(rater_hash(self._salt, code))
            return self._state(work, participant, asked.model_copy(update={"code": code}), framed=True)

    def _live_code(self, work: Work, asked: ActRequest) -> str | None:
        rater = self.rater(asked.code)
        if rater is None or work.live.consented_at(rater) is None or work.participant(rater) is not None:
            return None
        return normal_code(asked.code or "")

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
        return self._answer(asked, VoteStatus.SUBMITTED)

    def _check(self, outcomes: Mapping[str, Outcome]) -> None:
        """Raises VoteRefused where the outcomes do not fit the criteria as they are now."""
        if set(outcomes) - set(self.config.keys):
            raise VoteRefused("bad_request", "an outcome of an unknown criterion")
        if set(self.config.required_keys) - set(outcomes) or not outcomes:
            raise VoteRefused("incomplete", "a required criterion is not answered")

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
            if participant.votes_locked:
                raise VoteRefused("locked", "this rater has finished")
            if status is VoteStatus.SUBMITTED:
                self._check(asked.outcomes)
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
            if participant.votes_locked:
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
            if work.count_reports(participant.rater) >= MAX_REPORTS:
                raise VoteRefused("too_many", "this rater has reported enough")
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
                able = can_probe(entry, self.config, self.content.pairs)
                if able and entry.assignment.assignment_id not in answered:
                    work.add_probe(probe_answer(entry, self.config, asked.guess, self._clock()))
            return self._next_probe(work, participant, asked)

    def _next_probe(self, work: Work, participant: Participant, asked: ActRequest, framed: bool = False) -> View:
        if participant.finished_at is None:
            given = work.given(participant.rater)
            able = [entry for entry in given if can_probe(entry, self.config, self.content.pairs)]
            answers = work.probes(participant.rater)
            entry, of = next_probe(participant.rater, able, answers)
            if entry is not None:
                return View(
                    screen=Screen.PROBE,
                    code=asked.code,
                    frame=self._frame() if framed else None,
                    item=self._item(work, entry),
                    probe=ProbeView(self.config.probe, len(answers) + 1, of),
                )
            work.finish(participant.rater)
        return self._thanks(work, participant, asked, framed)

    def _thanks(self, work: Work, participant: Participant, asked: ActRequest, framed: bool = False) -> View:
        given = work.given(participant.rater)
        access = self.settings.results_access(self.config.results)
        votes = len(session.answered(given))
        return View(
            screen=Screen.THANKS,
            code=asked.code,
            frame=self._frame() if framed else None,
            thanks=ThanksView(
                votes=votes,
                skipped=sum(1 for entry in given if entry.status is VoteStatus.SKIPPED),
                preferred=self._preferred(work, given) if self.config.reveal else None,
                results=access is ResultsAccess.OPEN or (access is ResultsAccess.AFTER_SESSION and votes > 0),
            ),
        )

    def _preferred(self, work: Work, given: Sequence[Given]) -> str | None:
        votes = (work.last_vote(entry) for entry in session.answered(given))
        return preferred((vote for vote in votes if vote is not None), self.config)

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
        """Where the rater stands now; gives her a new pair where that is what comes next.

        Who has made a guess of the blinding probe goes on with the probe, and then to the thanks.
        """
        if participant.votes_locked:
            return self._next_probe(work, participant, asked, framed)
        given = list(work.given(participant.rater))
        known = [one for one in given if one.pair_id in self.content.pairs]
        entry = session.current_open(known)
        screen = Screen.PAIR
        if entry is None and session.sitting_complete(given, participant, self.config.session_pairs):
            screen = Screen.PAUSE
        elif entry is None:
            entry, screen = self._dealer.deal(
                work, participant.rater, known, self.content, self._now(), beyond_overlap=asked.extra
            )
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
