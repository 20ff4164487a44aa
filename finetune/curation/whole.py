"""Files of a stage, which are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ppai.errors import PPAIError

_PARQUET = b"PAR1"
"""Begins and ends such a file."""


def is_whole(parquet: Path) -> bool:
    """Whether a Parquet file, or a folder of such, is there to its end: a system that stops may cut one off."""
    if parquet.is_dir():
        parts = list(parquet.glob("*.parquet"))
        return bool(parts) and all(map(is_whole, parts))
    try:
        with parquet.open("rb") as file:
            file.seek(-len(_PARQUET), os.SEEK_END)
            return file.read() == _PARQUET
    except OSError:
        return False


def write_file(path: Path, content: bytes) -> None:
    """Beside its place first. Raises PPAIError where the system refuses, and what was there before stays."""
    beside = path.with_name(f"{path.name}.tmp")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise PPAIError(f"{path.parent}: cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
