"""Keeps every finished response in a file beside the study's, from which a later run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ppai.errors import PPAIError
from ppai.locks import lock


class Kept:
    """Responses by prompt, each appended as it comes; a line that a killed run tore is passed over."""

    def __init__(self, path: Path) -> None:
        """Raises PPAIError where the file cannot be read."""
        self.path = path
        self.rows = dict(_rows(path))
        self._file: Any = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes the file and keeps other runs from it; `keep` belongs within. An empty one goes at the end.

        Raises PPAIError where it cannot be written, or another run is writing it.
        """
        try:
            # Unbuffered: what the disk refused is not tried again when the file is closed.
            self._file = self.path.open("ab", buffering=0)
            lock(self._file)
            if self.path.read_bytes()[-1:] not in (b"", b"\n"):
                self._write(b"\n")
        except BlockingIOError:
            self._file.close()
            raise PPAIError(f"{self.path}: another run is writing these responses") from None
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            self.rows = dict(_rows(self.path))
            yield
        finally:
            with suppress(OSError):
                self._file.close()
            if not self.rows:
                self.path.unlink(missing_ok=True)

    def keep(self, prompt_id: str, row: Mapping[str, Any]) -> None:
        """On the disk's way when this returns: a kill after it loses nothing."""
        try:
            self._write(json.dumps({"prompt_id": prompt_id} | dict(row), ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise self._unwritable(error) from None
        self.rows[prompt_id] = dict(row)

    def forget(self) -> None:
        """Drops what was kept: it stands in the study's file by now, or is not wanted."""
        self.rows = {}
        if self._file is not None and not self._file.closed:
            self._file.truncate(0)
        else:
            self.path.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        """All of it; one call writes what there is room for."""
        while data:
            data = data[self._file.write(data) :]

    def _unwritable(self, error: OSError) -> PPAIError:
        return PPAIError(f"{self.path}: cannot be written: {error.strerror or error}")


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise PPAIError(f"{path}: cannot be read: {error.strerror or error}") from None
    for line in lines:
        try:
            row = json.loads(line)
            yield str(row.pop("prompt_id")), row
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
