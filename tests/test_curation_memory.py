"""Texts that are larger than the memory: written by the engine and sorted part by part."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import dataset

from finetune.curation import sorting
from finetune.curation.engine import connect
from finetune.curation.sorting import sort_file
from ppai.errors import PPAIError

FILLER = "".join(random.Random(1).choices("abcdefgh ", k=60_000))


def texts(path: Path, rows: int, width: int) -> Path:
    """Ids in no order, each with a text."""
    ids = [number * 7919 % rows for number in range(rows)]
    schema = pa.schema([("id", pa.string()), ("number", pa.int64()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema, compression="none") as writer:
        for at in range(0, rows, 1000):
            some = ids[at : at + 1000]
            columns = [[f"{one:06}" for one in some], some, [FILLER[one:][:width] for one in some]]
            writer.write_table(pa.table(columns, schema=schema))
    return path


def test_rows_with_texts_are_written_in_little_memory(tmp_path: Path) -> None:
    """DuckDB's own row groups of 122,880 rows need more than it has."""
    engine = connect("duckdb", tmp_path, memory="120MB", threads=2)
    read = engine.read([texts(tmp_path / "in", 30_000, 3000)])
    kept = engine.keep(read.mutate(length=read.text.length()), tmp_path / "out", texts=True)
    assert kept.aggregate(rows=kept.count(), sum=kept.length.sum()).to_pyarrow().to_pylist() == [
        {"rows": 30_000, "sum": 90_000_000}
    ]
    with pytest.raises(PPAIError, match=r"out cannot be made: Out of Memory Error: .*; allow more: --memory 2GB$"):
        engine.keep(read, tmp_path / "out")


@pytest.mark.parametrize("part", [1 << 30, 100_000, 1])
def test_a_file_is_sorted_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr(sorting, "PART", part)
    source = texts(tmp_path / "in", 5000, 100)
    sort_file(source, tmp_path / "out", ("id",))
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert [row["number"] for row in rows] == list(range(5000))
    assert all(row["id"] == f"{row['number']:06}" and row["text"] == FILLER[row["number"] :][:100] for row in rows)
    sort_file(source, tmp_path / "out", ("text", "id"), dataset.field("number") > 1000, ("number",))
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert len(rows) == 3999 and [set(row) for row in rows[:1]] == [{"id", "text"}]
    assert rows == sorted(rows, key=lambda row: (row["text"], row["id"]))
    sort_file(source, tmp_path / "out", ("id",), dataset.field("number") < 0)
    assert pq.read_table(tmp_path / "out").num_rows == 0
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}
