"""Reads a dump file in blocks of whole lines, whatever it is compressed with."""

from __future__ import annotations

import gzip
import io
import itertools
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol, cast

from ppai.errors import MissingPackage, PPAIError

WINDOW = 2**31
"""Bytes. Reddit's dumps are compressed with a window of this size, which most readers refuse."""
SIZE = 16 << 20
"""Bytes of text that a block holds, about."""
LONGEST = 64 << 20
"""Bytes of a line, above which the file is taken for something else than JSON Lines."""

GOOD_FOR = 4
"""A block's memory is used again once so many further ones were asked for: memory that is new each time costs more
than what is done with it."""

_ZSTD, _GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
_SKIPPABLE = tuple(bytes([0x50 + low, 0x2A, 0x4D, 0x18]) for low in range(16))
_NEWLINE = ord("\n")
_BOM = b"\xef\xbb\xbf"
_END = b"\n\0the file was whole\0\n"

Advance = Callable[[int], object]
"""Is told how many bytes of the file were read since it was last called."""


class _Source(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


class _Counted(io.RawIOBase):
    """A file that tells how far it was read, and has something put after its end."""

    def __init__(self, file: IO[bytes], advance: Advance, after: bytes = b"") -> None:
        super().__init__()
        self._file, self._advance, self._after = file, advance, io.BytesIO(after)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        part = self._file.read(len(buffer)) or self._after.read(len(buffer))
        buffer[: len(part)] = part
        self._advance(len(part))
        return len(part)


def read_blocks(path: Path, advance: Advance = lambda _: None, size: int = SIZE) -> Iterator[memoryview]:
    """Blocks of whole lines, each ended by a newline, in order; zstd, gzip or plain text, by the first bytes.

    A block is good until `GOOD_FOR` further ones were asked for.

    Raises PPAIError where the file cannot be read, ends early, or has a line of more than `LONGEST` bytes, and
    MissingPackage for zstd without zstandard.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZSTD))
            file.seek(0)
            if start == _ZSTD or start in _SKIPPABLE:
                yield from _zstd(path, file, advance, size)
            elif start.startswith(_GZIP):
                with gzip.GzipFile(fileobj=io.BufferedReader(_Counted(file, advance))) as source:
                    yield from _whole_lines(path, source, size)
            else:
                yield from _whole_lines(path, _Counted(file, advance), size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise PPAIError(f"{path}: ends early or is damaged: {error}") from error
    except OSError as error:
        raise PPAIError(f"{path}: cannot be read: {error.strerror or error}") from error


def _zstd(path: Path, file: IO[bytes], advance: Advance, size: int) -> Iterator[memoryview]:
    """The reader takes a frame that ends early for the end of the file: a frame put after it shows whether it did."""
    try:
        import zstandard
    except ImportError:
        raise MissingPackage("zstandard", "curate") from None
    after = zstandard.ZstdCompressor().compress(_END)
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    source = decompressor.stream_reader(cast(IO[bytes], _Counted(file, advance, after)), read_across_frames=True)
    last = memoryview(b"")
    try:
        for block in _whole_lines(path, source, size):
            if len(last):
                yield last
            last = block
    except zstandard.ZstdError as error:
        raise PPAIError(f"{path}: ends early or is damaged: {error}") from error
    if bytes(last[-len(_END) :]) != _END:
        raise PPAIError(f"{path}: ends early: its last zstd frame is not whole")
    if rest := last[: -len(_END)]:
        yield rest if rest[-1] == _NEWLINE else _ended(rest)


def _whole_lines(path: Path, source: _Source, size: int) -> Iterator[memoryview]:
    memory = [bytearray() for _ in range(GOOD_FOR + 2)]
    held = b""
    for number in itertools.count():
        at, needed = number % len(memory), len(held) + size
        if len(memory[at]) < needed:
            memory[at] = bytearray(needed)
        text = memory[at]
        buffer = memoryview(text)
        text[: len(held)] = held
        filled = len(held)
        while filled < needed and (count := source.readinto(buffer[filled:needed])):
            filled += count
        start = len(_BOM) if not number and text.startswith(_BOM) else 0
        if filled < needed:
            if filled > start:
                yield buffer[start:filled] if text[filled - 1] == _NEWLINE else _ended(buffer[start:filled])
            return
        end = text.rfind(b"\n", 0, filled) + 1
        if end:
            yield buffer[start:end]
        elif filled > LONGEST:
            raise PPAIError(f"{path}: has a line of more than {LONGEST >> 20} MiB, so it is not JSON Lines")
        held = bytes(buffer[end:filled])


def _ended(text: memoryview) -> memoryview:
    return memoryview(bytes(text) + b"\n")
