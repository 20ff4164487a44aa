"""Opens what `STUDY` names on the command line for a verb that adds to it: verdicts of a judge, scores of a metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ppai.schema import Study, Verdict
from ppai.settings import read_settings
from ppai.source import pick
from ppai.studyfiles import read_study
from ppai.studyfiles.general import SCORES, VERDICTS, read_verdicts
from ppai.studyfiles.whole_files import write_whole
from ppai.studyfiles.writing import record_lines

if TYPE_CHECKING:
    from ppai.store.sql import SqlStore

LEDGER = ".ppai.db"
"""The store of a study directory's own, where no other is named: what was judged, before the files say so."""


@dataclass(frozen=True)
class Workplace:
    """A study in a store, and the directory whose files are to say the same, where it came from one."""

    store: SqlStore
    study: Study
    """Without votes, verdicts and assignments."""
    directory: Path | None

    @property
    def name(self) -> str:
        return self.study.name

    def write_verdicts(self, target: Path | None = None) -> Path | None:
        """Writes the verdicts that judges gave here to `target`, or to the directory's verdicts.jsonl.

        What the file holds besides is kept. None where there is no place to write to.
        """
        if target is None and self.directory is not None:
            target = self.directory / VERDICTS
        if target is None:
            return None
        verdicts = {_key(verdict): verdict for verdict in read_verdicts(target)}
        judged = [verdict for verdict in self.store.events(self.name).verdicts if verdict.item]
        verdicts |= {_key(verdict): verdict for verdict in self._in_order(judged)}
        write_whole(target.parent, {target.name: record_lines(verdicts.values(), self.study)})
        return target

    def write_scores(self) -> Path | None:
        """Writes the study's scorings to the directory's scores.jsonl; None where there is no directory."""
        if self.directory is None:
            return None
        write_whole(self.directory, {SCORES: record_lines(self.store.scores(self.name), self.study)})
        return self.directory / SCORES

    def _in_order(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        place = {prompt.id: number for number, prompt in enumerate(self.study.prompts)}
        return sorted(verdicts, key=lambda v: (v.judge, v.arm, place.get(v.prompt_id, len(place)), v.sample))

    def close(self) -> None:
        self.store.close()


def open_workplace(source: str, name: str | None = None, *, database: str | None = None) -> Workplace:
    """Opens a store where `source` has a `://`, else a study directory.

    A directory's study is loaded into the store that `database` or PPAI_DATABASE_URL names, else into one of the
    directory's own. Raises StudyError, StudyChanged or StoreError.
    """
    from ppai.store.sql import SqlStore

    if "://" in source:
        store = SqlStore(source, create=False)
        return Workplace(store, store.study(pick(store, name)), None)
    directory = Path(source)
    study = read_study(directory)
    settings = read_settings(database_url=database)
    own = "database_url" not in settings.model_fields_set
    store = SqlStore(f"sqlite:///{directory.absolute() / LEDGER}" if own else settings.database_url)
    store.load(study.model_copy(update={"votes": (), "verdicts": (), "assignments": ()}), replace=own)
    judged = [verdict for verdict in study.verdicts if verdict.item]
    with store.judging(study.name) as work:
        known = work.stored([verdict.item for verdict in judged if verdict.item])
        work.save([verdict for verdict in judged if verdict.item not in known])
    return Workplace(store, store.study(study.name), directory)


def _key(verdict: Verdict) -> tuple[object, ...]:
    return (verdict.judge, verdict.prompt_id, verdict.system_a, verdict.system_b, verdict.arm, verdict.sample)
