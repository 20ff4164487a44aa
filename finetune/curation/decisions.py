"""Stage three: what is decided over the texts of pairs, batch by batch: tokens, test prompts, near-duplicates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from finetune.curation.conversation import answer_message, prompt_messages, user_text
from finetune.curation.duplicates import HASHES, Hashing, Links, Signatures, similar_pairs
from finetune.curation.tokens import Count
from ppai.overlap import runs_of, shared_with

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 2048
"""Of a batch."""
TOKENIZED = 256
"""Of a batch that is tokenized: what a tokenizer gives beside the tokens is a hundred times as large as the text."""

Row = dict[str, Any]
Bar = Callable[[int], object]
"""Is told how many further rows are done."""


def batches(path: Path, columns: Sequence[str] | None = None, rows: int = ROWS) -> Iterator[list[Row]]:
    """The rows of a Parquet file, in order. Of the file one row group is in memory."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(rows, columns=list(columns) if columns else None):
            yield batch.to_pylist()


def columns(path: Path, *names: str) -> pa.Table:
    """Whole columns, in the order of `batches`: in Arrow they take a tenth of what they take as rows."""
    from pyarrow import parquet

    return parquet.read_table(path, columns=list(names)).combine_chunks()


def tokens(pairs: Path, system: str, count: Count, bar: Bar) -> npt.NDArray[np.int32]:
    """The length of each pair's conversation."""
    counted: list[npt.NDArray[np.int32]] = []
    for batch in batches(pairs, ("title", "body", "answer"), TOKENIZED):
        conversations = [
            [*prompt_messages(system, row["title"], row["body"]), answer_message(row["answer"])] for row in batch
        ]
        counted.append(np.array(count(conversations), dtype=np.int32))
        bar(len(batch))
    return np.concatenate(counted) if counted else np.empty(0, dtype=np.int32)


def shares_with_tests(pairs: Path, tests: Mapping[str, str], bar: Bar) -> npt.NDArray[np.float64]:
    """For each post how much it shares at most with one of the test prompts, 0 to 1."""
    runs = {number: runs_of(text) for number, text in enumerate(tests.values())}

    def posts() -> Iterator[tuple[str, str]]:
        for batch in batches(pairs, ("title", "body")):
            for row in batch:
                yield "", user_text(row["title"], row["body"])
            bar(len(batch))

    highest = (max(shares.values(), default=0.0) for _, shares in shared_with(runs, posts()))
    return np.fromiter(highest, dtype=np.float64)


def duplicate_links(pairs: Path, alive: npt.NDArray[np.bool_], least: float, bar: Bar) -> Links:
    """Pairs of rows whose posts are near-duplicates, of those that are alive, counted among these."""
    hashing = Hashing()
    found: Signatures = np.empty((int(alive.sum()), HASHES), dtype=np.uint16)
    at = row = 0
    for batch in batches(pairs, ("title", "body")):
        texts = [user_text(one["title"], one["body"]) for one, good in zip(batch, alive[at:], strict=False) if good]
        found[row : row + len(texts)] = hashing.signatures(texts)
        at, row = at + len(batch), row + len(texts)
        bar(len(batch))
    return similar_pairs(found, least)
