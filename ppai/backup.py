"""Keeps a copy of a SQLite store elsewhere, for a Space whose disk is emptied at a restart.

The copy holds the store's secret and raters' comments: the dataset that takes it must be private. On the hub older
copies stay in the dataset's history; a directory holds the newest one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ppai.errors import PPAIError
from ppai.hub import client, trouble
from ppai.settings import Settings
from ppai.store.base import Store
from ppai.store.sqlite_file import Watch, continues, extent_of_copy, holds_a_store, put_in_place
from ppai.studyfiles.whole_files import write_whole

if TYPE_CHECKING:
    from huggingface_hub import HfApi

COPY_SECONDS = 300
"""Between two copies; nothing is copied while nothing changes."""

CLOSE_SECONDS = 20
"""How long a stop waits for the last copy: a Space is killed 30 s after it was asked to stop."""

HUB_SECONDS = 30.0
"""How long the hub may be silent before a request to it is given up."""

FILE_NAME = "ppai.db"

_log = logging.getLogger("ppai")


class Backup(Protocol):
    """A place outside the app's disk that holds one copy of the store. Both methods raise PPAIError."""

    def fetch(self, into: Path) -> bool:
        """Writes the copy to the new file `into`; False where there is none yet, and then one can be put there."""
        ...

    def put(self, file: Path) -> None:
        """Makes `file` the copy, whole or not at all."""
        ...


@dataclass(frozen=True)
class DirectoryBackup:
    """The copy as a file of a directory, which lies best on another disk."""

    directory: Path

    def __str__(self) -> str:
        return str(self.directory)

    def fetch(self, into: Path) -> bool:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.directory / FILE_NAME, into)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise PPAIError(f"the backup in {self} cannot be read: {error.strerror or error}") from error
        return True

    def put(self, file: Path) -> None:
        write_whole(self.directory, {FILE_NAME: file.read_bytes()})


@dataclass(frozen=True)
class HubBackup:
    """The copy as a file of a private dataset on the Hugging Face Hub, by the token in HF_TOKEN."""

    dataset: str
    """`owner/name`; made where it is missing."""
    seconds: float = HUB_SECONDS

    def __str__(self) -> str:
        return f"dataset {self.dataset}"

    def fetch(self, into: Path) -> bool:
        try:
            return self._fetch(into)
        except PPAIError:
            raise
        except Exception as error:
            raise self._explained(error) from error

    def put(self, file: Path) -> None:
        try:
            self._hub().upload_file(
                path_or_fileobj=str(file),
                path_in_repo=FILE_NAME,
                repo_id=self.dataset,
                repo_type="dataset",
                commit_message="Copy of the PPAI store",
            )
        except PPAIError:
            raise
        except Exception as error:
            raise self._explained(error) from error

    def _fetch(self, into: Path) -> bool:
        from huggingface_hub.errors import HfHubHTTPError

        hub, info = self._hub(), None
        try:
            info = hub.dataset_info(self.dataset, timeout=self.seconds)
        except HfHubHTTPError as error:
            if error.response.status_code != 404:
                raise
        if info is None:
            # Where the token may not see an existing dataset, the hub says 404 too; then this is refused.
            hub.create_repo(self.dataset, repo_type="dataset", private=True)
            return False
        if not info.private:
            raise PPAIError(f"PPAI_BACKUP: {self} is public, and the store is not for everybody: make it private")
        if not any(file.rfilename == FILE_NAME for file in info.siblings or ()):
            return False
        # At the commit just seen and past the cache, so that no older copy is taken for the newest.
        got = hub.hf_hub_download(
            self.dataset,
            FILE_NAME,
            repo_type="dataset",
            revision=info.sha,
            local_dir=into.parent / "download",
            etag_timeout=self.seconds,
            force_download=True,
        )
        Path(got).replace(into)
        return True

    def _hub(self) -> HfApi:
        from huggingface_hub import get_token

        if not get_token():
            raise PPAIError(f"PPAI_BACKUP: {self} needs a token: set HF_TOKEN to one that may write to it")
        return client(self.seconds)

    def _explained(self, error: BaseException) -> PPAIError:
        return PPAIError(f"PPAI_BACKUP: {self} cannot be used: {trouble(error, right='read and write it')}")


def backup_of(settings: Settings) -> Backup | None:
    """Where the store of `settings` is copied to."""
    if settings.backup_directory is not None:
        return DirectoryBackup(settings.backup_directory)
    return HubBackup(settings.backup_dataset) if settings.backup_dataset is not None else None


def restore(settings: Settings) -> Backup | None:
    """Fetches the copy where the store has no file yet; call it before the store is opened.

    Returns the place for later copies. Raises PPAIError where that place cannot be read, since the app would start
    without its votes, and where it holds votes that the store's file lacks, since the next copy would lose them.
    """
    backup, file = backup_of(settings), settings.sqlite_file
    if backup is None or file is None:
        return None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".ppai-restore-", dir=file.parent) as folder:
            copy = Path(folder) / FILE_NAME
            if backup.fetch(copy):
                _take(copy, file, backup)
            else:
                _log.info("no backup yet in %s", backup)
    except OSError as error:
        raise PPAIError(f"the backup in {backup} cannot be restored: {error.strerror or error}") from error
    return backup


def _take(copy: Path, file: Path, backup: Backup) -> None:
    extent = extent_of_copy(copy)
    if extent is None:
        raise PPAIError(f"the backup in {backup} is not a whole PPAI store: move it away to start without it")
    if not holds_a_store(file):
        put_in_place(copy, file)
        _log.info("the store was restored from %s", backup)
    elif not continues(file, extent):
        raise PPAIError(
            f"the backup in {backup} holds votes that {file} does not: move {file} away to take the backup, "
            "or name another place in PPAI_BACKUP"
        )


@dataclass(frozen=True)
class BackupState:
    """What the admin page shows of the backup."""

    place: str
    last_success: float | None
    """Seconds since 1970, UTC; None before the first copy of this run."""
    last_error: str | None
    """Why the newest try failed; None where it did not."""


class Keeper:
    """Copies the store to its backup at the start, every few minutes where it changed, and at the end."""

    def __init__(self, backup: Backup, store: Store, file: Path, seconds: float = COPY_SECONDS) -> None:
        self._backup, self._store, self._file, self._seconds = backup, store, file, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ppai-backup", daemon=True)
        self._state = BackupState(str(backup), None, None)

    def state(self) -> BackupState:
        return self._state

    def start(self) -> None:
        self._thread.start()

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Makes the last copy, and waits for it no longer than `seconds`. Call it before the store is closed."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
            if self._thread.is_alive():
                _log.error("the last backup to %s was not finished in %.0f s", self._backup, seconds)

    def _run(self) -> None:
        with contextlib.closing(Watch(self._file)) as watch:
            copied, pause, stopping = None, 0.0, False
            while not stopping:
                stopping = self._stop.wait(pause)
                pause = self._seconds
                try:
                    version = watch.version()
                    if version != copied:
                        self._copy()
                        copied = version  # read before the copy, so that what was written during it is copied next
                except (PPAIError, OSError) as error:
                    self._state = replace(self._state, last_error=str(error))
                    _log.error("backup failed: %s", error)

    def _copy(self) -> None:
        with tempfile.TemporaryDirectory(prefix="ppai-backup-") as folder:
            copy = Path(folder) / FILE_NAME
            self._store.snapshot(os.fspath(copy))
            self._backup.put(copy)
        self._state = replace(self._state, last_success=time.time(), last_error=None)
