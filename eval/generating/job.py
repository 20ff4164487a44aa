"""One run over the systems of a study: what is missing, having it written, and the study's files at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from eval.generating.endpoint import Asked, Asking
from eval.generating.endpoint import write_all as ask_all
from eval.generating.files import StudyFiles
from eval.generating.kept import Kept
from eval.generating.local import write_all as write_locally
from eval.generating.responses import Answer, recorded, standing
from eval.generating.setup import Setup
from ppai.errors import PPAIError
from ppai.schema import Prompt

Told = Callable[[], None]
"""Called after each response."""


@dataclass
class SystemJob:
    """The responses of one system that this run is to see to."""

    setup: Setup
    prompts: Sequence[Prompt]
    kept: Kept
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
        self.kept.keep(prompt.id, row)
        self.done[prompt.id] = row

    def said(self) -> str:
        """What is to be made, in one line."""
        made = f", {len(self.done):,} made already" if self.done else ""
        return f"{self.system}: {len(self.missing):,} responses to make{made}{self.again}"


class Job:
    """All systems of one run. `held` keeps other runs out; `run` and `finish` belong within."""

    def __init__(
        self, files: StudyFiles, setups: Sequence[Setup], prompts: Sequence[Prompt], *, again: bool = False
    ) -> None:
        """Writes nothing. `again` makes all anew, also what another program made.

        Raises StudyError where the responses that stand there cannot be read, and PPAIError where they are another
        program's.
        """
        self.files, self._again = files, again
        self.systems = [SystemJob(setup, prompts, Kept(files.partial(setup.system))) for setup in setups]
        for one in self.systems:
            self._look(one)

    def _look(self, one: SystemJob) -> None:
        """Finds what there is of a system's responses."""
        if self._again:
            return
        target = self.files.target(one.system)
        found = standing(one.setup, one.prompts, self.files.responses(one.system), one.kept.rows)
        if found.foreign:
            raise PPAIError(
                f"{target}: holds {found.foreign:,} responses of {one.system!r} that another program made: "
                "--again replaces them"
            )
        one.done = {key: dict(row) for key, row in found.holding.items()}
        reasons = ((found.other_settings, "made with other settings"), (found.other_text, "written for another text"))
        told = [f"{count:,} {what}" for count, what in reasons if count]
        one.again = f"; {' and '.join(told)} are made again" if told else ""

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
                if self._again:
                    one.kept.forget()
                self._look(one)
            yield

    def run(self, asking: Asking, *, batch_size: int | None = None, told: Told = lambda: None) -> Asked:
        """Has everything that is missing written; what came is kept however this ends.

        Raises MissingPackage, PPAIError and JudgeStopped.
        """
        asked = Asked()
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
                continue
            path, gone = self.files.write(one.system, one.done)
            one.kept.forget()
            left_out = f"; {gone:,} left out, whose prompts are gone" if gone else ""
            empty = sum(not row["text"] for row in one.done.values())
            without_text = f", {empty:,} of them empty" if empty else ""
            told.append(f"{one.system}: {len(one.done):,} responses in {path}{without_text}{left_out}")
        return told


def _then(keep: Callable[[Prompt, Answer], None], told: Told) -> Callable[[Prompt, Answer], None]:
    def both(prompt: Prompt, answer: Answer) -> None:
        keep(prompt, answer)
        told()

    return both
