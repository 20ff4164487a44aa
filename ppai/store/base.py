"""The small interface of a store: what the app, the exports and the command line ask of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ppai.schema import Arm, Assignment, Pair, Prompt, Response, Scores, Study, StudyConfig, Verdict, Vote, VoteStatus

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class StudyInfo:
    """A stored study at a glance."""

    name: str
    prompts: int
    systems: int
    pairs: int
    votes: int
    """Vote events, of every revision and status."""
    verdicts: int
    raters: int
    loaded_at: float
    """Seconds since 1970, UTC."""


@dataclass(frozen=True)
class LoadReport:
    """What a load did."""

    name: str
    created: bool
    differences: tuple[str, ...] = ()
    """What differed from the stored study and was replaced, one sentence each."""
    votes_added: int = 0
    verdicts_added: int = 0

    @property
    def unchanged(self) -> bool:
        return not (self.created or self.differences or self.votes_added or self.verdicts_added)


@dataclass(frozen=True)
class Item:
    """What can be given to a rater: a pair in an arm, with its tallies.

    `n_votes` counts the raters who were given it and whose current vote answered it, hidden repeats aside;
    `n_shown` its first showings. Votes of a file that has no assignment for them count for neither.
    """

    pair_id: int
    arm: Arm
    n_votes: int
    n_shown: int


@dataclass(frozen=True)
class Given:
    """One assignment of a rater, with where it stands."""

    assignment: Assignment
    pair_id: int
    order: int
    """0, 1, 2, ... in the order in which the rater was given them."""
    status: VoteStatus | None
    """Of the current vote; None while it is open (a void vote opens it again)."""
    revision: int
    """Of the newest event; 0 before the first."""
    opened_at: float
    answered_at: float | None


@dataclass(frozen=True)
class Participant:
    """A rater's part in one study."""

    rater: str
    consented_at: float
    sittings: int
    finished_at: float | None
    guesses: int = 0
    """How many questions of the blinding probe she has answered."""

    @property
    def votes_locked(self) -> bool:
        """Votes lock with the first guess of the blinding probe: who has guessed is blind no longer."""
        return self.finished_at is not None or self.guesses > 0


@dataclass(frozen=True)
class ProbeAnswer:
    """A rater's guess which side came from the system under test: `a`, `b` or `unsure`."""

    assignment_id: str
    rater: str
    guess: str
    correct: bool | None
    """None for `unsure`."""
    created_at: float


@dataclass(frozen=True)
class HarmReport:
    """A rater's word that a response is harmful."""

    assignment_id: str
    rater: str
    side: str
    text: str
    created_at: float
    prompt_id: str = ""
    systems: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class JudgeRun:
    """A run of judges that is under way, or was when its process died."""

    run_id: str
    seen_at: float | None
    """Its last sign of life, in seconds since 1970; None for a batch, which needs none."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """What a batch needs to be collected on another day."""


@dataclass(frozen=True)
class Claimed:
    """What a run may ask now."""

    granted: frozenset[str]
    """Items that are the run's own until it saves, releases or ends, or gives no sign of life for the lease."""
    stored: Mapping[str, Verdict]
    """Verdicts that the store holds on any of the items, granted or not."""
    in_batches: frozenset[str] = frozenset()
    """Items that a batch is asking, for which it makes no sense to wait."""


class Judging(Protocol):
    """One transaction of a judge's run on one study: all of it is committed, or none."""

    def start(self, run: JudgeRun) -> None: ...
    def beat(self, run_id: str) -> None:
        """Gives a sign of life; a run that was taken for dead and forgotten is alive again, without claims."""
        ...

    def set_record(self, run_id: str, record: Mapping[str, Any]) -> None: ...
    def runs(self) -> Sequence[JudgeRun]: ...
    def end(self, run_id: str) -> None:
        """Drops a run and its claims."""
        ...

    def claim(self, run_id: str, items: Collection[str], *, lease: float) -> Claimed:
        """Takes the items that no other run holds which was seen within `lease` seconds."""
        ...

    def stored(self, items: Collection[str]) -> Mapping[str, Verdict]: ...
    def verdicts(self, judge: str | None = None) -> Sequence[Verdict]:
        """All verdicts of a judge, or of every one."""
        ...

    def save(self, verdicts: Sequence[Verdict]) -> None:
        """Stores verdicts, each in place of that of the same judge, pair, order, arm and sample; drops their claims."""
        ...

    def release(self, items: Collection[str]) -> None: ...


class Live(Protocol):
    """What a transaction does for live questions, which are apart from the study's prompts."""

    def consented_at(self, rater: str) -> float | None:
        """When she agreed to live questions; None where she has not."""
        ...

    def consent(self, rater: str, now: float) -> None: ...
    def add(self, prompt: Prompt, responses: Sequence[Response], pair: Pair) -> int:
        """Stores a question with its answers; the id of its pair, for `Work.give`."""
        ...

    def comparisons(self) -> Mapping[frozenset[str], int]:
        """How many live questions each two systems have answered."""
        ...

    def answered(self, rater: str) -> int: ...


