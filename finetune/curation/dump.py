"""Stage one: streams each file of a dump into Parquet of a fixed schema, whole or not at all, and counts bad lines."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from finetune.curation.at_once import AtOnce
from finetune.curation.blocks import Advance, read_blocks
from finetune.curation.records import Kind, Parsed, parse
from finetune.curation.whole import is_whole, write_file
from ppai.errors import MissingPackage, PPAIError

QUOTED = 10
"""Bad lines of a file that are quoted."""
ALLOWED_BAD = 0.01
WORKERS = 2
"""Threads that parse; fewer than `blocks.GOOD_FOR`."""
_VERSION = 3
"""Of the stage's output; a change to the columns must raise it."""
_ENDS = 1 << 20
"""Bytes at either end of a file that its key covers, beside its size and the time of its last change."""


@dataclass(frozen=True)
class Loaded:
    """One file of a dump, as the stage keeps it."""

    name: str
    """Of the file that was read, as messages and rows have it."""
    parquet: str
    """Path of the Parquet file: the kind's columns, and `line`, where each row stood."""
    key: str
    """Changes with the file."""
    lines: int
    rows: int
    """Good lines; of comments, those that answer posts are kept."""
    bad: int
    quoted: tuple[str, ...]
    """The first bad lines, `line: what is wrong`."""
    again: bool = False
    """Whether it was there already."""

    @property
    def bad_lines(self) -> tuple[str, ...]:
        """Those that are quoted, `file:line: what is wrong`."""
        return tuple(f"{self.name}:{one}" for one in self.quoted)


def find_files(patterns: Sequence[str]) -> list[Path]:
    """The files that names and globs stand for, in the order given, those of a glob by name; each once.

    Raises PPAIError where a name or a glob stands for none.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        files = [path for path in _matched(pattern) if path.is_file()]
        if not files:
            raise PPAIError(f"{pattern or repr(pattern)}: there is no such file")
        for path in files:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _matched(pattern: str) -> list[Path]:
    path = Path(pattern)
    try:
        return [path] if path.exists() else sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    except (ValueError, OSError) as error:
        raise PPAIError(f"{pattern}: is neither a file nor a glob: {error}") from error


def names_of(paths: Iterable[Path]) -> dict[Path, str]:
    """For each path as much of its end as tells it from the others: `RS.zst`, or `2022/RS.zst` beside `2023/RS.zst`."""
    parts = {path: path.resolve().parts for path in paths}
    names = {}
    for path, own in parts.items():
        others = [other for other in parts.values() if other != own]
        length = next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)), len(own))
        names[path] = "/".join(own[-length:])
    return names


def load_file(
    path: Path, kind: Kind, folder: Path, advance: Advance, allowed: float = ALLOWED_BAD, name: str | None = None
) -> Loaded:
    """Streams one file into `folder`, or finds it there from an earlier run. It is called `name` in what is told.

    Raises PPAIError where it cannot be read, or more than `allowed` of its lines are bad; nothing is kept then.
    """
    name = name or path.name
    key = _key(path, kind)
    record = folder / f"{kind.name}-{key}.json"
    if loaded := _read_record(record, name):
        advance(path.stat().st_size)
        _check_bad(loaded, allowed)
        return loaded
    target = record.with_suffix(".parquet")
    beside = target.with_suffix(".tmp")
    try:
        loaded = _stream(path, kind, beside, Loaded(name, str(target), key, 0, 0, 0, ()), advance)
        _check_bad(loaded, allowed)
        beside.replace(target)
    except OSError as error:
        raise PPAIError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
    told = {field: value for field, value in asdict(loaded).items() if field not in _NOT_KEPT}
    write_file(record, json.dumps(told, indent=2).encode())
    return loaded


_NOT_KEPT = ("name", "parquet", "again")
"""What depends on where the files are."""


def _read_record(record: Path, name: str) -> Loaded | None:
    """None where there is none, or it is damaged, or what it is of is gone: the stage is done again then."""
    parquet = record.with_suffix(".parquet")
    if not record.exists() or not is_whole(parquet):
        return None
    try:
        told = json.loads(record.read_text("utf-8"))
        told["quoted"] = tuple(told["quoted"])
        return Loaded(**told, name=name, parquet=str(parquet), again=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(path: Path, kind: Kind) -> str:
    """Of the whole file a digest would take as long as reading it: its ends, size and time stand for it."""
    try:
        about = path.stat()
        with path.open("rb") as file:
            ends = file.read(_ENDS)
            file.seek(max(0, about.st_size - _ENDS))
            ends += file.read(_ENDS)
    except OSError as error:
        raise PPAIError(f"{path}: cannot be read: {error.strerror or error}") from error
    what = (_VERSION, kind.name, str(path.resolve()), about.st_size, about.st_mtime_ns, sorted(kind.columns), kind.only)
    return hashlib.sha256(repr(what).encode() + ends).hexdigest()[:16]


def _stream(path: Path, kind: Kind, beside: Path, started: Loaded, advance: Advance) -> Loaded:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingPackage("pyarrow", "curate") from None

    schema = pa.schema([*kind.columns.items(), ("line", pa.int64())])
    lines = rows = bad = 0
    quoted: list[str] = []
    # Not compressed: that takes four times as long to write.
    with parquet.ParquetWriter(
        beside, schema, compression="none", use_dictionary=list(_REPEATED), write_statistics=False
    ) as writer:
        for parsed in _parsed(path, kind, advance):
            writer.write_table(parsed.table.append_column("line", pa.array(parsed.numbers + lines + 1)))
            quoted += [f"{lines + 1 + at}: {why}" for at, why in parsed.bad[: QUOTED - len(quoted)]]
            lines, rows, bad = lines + parsed.lines, rows + parsed.rows, bad + len(parsed.bad)
    return replace(started, lines=lines, rows=rows, bad=bad, quoted=tuple(quoted))


_REPEATED = ("subreddit", "link_flair_text", "distinguished")


def _parsed(path: Path, kind: Kind, advance: Advance) -> Iterator[Parsed]:
    """The blocks of a file in order, parsed in threads while the next are being decompressed."""
    waiting: deque[Future[Parsed]] = deque()
    with AtOnce(kind.columns) as reader, ThreadPoolExecutor(WORKERS) as pool:
        for block in read_blocks(path, advance):
            waiting.append(pool.submit(parse, block, kind, reader))
            if len(waiting) > WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _check_bad(loaded: Loaded, allowed: float) -> None:
    read = loaded.rows + loaded.bad
    if not loaded.rows:
        raise PPAIError("\n".join([f"{loaded.name}: holds no {'good ' if read else ''}line", *loaded.bad_lines]))
    if loaded.bad > allowed * read:
        share = f"{loaded.bad} of {read} lines are bad ({loaded.bad / read:.1%})"
        advice = f"more than the {allowed:.1%} that --allow-bad allows"
        raise PPAIError("\n".join([f"{loaded.name}: {share}, {advice}:", *loaded.bad_lines]))
