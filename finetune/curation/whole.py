"""Writes a file of a stage that appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

from ppai.errors import PPAIError


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
