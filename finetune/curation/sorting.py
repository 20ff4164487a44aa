"""Sorts rows with texts that may be larger than the memory: DuckDB's own sorting of such rows runs out of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ppai.errors import PPAIError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds
    from pyarrow.dataset import Expression

PART = 32 << 20
"""Bytes that are sorted together, about."""
_MOST = 256
"""Parts, each of which is an open file: of 8 GB on they grow."""
_GROUP = 4096
"""Rows of a row group."""
_BATCH = 2048


def sort_file(
    source: Path, target: Path, by: Sequence[str], where: Expression | None = None, without: Sequence[str] = ()
) -> None:
    """Rows of a Parquet file or a folder of such in rising order of columns, texts by their bytes.

    The keys are sorted first and say to which part each row belongs; parts are written beside, then sorted one by one.
    What fits into one is sorted at once.
    The file appears whole or not at all. `where` is which rows stay, `without` which columns go. Raises PPAIError where
    it cannot be written.
    """
    beside, parts = target.with_suffix(".tmp"), target.with_suffix(".parts")
    try:
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir()
        _write(_Sorted(source, by, where, without, parts), beside)
        beside.replace(target)
    except OSError as error:
        raise PPAIError(f"{target.parent}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(parts, ignore_errors=True)
        beside.unlink(missing_ok=True)


class _Sorted:
    """The parts of a source."""

    def __init__(
        self, source: Path, by: Sequence[str], where: Expression | None, without: Sequence[str], parts: Path
    ) -> None:
        import pyarrow as pa
        from pyarrow import dataset

        # Else what was read ahead of a file would stay until its end.
        options = dataset.ParquetFragmentScanOptions(pre_buffer=False)
        form = dataset.ParquetFileFormat(default_fragment_scan_options=options)
        self._source: ds.Dataset = dataset.dataset(source, format=form)
        self._where, self._folder = where, parts
        self._by = [(name, "ascending") for name in by]
        self.schema = pa.schema([field for field in self._source.schema if field.name not in without])

    def tables(self) -> Iterator[pa.Table]:
        """Each part sorted, in order."""
        from pyarrow import ipc

        if self._bytes() < PART:
            yield self._source.to_table(columns=self.schema.names, filter=self._where).sort_by(self._by)
            return
        for path in self._spilled():
            with ipc.open_file(path) as file:
                yield file.read_all().sort_by(self._by)
            path.unlink()

    def _spilled(self) -> list[Path]:
        import pyarrow as pa
        from pyarrow import ipc

        at, places = 0, self._places()
        paths = [self._folder / str(number) for number in range(int(places.max(initial=0)) + 1)]
        with ExitStack() as opened:
            writers = [opened.enter_context(ipc.new_file(path, self.schema)) for path in paths]
            scanned = self._source.to_batches(
                columns=self.schema.names,
                filter=self._where,
                batch_size=_BATCH,
                batch_readahead=2,
                fragment_readahead=1,
            )
            for batch in scanned:
                here = places[at : at + batch.num_rows]
                at += batch.num_rows
                for number in np.unique(here):
                    writers[number].write_batch(batch.filter(pa.array(here == number)))
        return paths

    def _places(self) -> npt.NDArray[np.intp]:
        """For each row its part."""
        import pyarrow.compute as pc

        keys = self._source.to_table(columns=[name for name, _ in self._by], filter=self._where)
        order = pc.sort_indices(keys, sort_keys=self._by).to_numpy()
        parts = min(_MOST, 1 + self._bytes() // PART)
        places = np.empty(len(order), dtype=np.intp)
        places[order] = np.arange(len(order)) * parts // max(1, len(order))
        return places

    def _bytes(self) -> int:
        fragments = self._source.get_fragments()
        return sum(group.total_byte_size for fragment in fragments for group in fragment.row_groups)


def _write(rows: _Sorted, path: Path) -> None:
    from pyarrow import parquet

    with parquet.ParquetWriter(path, rows.schema) as writer:
        for table in rows.tables():
            writer.write_table(table, row_group_size=_GROUP)
