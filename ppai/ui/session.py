"""The rating flow as pure state: which screen a rater is on, and what the browser gets of it. No Gradio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ppai.schema import VoteStatus
from ppai.store.base import Given, Participant

SECONDS_PER_CRITERION = 8
"""For the estimate in the welcome: a pair of seven questions takes about a minute and a half."""
READING_SECONDS = 35


class Screen(StrEnum):
    """Where a rater is."""

    WELCOME = "welcome"
    PAIR = "pair"
    PAUSE = "pause"
    """A sitting is complete: go on, or finish."""
    ENOUGH = "enough"
    """Every pair has the votes it wants; more are welcome."""
    EXHAUSTED = "exhausted"
    """She has rated everything there is."""
    PROBE = "probe"
    THANKS = "thanks"


class SkipReason(StrEnum):
    UNCLEAR = "unclear"
    NOT_MY_TOPIC = "not_my_topic"
    UPSETTING = "upsetting"
    BROKEN = "broken"
    OTHER = "other"


@dataclass(frozen=True)
class Question:
    """A criterion as asked; `question` is None where the interface's own translation of a default stands."""

    key: str
    question: str | None
    required: bool


@dataclass(frozen=True)
class Frame:
    """What stays the same for every rater of a study."""

    questions: tuple[Question, ...]
    """The overall question last."""
    session_pairs: int
    minutes: int
    """Estimated for a sitting, rounded up."""
    description: str | None
    votes_may_be_lost: bool
    skip_reasons: tuple[str, ...] = tuple(SkipReason)


@dataclass(frozen=True)
class Progress:
    sitting_done: int
    sitting_size: int
    today: int
    total: int
    """Pairs answered in all, today's included."""
    can_undo: bool


@dataclass(frozen=True)
class ItemView:
    """A pair on screen: sanitised HTML, a random id and a signed token; nothing that is constant for a system."""

    id: str
    token: str
    title: str
    topic: str
    body: str
    a: str
    b: str
    """HTML of the responses; empty where the system said nothing."""
    choices: dict[str, str] = field(default_factory=dict)
    """Outcomes to start from, after an undo."""
    comment: str = ""


@dataclass(frozen=True)
class ProbeView:
    question: str | None
    """The study's wording, or None for the interface's own."""
    number: int
    """1 for the first."""
    of: int


@dataclass(frozen=True)
class ThanksView:
    votes: int
    skipped: int
    preferred: str | None
    """Name of the system that she preferred, `=` for a draw; None where the study does not reveal it."""
    results: bool
    """Whether she may now see the results."""


@dataclass(frozen=True)
class View:
    """The answer to every act: what to show. A view with an error or a bare notice keeps the screen as it is."""

    screen: Screen | None = None
    code: str | None = None
    """The rater's code, once she has one."""
    frame: Frame | None = None
    progress: Progress | None = None
    item: ItemView | None = None
    probe: ProbeView | None = None
    thanks: ThanksView | None = None
    notice: str | None = None
    """A text key to announce, such as `notice.saved`."""
    error: str | None = None
    """A text key, such as `error.not_saved`: nothing was stored, the choices stay on screen."""
    renew: dict[str, str] | None = None
    """After an expired token: `{id, token}` to send the same choices with."""

    def payload(self) -> dict[str, Any]:
        """Plain JSON for the browser, without what is None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def answered(given: Sequence[Given]) -> list[Given]:
    return [entry for entry in given if entry.status is VoteStatus.SUBMITTED]


def progress(
    given: Sequence[Given], participant: Participant, session_pairs: int, now: float, undoable: bool
) -> Progress:
    """How far a rater is. A day is a UTC day; skipped pairs count for nothing."""
    done = answered(given)
    day = datetime.fromtimestamp(now, UTC).date()
    today = sum(
        1
        for entry in done
        if entry.answered_at is not None and datetime.fromtimestamp(entry.answered_at, UTC).date() == day
    )
    before = (participant.sittings - 1) * session_pairs
    return Progress(
        sitting_done=max(0, len(done) - before),
        sitting_size=session_pairs,
        today=today,
        total=len(done),
        can_undo=undoable,
    )


def sitting_complete(given: Sequence[Given], participant: Participant, session_pairs: int) -> bool:
    return len(answered(given)) >= participant.sittings * session_pairs


def last_answered(given: Sequence[Given]) -> Given | None:
    """The newest pair that was answered or skipped: what Undo takes back."""
    handled = [
        entry
        for entry in given
        if entry.status in (VoteStatus.SUBMITTED, VoteStatus.SKIPPED) and entry.answered_at is not None
    ]
    return max(handled, key=lambda entry: (entry.answered_at, entry.order), default=None)


def current_open(given: Sequence[Given]) -> Given | None:
    """The pair that is open; of two (after an undo) the one that was given first."""
    open_entries = [entry for entry in given if entry.status is None]
    return min(open_entries, key=lambda entry: entry.order, default=None)


def minutes(questions: int, session_pairs: int) -> int:
    seconds = session_pairs * (READING_SECONDS + SECONDS_PER_CRITERION * questions)
    return max(1, -(-seconds // 60))
