"""One run over the systems of a study: what is missing, having it written, and the study's files at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from eval.client import Finish
from eval.generating.endpoint import Asked, Asking
from eval.generating.endpoint import write_all as ask_all
from eval.generating.files import Row, StudyFiles
from eval.generating.kept import Kept
from eval.generating.local import write_all as write_locally
from eval.generating.responses import Answer, recorded, standing
from eval.generating.setup import Setup, same_settings
from eval.generating.voted import votes_on
from ppai.errors import PPAIError
from ppai.schema import Prompt

Told = Callable[[], None]
"""Called after each response."""
NAMED = 20
"""Prompts that a message names at most."""
ANEW = "again"
"""Key of a row that is kept until all are there: an --again run made it, and goes on from it."""


@dataclass
class SystemJob:
    """The responses of one system that this run is to see to."""

    setup: Setup
    prompts: Sequence[Prompt]
    kept: Kept
    anew: bool = False
    """Whether what stands there counts for nothing."""
    done: dict[str, dict[str, object]] = field(default_factory=dict)
    """Responses that hold, by prompt: of earlier runs, and then of this one."""
    again: str = ""
    """Which of those that stood there are made again, and why."""

    @property
    def system(self) -> str:
        return self.setup.system

    @property
    def missing(self) -> list[Prompt]:
        return [prompt for prompt in self.prompts if prompt.id not in self.done]

    def keep(self, prompt: Prompt, answer: Answer) -> None:
        row = recorded(self.setup, prompt, answer)
        self.kept.keep(prompt.id, row | ({ANEW: True} if self.anew else {}))
        self.done[prompt.id] = row

    def kept_rows(self) -> dict[str, dict[str, object]]:
        """What an earlier run kept that this one may go on from, as it is written into the study's file."""
        return {
            key: {name: value for name, value in row.items() if name != ANEW}
            for key, row in self.kept.rows.items()
            if row.get(ANEW) or not self.anew
        }

    def replaced(self, there: Mapping[str, Row]) -> set[str]:
        """Of the prompts those whose text that is `there` in the study's file will be another, or made again."""
        wanted = {prompt.id for prompt in self.prompts} & there.keys()
        return {key for key in wanted if key not in self.done or self.done[key]["text"] != there[key].get("text")}

    def forget(self) -> None:
        """Drops what was kept of this run's prompts, now in the study's file or not wanted; what others have stays."""
        own, settings = {prompt.id for prompt in self.prompts}, self.setup.settings()
        others = {
            key: row
            for key, row in self.kept.rows.items()
            if key not in own and same_settings(row.get("sampling"), settings)
        }
        self.kept.forget()
        for key, row in others.items():
            self.kept.keep(key, row)

    def said(self) -> str:
        """What is to be made, in one line."""
        made = f", {len(self.done):,} made already" if self.done else ""
        return f"{self.system}: {len(self.missing):,} responses to make{made}{self.again}"


class Job:
    """All systems of one run. `held` keeps other runs out; `run` and `finish` belong within."""

    def __init__(
        self, files: StudyFiles, setups: Sequence[Setup], prompts: Sequence[Prompt], *, again: bool = False
    ) -> None:
        """Writes nothing. `again` makes all anew, also what another program made or people voted on.

        Raises StudyError where the responses that stand there, or the votes, cannot be read, and PPAIError where the
        responses are another program's, or would be replaced though people voted on them.
        """
        self.files, self._again, self._asked = files, again, Asked()
        self.systems = [SystemJob(setup, prompts, Kept(files.partial(setup.system)), again) for setup in setups]
        for one in self.systems:
            self._look(one)

    def _look(self, one: SystemJob) -> None:
        """Finds what there is of a system's responses."""
        there = self.files.responses(one.system)
        found = standing(one.setup, one.prompts, *([] if self._again else [there]), one.kept_rows())
        if found.foreign and not self._again:
            raise PPAIError(
                f"{self.files.target(one.system)}: holds {found.foreign:,} responses of {one.system!r} that another "
                "program made: --again replaces them"
            )
        one.done = {key: dict(row) for key, row in found.holding.items()}
        votes = votes_on(self.files.directory, one.system, one.replaced(there))
        if self._again:
            one.again = f"; {votes:,} votes were given on the texts that this replaces" if votes else ""
            return
        reasons = ((found.other_settings, "made with other settings"), (found.other_text, "written for another text"))
        told = " and ".join(f"{count:,} {what}" for count, what in reasons if count)
        if votes:
            raise PPAIError(
                f"{self.files.target(one.system)}: {votes:,} votes were given on responses of {one.system!r} that "
                f"would be replaced{f' ({told})' if told else ''}: --again replaces them, and leaves the votes"
            )
        one.again = f"; {told} are made again" if told else ""

    @property
    def total(self) -> int:
        return sum(len(one.prompts) for one in self.systems)

    @property
    def done(self) -> int:
        return sum(len(one.done) for one in self.systems)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises PPAIError where another run is writing one of the systems, or a file cannot be written."""
        with ExitStack() as stack:
            for one in self.systems:
                stack.enter_context(one.kept.held())
                if self._again and not one.kept_rows():
                    one.forget()
                self._look(one)
            yield

    def run(self, asking: Asking, *, batch_size: int | None = None, told: Told = lambda: None) -> Asked:
        """Has everything that is missing written; what came is kept however this ends.

        Raises MissingPackage, PPAIError and JudgeStopped.
        """
        asked = self._asked
        jobs = [(one.setup, one.missing, _then(one.keep, told)) for one in self.systems if one.missing]
        remote = [job for job in jobs if not job[0].local]
        local = [job for job in jobs if job[0].local]
        if remote:
            asyncio.run(ask_all(remote, asking, asked))
        if local:
            write_locally(local, batch_size)
        return asked

    def finish(self) -> list[str]:
        """Writes the files of the systems of which nothing is missing; what is to be said of it, a sentence a line."""
        told = []
        for one in self.systems:
            if one.missing:
                told += _too_long_said(one, self._asked.too_long.get(one.system, []))
                continue
            path, gone = self.files.write(one.system, one.done)
            one.forget()
            left_out = f"; {gone:,} left out, whose prompts are gone" if gone else ""
            told.append(f"{one.system}: {len(one.done):,} responses in {path}{_kinds_said(one.done)}{left_out}")
        return told


def _kinds_said(rows: Mapping[str, Row]) -> str:
    """How many of the responses are none that a model gave as its answer."""
    finishes = [row.get("finish") for row in rows.values()]
    kinds = (
        (sum(not row["text"] for row in rows.values()), "empty"),
        (finishes.count(Finish.CONTENT_FILTER.value), "filtered"),
        (finishes.count(Finish.REFUSAL.value), "refused"),
    )
    return "".join(f", {count:,} of them {what}" for count, what in kinds if count)


def _too_long_said(one: SystemJob, ids: Sequence[str]) -> list[str]:
    """What to do about prompts that keep the system's file from being written."""
    if not ids:
        return []
    many = len(ids) > 1
    named = ", ".join(map(repr, ids[:NAMED])) + (f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else "")
    told = f"{one.system}: prompt{'s' if many else ''} {named} {'do' if many else 'does'} not fit the model's context"
    rest = f"; --ids without {'them' if many else 'it'} writes the others" if len(ids) < len(one.prompts) else ""
    return [told + rest]


def _then(keep: Callable[[Prompt, Answer], None], told: Told) -> Callable[[Prompt, Answer], None]:
    def both(prompt: Prompt, answer: Answer) -> None:
        keep(prompt, answer)
        told()

    return both
