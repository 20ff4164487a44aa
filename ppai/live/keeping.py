"""What the arena writes to the store and reads from it: consents, what was voted on, reports of harm."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ppai.errors import TokenError
from ppai.live.answering import Answerers
from ppai.live.questions import Question
from ppai.live.records import assignment_of, pair_of, prompt_of, responses_of, vote_of
from ppai.live.requests import LiveRequest, Refused
from ppai.schema import Arm, Vote
from ppai.store.base import Given, HarmReport, Work

if TYPE_CHECKING:
    from ppai.ui.desk import Desk

MAX_REPORTS = 200
"""Reports of harm that one rater may send; more are not one person's."""


class Keeping:
    """The store's side of the live questions of one study; each method is one transaction."""

    def __init__(self, desk: Desk, answerers: Answerers) -> None:
        self._desk = desk
        self._answerers = answerers

    def consented(self, rater: str) -> bool:
        with self._desk.store.work(self._desk.name) as work:
            return work.live.consented_at(rater) is not None

    def known(self, rater: str) -> bool:
        """Whether the code is of somebody who has agreed to anything here."""
        with self._desk.store.work(self._desk.name) as work:
            return work.participant(rater) is not None or work.live.consented_at(rater) is not None

    def consent(self, rater: str, now: float) -> None:
        with self._desk.store.work(self._desk.name) as work:
            work.live.consent(rater, now)

    def comparisons(self) -> Mapping[frozenset[str], int]:
        """How many stored questions each two systems have answered; reads the study again where it was replaced."""
        with self._desk.store.work(self._desk.name) as work:
            self._desk.refresh(work.loaded_at)
            return work.live.comparisons()

    def vote(self, question: Question | None, rater: str, asked: LiveRequest, now: datetime) -> dict[str, Any]:
        """Stores a question with both answers and the vote, once for a submission; what the thanks hold.

        `question` is None where it is not in memory any more: then its vote must be stored already. Raises Refused,
        or TokenError.
        """
        assert asked.submission is not None
        with self._desk.store.work(self._desk.name) as work:
            self._desk.refresh(work.loaded_at)
            before = work.vote_by_submission(asked.submission)
            if before is not None:
                of_another = question is not None and before.prompt_id != question.prompt_id
                if before.rater != rater or before.arm is not Arm.LIVE or of_another:
                    raise Refused("bad_request")
            if before is None and question is None:
                raise TokenError("no such question")
            if before is None and question is not None:
                self._check(asked)
                entry = self._given(work, question)
                if entry.status is None and entry.revision == 0:
                    shown = entry.assignment
                    before = vote_of(shown, uuid.uuid4().hex, asked.outcomes, asked.comment, asked.seconds, now)
                    work.add_vote(entry, before, asked.submission)
                else:
                    before = work.last_vote(entry)
            return self._thanks(work, rater, before)

    def _check(self, asked: LiveRequest) -> None:
        config = self._desk.config
        if set(asked.outcomes) - set(config.keys):
            raise Refused("bad_request")
        if set(config.required_keys) - set(asked.outcomes) or not asked.outcomes:
            raise Refused("incomplete")

    def _given(self, work: Work, question: Question) -> Given:
        """The question's assignment; stores it, with the question and both answers, where it is not yet."""
        entry = work.assignment(question.assignment_id)
        if entry is not None:
            return entry
        config = self._desk.config
        if not question.drawn.matchup <= set(config.system_ids):
            raise TokenError("the study has other systems now")
        responses = responses_of(question, self._answerers.settings, config)
        prompt = prompt_of(question, work.live.consented_at(question.rater))
        pair_id = work.live.add(prompt, responses, pair_of(question, config))
        return work.give(pair_id, assignment_of(question))

    def _thanks(self, work: Work, rater: str, vote: Vote | None) -> dict[str, Any]:
        config = self._desk.config
        revealed = None
        if config.reveal and vote is not None:
            labels = {system.id: system.label for system in config.systems}
            revealed = {
                side: labels.get(system, system) for side, system in (("a", vote.system_a), ("b", vote.system_b))
            }
        return {"revealed": revealed, "count": work.live.answered(rater)}

    def thanks(self, question: Question) -> dict[str, Any]:
        """What the thanks hold, of a question that was voted on before."""
        with self._desk.store.work(self._desk.name) as work:
            entry = work.assignment(question.assignment_id)
            return self._thanks(work, question.rater, None if entry is None else work.last_vote(entry))

    def report(self, question: Question, asked: LiveRequest, now: float) -> None:
        """Raises Refused where this rater has reported enough."""
        with self._desk.store.work(self._desk.name) as work:
            self._desk.refresh(work.loaded_at)
            if work.count_reports(question.rater) >= MAX_REPORTS:
                raise Refused("too_many")
            entry = self._given(work, question)
            report = HarmReport(entry.assignment.assignment_id, question.rater, asked.side, asked.text.strip(), now)
            work.add_report(report)
