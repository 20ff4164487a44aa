"""Stage one: dump files as people have them become Parquet, and bad lines are counted, quoted and skipped."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard
from forum_dump import comment, post, write_lines

from finetune.curation import blocks, dump, records
from finetune.curation.at_once import LONGEST, AtOnce
from finetune.curation.block import Block
from finetune.curation.blocks import read_blocks
from finetune.curation.dump import find_files, load_file, names_of
from finetune.curation.records import COMMENTS, POSTS, parse
from ppai.errors import PPAIError

LINES = b"".join(json.dumps(comment(str(number), "a")).encode() + b"\n" for number in range(300))


def ignore(_: int) -> None:
    pass


def zstd(text: bytes, **how: int) -> bytes:
    """As a stream writes it, which does not know the size in advance."""
    level = zstandard.ZstdCompressionParameters.from_level(1, **how)
    compressor = zstandard.ZstdCompressor(compression_params=level).compressobj()
    return compressor.compress(text) + compressor.flush()


def stored(path: Path, folder: Path, kind: records.Kind = COMMENTS, allowed: float = 0.01) -> list[dict[str, object]]:
    folder.mkdir(exist_ok=True)
    return list(pq.read_table(load_file(path, kind, folder, ignore, allowed).parquet).to_pylist())


def test_a_window_of_two_gibibytes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "comments.zst"
    path.write_bytes(zstd(LINES, window_log=31))
    assert zstandard.get_frame_parameters(path.read_bytes()).window_size == 2**31
    with pytest.raises(zstandard.ZstdError), path.open("rb") as file:
        zstandard.ZstdDecompressor().stream_reader(file).read()
    assert b"".join(map(bytes, read_blocks(path))) == LINES
    rows = stored(path, tmp_path / "stages")
    assert len(rows) == 300 and rows[7]["id"] == "7" and rows[7]["line"] == 8


@pytest.mark.parametrize(
    "pack",
    [
        lambda text: text,
        gzip.compress,
        lzma.compress,
        bz2.compress,
        zstd,
        lambda text: zstd(text[:1000]) + zstd(text[1000:]),
        lambda text: b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstd(text),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.rstrip(b"\n"),
        lambda text: zstd(text.rstrip(b"\n")),
    ],
    ids=[
        "plain",
        "gzip",
        "xz",
        "bzip2",
        "zstd",
        "zstd in frames",
        "zstd with a skippable frame",
        "BOM",
        "no last newline",
        "zstd too",
    ],
)
@pytest.mark.parametrize("size", [700, 1 << 20])
def test_blocks_hold_whole_lines_however_they_are_packed(tmp_path: Path, pack: object, size: int) -> None:
    assert callable(pack)
    path = tmp_path / "dump"
    path.write_bytes(pack(LINES))
    seen: list[int] = []
    read = [bytes(block) for block in read_blocks(path, seen.append, size)]
    assert b"".join(read) == LINES and all(block.endswith(b"\n") for block in read)
    assert sum(seen) >= path.stat().st_size


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, lzma.compress, bz2.compress, zstd, lambda text: zstd(text) + zstd(text)],
    ids=["gzip", "xz", "bzip2", "zstd", "two"],
)
@pytest.mark.parametrize("cut", [20, 1])
def test_a_file_that_ends_early_is_refused_and_nothing_kept(tmp_path: Path, pack: object, cut: int) -> None:
    assert callable(pack)
    path = tmp_path / "dump.zst"
    path.write_bytes(pack(LINES)[:-cut])
    with pytest.raises(PPAIError, match=r"dump\.zst: ends early"):
        stored(path, tmp_path / "stages")
    assert list((tmp_path / "stages").iterdir()) == []


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_no_line_is_lost_wherever_the_last_block_of_a_zstd_file_begins(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "dump").write_bytes(zstd(LINES[:-1] + end))
    for size in range(len(LINES) - 3, len(LINES) + 25):
        read = b"".join(map(bytes, read_blocks(tmp_path / "dump", size=size)))
        assert read.rstrip(b"\n") == LINES[:-1] and read.endswith(b"\n")


def test_a_line_longer_than_the_reader_has_room_for_is_read(tmp_path: Path) -> None:
    rows = [comment("a", "p"), comment("b", "p", body="x" * (LONGEST + 1)), comment("c", "p", score="many")]
    read = stored(write_lines(tmp_path / "comments", rows), tmp_path / "stages")
    assert [row["body"] for row in read] == [row["body"] for row in rows]
    assert [row["score"] for row in read] == [20, 20, None]


def test_a_file_without_lines_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "LONGEST", 1000)
    (tmp_path / "dump").write_bytes(b"x" * 5000)
    with pytest.raises(PPAIError, match="has a line of more than"):
        list(read_blocks(tmp_path / "dump", size=500))


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (b'[\n{"id": "a"}]', r"holds one JSON array, not JSON Lines; take it apart with: jq -c '\.\[\]' dump.json > "),
        (b"PK\x03\x04abc", "is a zip archive, not JSON Lines"),
        (b"PAR1abc", "is a Parquet file, not JSON Lines"),
    ],
    ids=["array", "zip", "Parquet"],
)
def test_what_is_no_json_lines_is_named(tmp_path: Path, start: bytes, told: str) -> None:
    (tmp_path / "dump.json").write_bytes(start)
    with pytest.raises(PPAIError, match=f"dump.json: {told}"):
        list(read_blocks(tmp_path / "dump.json"))


def test_fields_may_stand_in_any_order_and_be_missing(tmp_path: Path) -> None:
    full = post("a", score=7, edited=False, media={"deep": [1, {"x": 2}]})
    lines = [full, dict(reversed(full.items())), {"id": "b"}, {"title": None, "id": "c", "score": None}]
    rows = stored(write_lines(tmp_path / "posts", lines), tmp_path / "stages", POSTS)
    wanted = {name: full[name] for name in POSTS.columns}
    assert rows[0] == {**wanted, "line": 1} and rows[1] == {**wanted, "line": 2}
    assert rows[2] == {**dict.fromkeys(POSTS.columns), "id": "b", "line": 3}
    assert rows[3]["id"] == "c" and rows[3]["score"] is None


def test_bad_lines_are_counted_quoted_by_file_and_line_and_skipped(tmp_path: Path) -> None:
    good = json.dumps(comment("x", "a"))
    bad = ["{", "[1]", '{"id": "q"}', '{"parent_id": "t3_a"}', '{"id": "\\ud800", "parent_id": "t3_a"}'] + ["no"] * 9
    path = tmp_path / "comments"
    path.write_bytes("\n".join([good, *bad[:5], "", good, *bad[5:], good]).encode() + b'\n{"id": "\xff"}\n')
    with pytest.raises(PPAIError) as refused:
        stored(path, tmp_path / "stages")
    said = str(refused.value).splitlines()
    assert said[0] == "comments: 15 of 18 lines are bad (83.3%), more than the 1.0% that --allow-bad allows:"
    assert said[1].startswith("comments:2: is not JSON: ") and said[2] == "comments:3: is not a JSON object, in: [1]"
    assert said[3] == 'comments:4: has no parent_id, in: {"id": "q"}'
    assert said[4].startswith("comments:5: has no id, in: {") and len(said) == 11
    assert list((tmp_path / "stages").iterdir()) == []
    loaded = load_file(path, COMMENTS, tmp_path / "stages", ignore, 0.9)
    assert (loaded.lines, loaded.rows, loaded.bad, len(loaded.quoted)) == (19, 3, 15, 10)
    assert [row["line"] for row in pq.read_table(loaded.parquet).to_pylist()] == [1, 8, 18]


def test_of_a_bad_line_the_beginning_is_quoted_without_signs_that_a_terminal_obeys() -> None:
    block = Block.of(b"\x1b[2J\xff" + b"x" * 500 + b"\n")
    with AtOnce(POSTS.columns) as reader:
        ((_, said),) = parse(block, POSTS, reader).bad
    assert said.endswith(", in: \ufffd[2J\ufffd" + "x" * 75 + "\u2026")


def test_a_file_of_no_good_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    with pytest.raises(PPAIError, match=r"^empty: holds no line$"):
        stored(tmp_path / "empty", tmp_path / "stages")


def test_lines_read_at_once_and_one_by_one_are_the_same() -> None:
    rows = [post(str(number), title='"é" \u2028 \\ 😀' * (number % 3)) for number in range(50)]
    rows += [{**rows[0], "created_utc": "1500000000", "score": 3.0}, {"id": "x", "is_self": None}]
    block = Block.of("".join(json.dumps(row, ensure_ascii=bool(row.get("score"))) + "\n" for row in rows).encode())
    with AtOnce(POSTS.columns) as reader:
        at_once = parse(block, POSTS, reader)
        one_by_one = parse(Block.of(bytes(block) + b"{\n"), POSTS, reader)
        assert reader.read(block) is not None and reader.read(Block.of(bytes(block) + b"{\n")) is None
    assert one_by_one.bad == ((52, "is not JSON: unexpected end of data, in: {"),) and at_once.bad == ()
    assert at_once.table.to_pylist() == one_by_one.table.to_pylist()
    assert at_once.numbers.tolist() == one_by_one.numbers.tolist() == list(range(52))


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ('{"id": "a", "score": 3.7}', {"score": 4}),
        ('{"id": "a", "score": "-2.5"}', {"score": -3}),
        ('{"id": "a", "score": 9007199254740993}', {"score": 2**53 + 1}),
        ('{"id": "a", "score": 1e300}', {}),
        ('{"id": "a", "score": true}', {"score": 1}),
        ('{"id": "a", "created_utc": 1500000000.9}', {"created_utc": 1_500_000_001}),
        ('{"id": "a", "is_self": "true"}', {"is_self": True}),
        ('{"id": "a", "is_self": 1}', {"is_self": True}),
        ('{"id": "a", "is_self": "perhaps"}', {}),
        ('{"id": "a", "title": ["x", 1]}', {"title": '["x",1]'}),
        ('{"id": "a", "title": "x\\u0000y"}', {"title": "x\0y"}),
        ('{"id": "a", "score": 1, "score": 2}', {"score": 1}),
        ('{"id": "a", "score": 1,}', {"score": 1}),
        ('{"id": "a"}\r', {}),
        ('{"id": 7}', {"id": "7"}),
        ('{"id": ""}', None),
        ('{"id": "a"} {"id": "b"}\n', None),
        ('{"id": "a", "title": "\\ud83d"}', None),
        ('{"id": "a", "score": NaN}', None),
    ],
)
def test_a_bad_neighbour_changes_nothing_of_a_line(line: str, read: dict[str, object] | None) -> None:
    """With one, lines are read one by one."""
    for neighbour in ("", "{\n"):
        with AtOnce(POSTS.columns) as reader:
            parsed = parse(Block.of(f"{line}\n{neighbour}".encode()), POSTS, reader)
        rows = [{name: value for name, value in row.items() if value is not None} for row in parsed.table.to_pylist()]
        assert rows == ([] if read is None else [{"id": "a", **read}])
        assert [number for number, _ in parsed.bad if number == 0] == ([0] if read is None else [])


def test_blocks_parsed_side_by_side_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "read_blocks", lambda path, advance: read_blocks(path, advance, 600))
    path = tmp_path / "comments"
    path.write_bytes(LINES + b"{}\n\n" + LINES)
    rows = stored(path, tmp_path / "stages")
    assert [row["id"] for row in rows] == [str(number) for number in range(300)] * 2
    assert [row["line"] for row in rows] == [*range(1, 301), *range(303, 603)]


def test_what_was_loaded_is_not_loaded_again_until_the_file_changes(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "comments", [comment("x", "a")])
    folder = tmp_path / "stages"
    folder.mkdir()
    first = load_file(path, COMMENTS, folder, ignore)
    again = load_file(path, COMMENTS, folder, ignore)
    assert not first.again and again.again and again.parquet == first.parquet
    for text in ("", "{", "[]", '{"quoted": 3}'):
        Path(first.parquet).with_suffix(".json").write_text(text)
        assert not load_file(path, COMMENTS, folder, ignore).again, "a damaged record counts as none"
    write_lines(path, [comment("y", "a")])
    changed = load_file(path, COMMENTS, folder, ignore)
    assert not changed.again and pq.read_table(changed.parquet)["id"].to_pylist() == ["y"]


def test_what_answers_a_comment_is_counted_and_not_kept(tmp_path: Path) -> None:
    rows = [comment(str(number), "a", parent_id=f"t{1 + 2 * (number % 2)}_x") for number in range(6)]
    for extra in ([], [{"id": 7, "parent_id": "t3_a", "score": "3"}]):
        path = write_lines(tmp_path / "comments", [*rows, *extra])
        (tmp_path / "stages").mkdir(exist_ok=True)
        loaded = load_file(path, COMMENTS, tmp_path / "stages", ignore)
        kept = pq.read_table(loaded.parquet).to_pylist()
        assert loaded.rows == loaded.lines == 6 + len(extra)
        assert [row["line"] for row in kept] == [2, 4, 6] + [7] * len(extra)


def test_names_and_globs(tmp_path: Path) -> None:
    for name in ("b_2", "b_1", "[odd]"):
        (tmp_path / name).write_text("x")
    found = find_files([str(tmp_path / "b_2"), str(tmp_path / "b_*"), str(tmp_path / "[odd]")])
    assert [path.name for path in found] == ["b_2", "b_1", "[odd]"]
    (tmp_path / "link").symlink_to(tmp_path / "b_1")
    assert len(find_files([str(tmp_path / "b_1"), str(tmp_path / "link")])) == 1
    with pytest.raises(PPAIError, match=r"a\*\*b: is neither a file nor a glob: "):
        find_files([str(tmp_path / "a**b")])
    with pytest.raises(PPAIError, match="there is no such file"):
        find_files([str(tmp_path / "c_*")])
    with pytest.raises(PPAIError, match="there is no such file"):
        find_files([str(tmp_path)])


def test_a_file_is_named_by_as_much_of_its_path_as_tells_it_from_others() -> None:
    paths = [Path("/d/2022/RS.zst"), Path("/d/2023/RS.zst"), Path("/e/2022/RS.zst"), Path("/d/RC.zst")]
    names = ["d/2022/RS.zst", "2023/RS.zst", "e/2022/RS.zst", "RC.zst"]
    assert list(names_of(paths).values()) == names
    assert names_of(paths[:1] * 2) == {paths[0]: "RS.zst"}
