"""Reads a dump file in blocks of whole lines, whatever it is compressed with."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from finetune.curation.block import Block, Memory
from ppai.errors import MissingPackage, PPAIError

WINDOW = 2**31
"""Bytes. Reddit's dumps are compressed with a window of this size, which most readers refuse."""
SIZE = 24 << 20
"""Bytes of text that a block holds, about."""
LONGEST = 64 << 20
"""Bytes of a line, above which the file is taken for something else than JSON Lines."""

GOOD_FOR = 4
"""A block's memory is used again once so many further ones were asked for: memory that is new each time costs more
than what is done with it."""


class _Source(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = tuple(bytes([0x50 + low, 0x2A, 0x4D, 0x18]) for low in range(16))
_OPENED: tuple[tuple[bytes, Callable[[io.BufferedReader], _Source]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"BZh", bz2.BZ2File),
)
"""The first bytes of what is compressed, beside zstd, and what reads it."""
_REFUSED = ((b"PK\x03\x04", "a zip archive"), (b"7z\xbc\xaf\x27\x1c", "a 7z archive"), (b"PAR1", "a Parquet file"))
_NEWLINE = ord("\n")
_SPARE = 1 << 20
"""Bytes that a memory has beside a block's: what is left of the block before, and a last newline."""
_START = 64
"""Bytes that show what a file is."""
_BOM = b"\xef\xbb\xbf"
_END = b"\n\0the file was whole\0\n"

Advance = Callable[[int], object]
"""Is told how many bytes of the file were read since it was last called."""


class _Counted(io.RawIOBase):
    """A file that tells how far it was read, and has something put after its end."""

    def __init__(self, file: io.BufferedReader, advance: Advance, after: bytes = b"") -> None:
        super().__init__()
        self._file, self._advance, self._after = file, advance, io.BytesIO(after)
        self._part = memoryview(bytearray())

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer) or self._after.readinto(buffer)
        self._advance(count)
        return count

    def part(self, size: int) -> memoryview:
        """So many bytes at most, good until the next are asked for: always in the same memory."""
        if size > len(self._part):
            self._part = memoryview(bytearray(size))
        return self._part[: self.readinto(self._part[:size])]


class _InParts:
    """What zstandard takes for a file: its parts are in the same memory, where new one each time would cost more."""

    def __init__(self, source: _Counted) -> None:
        self.read = source.part


def read_blocks(path: Path, advance: Advance = lambda _: None, size: int = SIZE) -> Iterator[Block]:
    """Blocks of whole lines, each ended by a newline, in order; zstd, gzip, xz, bzip2 or plain, by the first bytes.

    A block is good until `GOOD_FOR` further ones were asked for.

    Raises PPAIError where the file cannot be read, ends early, is no JSON Lines, or has a line of more than `LONGEST`
    bytes, and MissingPackage for zstd without zstandard.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START)
            file.seek(0)
            yield from _checked(path, _opened(path, start, file, advance, size))
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise PPAIError(f"{path}: ends early or is damaged: {error}") from error
    except OSError as error:
        raise PPAIError(f"{path}: cannot be read: {error.strerror or error}") from error


def _opened(path: Path, start: bytes, file: io.BufferedReader, advance: Advance, size: int) -> Iterator[Block]:
    if start.startswith((_ZSTD, *_SKIPPABLE)):
        return _zstd(path, file, advance, size)
    for mark, what in _REFUSED:
        if start.startswith(mark):
            raise PPAIError(f"{path}: is {what}, not JSON Lines")
    for mark, opened in _OPENED:
        if start.startswith(mark):
            return _whole_lines(path, opened(io.BufferedReader(_Counted(file, advance))), size)
    return _whole_lines(path, _Counted(file, advance), size)


def _checked(path: Path, blocks: Iterator[Block]) -> Iterator[Block]:
    """As they are. What people take for JSON Lines most often is named: one array with all objects in it."""
    for number, block in enumerate(blocks):
        if not number and bytes(block.view[:_START]).lstrip().startswith(b"["):
            told = "holds one JSON array, not JSON Lines; take it apart with: jq -c '.[]'"
            raise PPAIError(f"{path}: {told} {path.name} > {path.stem}.ndjson")
        yield block


def _zstd(path: Path, file: io.BufferedReader, advance: Advance, size: int) -> Iterator[Block]:
    """The reader takes a frame that ends early for the end of the file: a frame put after it shows whether it did."""
    try:
        import zstandard
    except ImportError:
        raise MissingPackage("zstandard", "curate") from None
    after = zstandard.ZstdCompressor().compress(_END)
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    source = decompressor.stream_reader(
        cast(BinaryIO, _InParts(_Counted(file, advance, after))), read_across_frames=True
    )
    last: Block | None = None
    try:
        for block in _whole_lines(path, source, size):
            if last:
                yield last
            last = block
    except zstandard.ZstdError as error:
        raise PPAIError(f"{path}: ends early or is damaged: {error}") from error
    mark = _END[1:]
    if not last or bytes(last.view[-len(mark) :]) != mark:
        raise PPAIError(f"{path}: ends early: its last zstd frame is not whole")
    # The line feed before the mark ends a last line that has none. Where one stands there already, or the last block
    # ended with it, it is none's.
    ends = bytes(last.view[: -len(mark)][-2:])
    left = last.end - len(mark) - (ends in (b"\n", b"\n\n"))
    if left > last.start:
        yield Block(last.memory, last.start, left)


def _whole_lines(path: Path, source: _Source, size: int) -> Iterator[Block]:
    memory: list[Memory | None] = [None] * (GOOD_FOR + 2)
    held = b""
    for number in itertools.count():
        at, needed = number % len(memory), len(held) + size
        room = memory[at]
        if room is None or len(room.text) <= needed:
            room = memory[at] = Memory(needed + _SPARE)
        text, buffer = room.text, memoryview(room.text)
        text[: len(held)] = held
        filled = len(held)
        while filled < needed and (count := source.readinto(buffer[filled:needed])):
            filled += count
        start = len(_BOM) if not number and text[: len(_BOM)] == _BOM else 0
        if filled < needed:
            if filled > start:
                if text[filled - 1] != _NEWLINE:
                    text[filled] = _NEWLINE
                    filled += 1
                yield Block(room, start, filled)
            return
        end = text.rfind(b"\n", 0, filled) + 1
        # Before the block is given away, with which what stands after it may go.
        held = bytes(buffer[end:filled])
        if end:
            yield Block(room, start, end)
        elif filled > LONGEST:
            raise PPAIError(f"{path}: has a line of more than {LONGEST >> 20} MiB, so it is not JSON Lines")
