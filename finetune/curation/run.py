"""A curation from its dump files to its output: stage by stage, each kept, and none done twice."""

from __future__ import annotations

import gc
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finetune.curation import lock
from finetune.curation.card import data_card
from finetune.curation.dump import ALLOWED_BAD, Loaded, find_files, load_file, names_of
from finetune.curation.engine import DUCKDB, MEMORY, Engine, connect
from finetune.curation.funnel import Step, refuse_nothing
from finetune.curation.histograms import Histograms
from finetune.curation.lock import locked
from finetune.curation.output import MARK, PREFERENCE_PAIRS, Output
from finetune.curation.pairing import CHANGES, Paired, Pairing
from finetune.curation.recipe import Curation
from finetune.curation.records import COMMENTS, POSTS, Kind
from finetune.curation.reporting import Reporting
from finetune.curation.runners_up import RunnersUp, runners_up
from finetune.curation.selection import Selection
from finetune.curation.split import Division, divide, steps_of_division
from finetune.curation.tokens import Count, load_counter, tokenizer_note
from finetune.curation.whole import write_file
from finetune.curation.writing import Names, Writing
from ppai.errors import PPAIError

if TYPE_CHECKING:
    import pyarrow as pa

STAGES = "stages"

_RULES = (
    "self_posts",
    "question",
    "comments_above",
    "exclude_flairs",
    "min_score",
    "min_characters",
    "bots",
    "skip_moderators",
    "skip_askers",
    "recheck",
    "runners_up",
    *CHANGES,
)
"""Options on which stage two depends, with whether any posts are set aside."""


@dataclass(frozen=True)
class Wanted:
    """What a curation is to read, and where it is to write."""

    posts: tuple[str, ...]
    """Names and globs of files."""
    comments: tuple[str, ...]
    out: Path
    recipe: Curation
    tests: Mapping[str, str]
    """Test prompts that no post may repeat, by id."""
    engine: str = DUCKDB
    memory: str = MEMORY
    threads: int | None = None
    allow_bad: float = ALLOWED_BAD


@dataclass(frozen=True)
class Curated:
    """What came out."""

    steps: tuple[Step, ...]
    sizes: Mapping[str, int]
    """Rows of each file."""
    notes: tuple[str, ...]
    bad: tuple[str, ...]
    """Bad lines that were skipped, as many as are quoted."""
    bad_count: int


def curate(wanted: Wanted, reporting: Reporting) -> Curated:
    """Runs all stages that an earlier run has not left in `out`, and writes the output.

    Raises PPAIError, with nothing but stages changed, where an input is wrong.
    """
    files = {kind: find_files(patterns) for kind, patterns in ((POSTS, wanted.posts), (COMMENTS, wanted.comments))}
    count = load_counter(wanted.recipe.tokenizer)
    stages = wanted.out / STAGES
    _make(stages)
    with _uncollected(), locked(stages, f"{wanted.out}: another run is writing there"), ThreadPoolExecutor(1) as pool:
        connecting = pool.submit(connect, wanted.engine, stages, memory=wanted.memory, threads=wanted.threads)
        if wanted.engine != DUCKDB:
            connecting.result()  # which sends standard error elsewhere for a while
        loaded = _load(wanted, files, stages, connecting, reporting)
        return _Run(wanted, stages, loaded, connecting.result(), count, reporting).run()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Rows hold no cycles; looking for some among all that was imported, again and again, takes 2% of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load(
    wanted: Wanted, files: Mapping[Kind, Sequence[Path]], stages: Path, connecting: Future[Engine], reporting: Reporting
) -> dict[Kind, list[Loaded]]:
    """Stage one, while the engine starts; where it does not, that is said now and not at the end."""
    names = names_of(path for paths in files.values() for path in paths)
    total = sum(path.stat().st_size for paths in files.values() for path in paths)
    with reporting.bar("reading", total, "B") as advance:

        def on(count: int) -> None:
            if connecting.done():
                connecting.result()
            advance(count)

        return {
            kind: [load_file(path, kind, stages, on, wanted.allow_bad, names[path]) for path in paths]
            for kind, paths in files.items()
        }


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PPAIError(f"{folder}: cannot be made: {error.strerror or error}") from error


