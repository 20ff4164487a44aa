"""A curation from its dump files to its output: stage by stage, each kept, and none done twice."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from finetune.curation.card import data_card
from finetune.curation.dump import ALLOWED_BAD, Loaded, find_files, load_file
from finetune.curation.engine import DUCKDB, MEMORY, connect
from finetune.curation.funnel import Step
from finetune.curation.histograms import Histograms
from finetune.curation.pairing import CHANGES, Paired, Pairing
from finetune.curation.recipe import Curation
from finetune.curation.records import COMMENTS, POSTS, Kind
from finetune.curation.reporting import Reporting
from finetune.curation.runners_up import runners_up
from finetune.curation.selection import Selection
from finetune.curation.split import Division, divide, steps_of_division
from finetune.curation.tokens import Count, load_counter
from finetune.curation.writing import PREFERENCE_PAIRS, Others, Writing
from ppai.errors import PPAIError
from ppai.studyfiles.whole_files import write_whole

STAGES = "stages"

_RULES = (
    "self_posts",
    "question",
    "comments_above",
    "exclude_flairs",
    "min_score",
    "min_characters",
    "bots",
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
    total = sum(path.stat().st_size for paths in files.values() for path in paths)
    with reporting.bar("reading", total, "B") as advance:
        loaded = {
            kind: [load_file(path, kind, stages, advance, wanted.allow_bad) for path in paths]
            for kind, paths in files.items()
        }
    return _Run(wanted, stages, loaded, count, reporting).run()


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
        count: Count | None,
        reporting: Reporting,
    ) -> None:
        self.wanted, self.recipe, self.count, self.reporting = wanted, wanted.recipe, count, reporting
        self.loaded = loaded
        options = {name: getattr(self.recipe, name) for name in _RULES}
        keys = [[one.key for one in loaded[kind]] for kind in (POSTS, COMMENTS)]
        what = (keys, sorted(options.items()), self.recipe.preference_share > 0)
        self.folder = stages / f"rules-{hashlib.sha256(repr(what).encode()).hexdigest()[:16]}"
        self.pairs = self.folder / "pairs.parquet"
        self.engine = connect(wanted.engine, stages, memory=wanted.memory, threads=wanted.threads)
        self.comments = self.engine.read([one.parquet for one in loaded[COMMENTS]])

    def run(self) -> Curated:
        pairing = Pairing(self.recipe, self.engine, self.folder, self.reporting.note)
        paired = self._paired(pairing)
        selection = Selection(self.pairs, paired.steps[-1].after, self.recipe, self.reporting)
        selection.run(self.count, self.wanted.tests)
        division = divide(selection.groups, self.recipe)
        others = self._others(pairing, paired, [selection.ids[row] for row in division.preference])
        writing = Writing(self.recipe, self.count, division, others)
        sizes, histograms = writing.run(self.pairs, selection, self.wanted.out, self.reporting)
        steps = [*self._reading_steps(), *paired.steps, *selection.steps, *steps_of_division(division)]
        if others is not None:
            says = f"runners-up of set-aside posts, lower in score by at least {self.recipe.preference_margin}"
            steps.append(
                Step(PREFERENCE_PAIRS, "comments", says, sum(map(len, others.values())), sizes[PREFERENCE_PAIRS])
            )
        return self._finish(steps, sizes, histograms, division)

    def _paired(self, pairing: Pairing) -> Paired:
        """Of this run, or of an earlier one with the same files and rules."""
        record = self.folder / "funnel.json"
        if record.exists():
            return pairing.read([Step(**row) for row in json.loads(record.read_text("utf-8"))])
        _make(self.folder)
        posts = self.engine.read([one.parquet for one in self.loaded[POSTS]])
        paired = pairing.run(posts, self.comments, sum(one.rows for one in self.loaded[COMMENTS]))
        write_whole(self.folder, {record.name: json.dumps([asdict(step) for step in paired.steps]) + "\n"})
        return paired

    def _others(self, pairing: Pairing, paired: Paired, posts: Sequence[str]) -> Others | None:
        if not self.recipe.preference_share or not self.recipe.runners_up:
            return None
        self.reporting.note("runners-up of the posts set aside")
        return runners_up(pairing, paired, self.comments, posts, self.pairs)

    def _reading_steps(self) -> list[Step]:
        steps = []
        for kind, files in self.loaded.items():
            rows, bad = sum(one.rows for one in files), sum(one.bad for one in files)
            says = f"{kind.name} in {len(files)} file{'s' * (len(files) != 1)}, without bad lines"
            steps.append(Step(f"read_{kind.name}", "lines", says, rows + bad, rows))
        return steps

    def _finish(
        self, steps: Sequence[Step], sizes: Mapping[str, int], histograms: Histograms, division: Division
    ) -> Curated:
        every = [one for files in self.loaded.values() for one in files]
        notes = list(division.notes)
        if self.recipe.near_tests and not self.wanted.tests:
            notes.append("there is no study whose test prompts could be kept out: --study DIR")
        bad, quoted = sum(one.bad for one in every), [line for one in every for line in one.quoted]
        funnel = {
            "files": [{"name": one.name, "lines": one.lines, "rows": one.rows, "bad": one.bad} for one in every],
            "funnel": [asdict(step) for step in steps],
            "sizes": dict(sizes),
            "notes": notes,
        }
        told = {
            "funnel.json": json.dumps(funnel, ensure_ascii=False, indent=2) + "\n",
            "recipe.yaml": self.recipe.as_yaml(),
            "data_card.html": data_card(steps, sizes, notes, (bad, quoted), histograms, self.recipe),
        }
        write_whole(self.wanted.out, told)
        self._forget_older()
        return Curated(tuple(steps), sizes, tuple(notes), tuple(quoted), bad)

    def _forget_older(self) -> None:
        """Stages of other files and rules: they can be made again, and are as large as the dump."""
        needed = {self.folder}
        for files in self.loaded.values():
            for one in files:
                needed |= {Path(one.parquet), Path(one.parquet).with_suffix(".json")}
        for path in self.folder.parent.iterdir():
            if path not in needed:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
