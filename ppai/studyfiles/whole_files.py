"""Writes files that appear whole or not at all: beside their place first, then moved there together."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from ppai.errors import PPAIError


def write_whole(directory: Path, files: Mapping[str, str | bytes]) -> tuple[Path, ...]:
    """Writes files by name, texts as UTF-8; the directory is made. All are on disk before the first is moved.

    Raises:
        PPAIError: if the system refuses; a file that was not yet moved is as it was before.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            staged.append((_staged(directory, content), directory / name))
        for beside, target in staged:
            beside.replace(target)
        _sync_directory(directory)
    except OSError as error:
        where = error.filename2 or error.filename or directory
        raise PPAIError(f"{where}: cannot be written: {error.strerror or error}") from error
    except UnicodeEncodeError as error:
        raise PPAIError(f"{directory}: a text holds half of a surrogate pair, which no file can keep") from error
    finally:
        for beside, _ in staged:
            beside.unlink(missing_ok=True)
    return tuple(target for _, target in staged)


def _staged(directory: Path, text: str | bytes) -> Path:
    beside = directory / f".ppai-{secrets.token_hex(8)}.tmp"
    try:
        with beside.open("xb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _sync_directory(directory: Path) -> None:
    """So that the new names survive a power cut; some systems cannot open a directory, and need not."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