class _Run:
    """What follows stage one."""

    def __init__(
        self,
        wanted: Wanted,
        stages: Path,
        loaded: Mapping[Kind, Sequence[Loaded]],
        engine: Engine,
        count: Count | None,
        reporting: Reporting,
    ) -> None:
        self.wanted, self.recipe, self.count, self.reporting = wanted, wanted.recipe, count, reporting
        self.loaded, self.engine = loaded, engine
        options = {name: getattr(self.recipe, name) for name in _RULES}
        keys = [[one.key for one in loaded[kind]] for kind in (POSTS, COMMENTS)]
        what = (keys, sorted(options.items()), self.recipe.preference_share > 0)
        self.folder = stages / f"rules-{hashlib.sha256(repr(what).encode()).hexdigest()[:16]}"
        self.comments = self.engine.read_files([one.parquet for one in loaded[COMMENTS]])

    def run(self) -> Curated:
        pairing = Pairing(self.recipe, self.engine, self.folder, self.reporting.note)
        paired = self._paired(pairing)
        refuse_nothing(paired.steps)
        selection = Selection(paired.pairs, paired.steps[-1].after, self.recipe, self.reporting)
        selection.run(self.count, self.wanted.tests)
        before = [*self._reading_steps(), *paired.steps, *selection.steps]
        refuse_nothing(before)
        division = divide(selection.groups, self.recipe)
        others = self._others(pairing, paired, selection.ids.take(division.preference))
        writing = Writing(self.recipe, self.count, division, others, self._names)
        with Output(self.wanted.out, writing.schemas) as output:
            histograms = writing.run(paired.pairs, selection, output, self.reporting)
            steps = [*before, *steps_of_division(division)]
            if others is not None:
                says = f"runners-up of set-aside posts, lower in score by at least {self.recipe.preference_margin}"
                steps.append(Step(PREFERENCE_PAIRS, "comments", says, others.count, output.sizes[PREFERENCE_PAIRS]))
            curated = self._curated(steps, output.sizes, division)
            self._describe(output, curated, histograms)
        self._forget_older()
        return curated

    @property
    def _names(self) -> Names:
        posts, comments = ([one.name for one in self.loaded[kind]] for kind in (POSTS, COMMENTS))
        return Names(posts, comments)

    def _paired(self, pairing: Pairing) -> Paired:
        """Of this run, or of an earlier one with the same files and rules."""
        record = self.folder / "funnel.json"
        if pairing.done and (steps := _read_steps(record)):
            return pairing.read(steps)
        _make(self.folder)
        posts = self.engine.read_files([one.parquet for one in self.loaded[POSTS]])
        paired = pairing.run(posts, self.comments, sum(one.rows for one in self.loaded[COMMENTS]))
        write_file(record, json.dumps([asdict(step) for step in paired.steps]).encode())
        return paired

    def _others(self, pairing: Pairing, paired: Paired, posts: pa.Array) -> RunnersUp | None:
        if not self.recipe.preference_share or not self.recipe.runners_up:
            return None
        self.reporting.note("runners-up of the posts set aside")
        return runners_up(pairing, paired, self.comments, posts)

    def _reading_steps(self) -> list[Step]:
        steps = []
        for kind, files in self.loaded.items():
            rows, bad = sum(one.rows for one in files), sum(one.bad for one in files)
            says = f"{kind.name} in {len(files)} file{'s' * (len(files) != 1)}, without bad lines"
            steps.append(Step(f"read_{kind.name}", "lines", says, rows + bad, rows))
        return steps

    def _curated(self, steps: Sequence[Step], sizes: Mapping[str, int], division: Division) -> Curated:
        every = [one for files in self.loaded.values() for one in files]
        notes = list(division.notes)
        if told_tokenizer := tokenizer_note(self.recipe.tokenizer):
            notes.append(told_tokenizer)
        if self.recipe.near_tests and not self.wanted.tests:
            notes.append("there is no study whose test prompts could be kept out: --study DIR")
        quoted = tuple(line for one in every for line in one.bad_lines)
        return Curated(tuple(steps), sizes, tuple(notes), quoted, sum(one.bad for one in every))

    def _describe(self, output: Output, curated: Curated, histograms: Histograms) -> None:
        every = [one for files in self.loaded.values() for one in files]
        funnel = {
            "files": [{"name": one.name, "lines": one.lines, "rows": one.rows, "bad": one.bad} for one in every],
            "funnel": [asdict(step) for step in curated.steps],
            "sizes": dict(curated.sizes),
            "notes": curated.notes,
        }
        bad = (curated.bad_count, curated.bad)
        output.write("recipe.yaml", self.recipe.as_yaml())
        card = data_card(curated.steps, curated.sizes, curated.notes, bad, histograms, self.recipe)
        output.write("data_card.html", card)
        output.write(MARK, json.dumps(funnel, ensure_ascii=False, indent=2) + "\n")

    def _forget_older(self) -> None:
        """Stages of other files and rules: they can be made again, and are as large as the dump."""
        needed = {self.folder, self.folder.with_name(lock.NAME)}
        for files in self.loaded.values():
            for one in files:
                needed |= {Path(one.parquet), Path(one.parquet).with_suffix(".json")}
        for path in self.folder.parent.iterdir():
            if path not in needed:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _read_steps(record: Path) -> list[Step]:
    """None where there is no record, or it is damaged."""
    try:
        return [Step(**row) for row in json.loads(record.read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []
