"""A block of a dump's text in memory that also has a path, so that what reads files reads it without a copy."""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass
from typing import BinaryIO, Self


class Memory:
    """Of a fixed size in bytes."""

    def __init__(self, size: int) -> None:
        self._file, self.path = _unnamed()
        os.ftruncate(self._file.fileno(), size)
        self.text = mmap.mmap(self._file.fileno(), size)


def _unnamed() -> tuple[BinaryIO, str]:
    """A file that goes with the process, and where it is as long as it is open; in memory, where the system can."""
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("block"), "r+b", buffering=0)
        return file, f"/proc/self/fd/{file.fileno()}"
    named = tempfile.NamedTemporaryFile(prefix="ppai-")  # noqa: SIM115 - it is open as long as the block
    return named, named.name  # type: ignore[return-value]


@dataclass(frozen=True)
class Block:
    """Whole lines: what stands in a memory from `start` to `end`."""

    memory: Memory
    start: int
    end: int

    @classmethod
    def of(cls, text: bytes) -> Self:
        memory = Memory(max(1, len(text)))
        memory.text[: len(text)] = text
        return cls(memory, 0, len(text))

    @property
    def view(self) -> memoryview:
        return memoryview(self.memory.text)[self.start : self.end]

    def __len__(self) -> int:
        return self.end - self.start

    def __bytes__(self) -> bytes:
        return self.memory.text[self.start : self.end]

    def path(self) -> str:
        """A file with these lines, and blank ones in place of all else that the memory held."""
        text = self.memory.text
        text[: self.start] = b" " * self.start
        text[self.end :] = b"\n" * (len(text) - self.end)
        return self.memory.path
