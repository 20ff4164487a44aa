"""Opens what `STUDY` names on the command line for a verb that adds to it: verdicts of a judge, scores of a metric."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ppai.errors import PPAIError, StudyChanged
from ppai.schema import Scores, Study, Verdict
from ppai.settings import read_settings
from ppai.source import pick
from ppai.studyfiles import read_study
from ppai.studyfiles.general import SCORES, VERDICTS, read_verdicts
from ppai.studyfiles.whole_files import write_whole
from ppai.studyfiles.writing import record_lines

if TYPE_CHECKING:
    from ppai.store.sql import SqlStore

Held = TypeVar("Held")

LEDGER = ".ppai.db"
"""The store of a study directory's own, where no other is named: what was judged, before the files say so."""


class Workplace:
    """A study in a store, and the directory whose files are to say the same, where it came from one.

    The store of a directory is opened when it is first used, and the directory's study loaded into it then:
    whatever is only read before that has changed nothing. Made by `open_workplace`.
    """

    def __init__(self, study: Study, directory: Path | None, url: str, store: SqlStore | None = None) -> None:
        self.study = study.model_copy(update={"votes": (), "verdicts": (), "assignments": ()})
        """Without votes, verdicts and assignments."""
        self.directory = directory
        self._read = study
        """As it was read from the directory."""
        self._url = url
        self._store = store

    @property
    def name(self) -> str:
        return self.study.name

    @property
    def store(self) -> SqlStore:
        """Raises StoreError, or StudyChanged where it holds another study of this name."""
        if self._store is None:
            from ppai.store.sql import SqlStore

            self._store = SqlStore(self._url)
            self._load(self._store)
        return self._store

    @property
    def _own(self) -> bool:
        return self.directory is not None and self._url == _ledger_url(self.directory)

    def _load(self, store: SqlStore) -> None:
        """The directory's study, and the verdicts of judges that its files hold and the store does not."""
        if self._own:
            store.load(self.study, replace=True)
        else:
            known = any(info.name == self.name for info in store.studies())
            try:
                store.load(self.study if known else self._read)
            except StudyChanged as error:
                command = f"ppai study load {self.directory} --replace --database {store.shown_url}"
                raise StudyChanged(self.name, error.differences, f"Take over what changed: {command}") from None
        with store.judging(self.name) as work:
            stored = {verdict.place: verdict for verdict in work.verdicts()}
            judged = (verdict for verdict in self._read.verdicts if verdict.item)
            work.save([verdict for verdict in judged if _is_newer(verdict, stored.get(verdict.place))])

    def verdicts_of(self, judge: str) -> list[Verdict]:
        """What the store and the directory's files hold of a judge, one a pair, order, arm and sample.

        Changes nothing, and makes no store where there is none. Raises StoreError.
        """
        found = {verdict.place: verdict for verdict in self._read.verdicts if verdict.judge == judge}
        return list((found | {verdict.place: verdict for verdict in self._stored(judge)}).values())

    def scorings(self) -> list[Scores]:
        """The scorings that the store and the directory's files hold, of one name the newest, by name.

        Changes nothing, and makes no store where there is none. Raises StoreError.
        """
        stored = self._peek(lambda store: store.scores(self.name))
        held = sorted(
            (*self._read.scores, *stored), key=lambda one: one.created_at.timestamp() if one.created_at else 0
        )
        newest = {scores.name: scores for scores in held}
        return [newest[name] for name in sorted(newest)]

    def _stored(self, judge: str) -> Sequence[Verdict]:
        def verdicts(store: SqlStore) -> Sequence[Verdict]:
            with store.judging(self.name) as work:
                return work.verdicts(judge)

        return self._peek(verdicts)

    def _peek(self, read: Callable[[SqlStore], Sequence[Held]]) -> Sequence[Held]:
        """What the store holds of the study, without making a store or loading the study into it."""
        from ppai.store.sql import SqlStore

        if self._store is not None:
            return read(self._store)
        file = read_settings(database_url=self._url).sqlite_file
        if file is not None and not file.exists():
            return ()
        store = SqlStore(self._url, create=False)
        try:
            if all(info.name != self.name for info in store.studies()):
                return ()
            return read(store)
        finally:
            store.close()

    def check_target(self, target: Path | None) -> None:
        """Raises StudyError or PPAIError where `write_verdicts(target)` could not add to what is there."""
        if target is not None:
            if target.is_dir() or not target.parent.is_dir():
                raise PPAIError(f"{target}: is not a file in a directory that is there")
            read_verdicts(target)

    def write_verdicts(self, target: Path | None = None) -> Path | None:
        """Writes the verdicts that judges gave here to `target`, or to the directory's verdicts.jsonl.

        What the file holds besides is kept. None where there is no place to write to.
        """
        if target is None and self.directory is not None:
            target = self.directory / VERDICTS
        if target is None:
            return None
        verdicts = {verdict.place: verdict for verdict in read_verdicts(target)}
        with self.store.judging(self.name) as work:
            judged = [verdict for verdict in work.verdicts() if verdict.item and self._explained(verdict)]
        verdicts |= {verdict.place: verdict for verdict in self._in_order(judged)}
        write_whole(target.parent, {target.name: record_lines(verdicts.values(), self.study)})
        return target

    def write_scores(self) -> Path | None:
        """Writes the study's scorings to the directory's scores.jsonl; None where there is no directory.

        Where there are none left the file goes.
        """
        if self.directory is None:
            return None
        file, scorings = self.directory / SCORES, self.store.scores(self.name)
        if scorings:
            write_whole(self.directory, {SCORES: record_lines(scorings, self.study)})
        else:
            file.unlink(missing_ok=True)
        return file

    def _explained(self, verdict: Verdict) -> bool:
        """Whether the study has what the verdict is about: it may have lost a prompt or a criterion since."""
        return (
            verdict.outcomes.keys() <= self._keys
            and {
                (verdict.prompt_id, verdict.system_a),
                (verdict.prompt_id, verdict.system_b),
            }
            <= self._texts
        )

    @cached_property
    def _keys(self) -> set[str]:
        return set(self.study.config.keys)

    @cached_property
    def _texts(self) -> set[tuple[str, str]]:
        return {(response.prompt_id, response.system) for response in self.study.responses}

    def _in_order(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        place = {prompt.id: number for number, prompt in enumerate(self.study.prompts)}
        return sorted(verdicts, key=lambda v: (v.judge, v.arm, place.get(v.prompt_id, len(place)), v.sample))

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


def _is_newer(verdict: Verdict, stored: Verdict | None) -> bool:
    """Whether a file's verdict takes the place of the stored one: a killed run left the file behind the store."""
    if stored is None or verdict.created_at is None or stored.created_at is None:
        return stored is None
    return verdict.created_at > stored.created_at


def open_workplace(source: str, name: str | None = None, *, database: str | None = None) -> Workplace:
    """Opens a store where `source` has a `://`, else a study directory.

    A directory's study goes into the store that `database` or PPAI_DATABASE_URL names, else into one of the
    directory's own; see `Workplace.store`. Raises StudyError or StoreError.
    """
    if "://" in source:
        return _of_store(source, name)
    directory = Path(source)
    study = read_study(directory)
    if name is not None and name != study.name:
        raise PPAIError(f"--study: the study of {source} is {study.name!r}, not {name!r}")
    settings = read_settings(database_url=database)
    own = "database_url" not in settings.model_fields_set
    return Workplace(study, directory, _ledger_url(directory) if own else settings.database_url)


def _of_store(url: str, name: str | None) -> Workplace:
    from ppai.store.sql import SqlStore

    store = SqlStore(url, create=False)
    try:
        return Workplace(store.study(pick(store, name)), None, url, store)
    except BaseException:
        store.close()
        raise


def _ledger_url(directory: Path) -> str:
    return f"sqlite:///{directory.absolute() / LEDGER}"