class Work(Protocol):
    """One transaction on one study: all of it is committed, or none."""

    @property
    def loaded_at(self) -> float:
        """When the study was last loaded or replaced."""
        ...

    @property
    def live(self) -> Live: ...

    def participant(self, rater: str) -> Participant | None: ...
    def add_participant(self, rater: str) -> Participant: ...
    def set_sittings(self, rater: str, sittings: int) -> None: ...
    def finish(self, rater: str) -> None: ...
    def items(self) -> Sequence[Item]: ...
    def open_elsewhere(self, rater: str, since: float) -> Mapping[tuple[int, Arm], int]:
        """How many other raters have each item open that was given after `since`."""
        ...

    def given(self, rater: str) -> Sequence[Given]:
        """What a rater was given of the study's pairs; her live questions are not among them."""
        ...

    def assignment(self, assignment_id: str) -> Given | None: ...
    def give(self, pair_id: int, assignment: Assignment) -> Given: ...
    def vote_by_submission(self, submission: str) -> Vote | None: ...
    def add_vote(self, given: Given, vote: Vote, submission: str | None) -> None: ...
    def last_vote(self, given: Given) -> Vote | None: ...
    def add_probe(self, answer: ProbeAnswer) -> None: ...
    def probes(self, rater: str) -> Sequence[ProbeAnswer]: ...
    def count_reports(self, rater: str) -> int: ...
    def add_report(self, report: HarmReport) -> None: ...


class Store(Protocol):
    """A database of studies. Every method raises StoreError where the database cannot do it."""

    def secret(self, purpose: str) -> bytes:
        """32 bytes kept with the store: the same for a purpose at every start."""
        ...

    def load(self, study: Study, *, replace: bool = False) -> LoadReport:
        """Adds a study in one transaction; raises StudyChanged where it differs and `replace` is not set.

        Raters are stored as salted hashes, whatever the files call them.
        """
        ...

    def studies(self) -> Sequence[StudyInfo]: ...
    def study(self, name: str) -> Study:
        """The study without its events; `pairs` in the order of their pair ids, see `pair_ids`."""
        ...

    def live_marker(self, name: str) -> object:
        """What changes when a live question is stored."""
        ...

    def config(self, name: str) -> StudyConfig: ...
    def pair_ids(self, name: str) -> Mapping[int, Pair]: ...
    def work(self, name: str) -> AbstractContextManager[Work]: ...
    def judging(self, name: str) -> AbstractContextManager[Judging]: ...
    def set_scores(self, name: str, scores: Scores) -> None:
        """Stores a scoring in place of that of the same name."""
        ...

    def forget_scores(self, name: str, scoring: str) -> bool:
        """Deletes a scoring; False where there is none of that name."""
        ...

    def scores(self, name: str) -> Sequence[Scores]:
        """The scorings by name."""
        ...

    def scores_marker(self, name: str) -> object:
        """What changes when a scoring is added or takes another's place."""
        ...

    def events(self, name: str) -> Study:
        """The study with every vote, verdict, assignment and scoring, for an export."""
        ...

    def votes_after(self, name: str, seq: int, keys: Sequence[str]) -> tuple[pd.DataFrame, int]:
        """The vote events past `seq` as a vote frame with a `seq` column, and the highest `seq` of all."""
        ...

    def verdicts(self, name: str, keys: Sequence[str]) -> tuple[pd.DataFrame, object]:
        """The verdict frame, and a marker that changes when verdicts are added."""
        ...

    def assignments(self, name: str, since: float = 0.0) -> pd.DataFrame:
        """The assignment log, from `since` (seconds since 1970) on, as an assignment frame with `opened_at`."""
        ...

    def guesses(self, name: str) -> pd.DataFrame:
        """The answers to the blinding probe as a guess frame, in the order in which they came."""
        ...

    def loaded_at(self, name: str) -> float:
        """When the study was last loaded or replaced, in seconds since 1970."""
        ...

    def votes_on(self, name: str, prompt_id: str) -> Study:
        """The votes and verdicts on one prompt, in an otherwise empty study."""
        ...

    def verdict_marker(self, name: str) -> object: ...
    def participant(self, name: str, rater: str) -> Participant | None: ...
    def answered(self, name: str, rater: str) -> int:
        """How many of the study's pairs a rater has answered, hidden repeats included."""
        ...

    def probes(self, name: str) -> Sequence[ProbeAnswer]: ...
    def reports(self, name: str) -> Sequence[HarmReport]: ...
    def participants(self, name: str) -> Sequence[Participant]: ...
    def void(self, name: str, *, vote_id: str | None = None, rater: str | None = None, reason: str) -> int:
        """Appends a void event for a vote, or for all current votes of a rater; returns how many."""
        ...

    def snapshot(self, file: str) -> None:
        """Writes a consistent copy of the database to a new file (SQLite only)."""
        ...

    def close(self) -> None: ...
