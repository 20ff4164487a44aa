"""Makes a study from a dataset of the Hugging Face Hub, or from local Parquet, CSV and JSON files, with `datasets`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ppai.errors import MissingPackage, PPAIError
from ppai.studyfiles.new import NewStudy, new_from_rows

BUILDERS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}
"""How `datasets` calls the reader of each kind of local file."""


def new_from_dataset(
    dataset: str,
    out_dir: Path,
    split: str | None = None,
    *,
    subset: str | None = None,
    prompt_column: str | None = None,
    system_columns: Sequence[str] | None = None,
    limit: int | None = None,
    name: str | None = None,
) -> NewStudy:
    """Makes a study from a dataset; see `new_from_csv` for the columns.

    `dataset` is a name on the Hub, a local directory or a local file. Without a split, the only one or `test` is
    read. `limit` keeps the first rows.

    Raises:
        MissingPackage: if `datasets` is not installed.
        StudyError: with every problem of the rows; their line is their place in the dataset.
        PPAIError: if the dataset cannot be loaded, or `out_dir` is not empty.
    """
    table = _load(dataset, split, subset)
    if limit is not None:
        table = table.select(range(min(limit, len(table))))
    return new_from_rows(
        enumerate(table, start=1),
        out_dir,
        columns=list(table.column_names),
        source=dataset,
        name=name or Path(dataset).stem,
        prompt_column=prompt_column,
        system_columns=system_columns,
    )


def _load(dataset: str, split: str | None, subset: str | None) -> Any:
    try:
        import datasets
    except ImportError:
        raise MissingPackage("datasets", "hub") from None
    path = Path(dataset)
    builder = BUILDERS.get(path.suffix.lower()) if path.is_file() else None
    datasets.disable_progress_bars()
    try:
        if builder:
            loaded = datasets.load_dataset(builder, data_files=str(path), split=split)
        else:
            loaded = datasets.load_dataset(dataset, subset, split=split)
    except Exception as error:
        # datasets, its readers and its HTTP client have no error in common
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise PPAIError(f"dataset {dataset!r} cannot be loaded: {reason}") from error
    if not isinstance(loaded, dict):
        return loaded
    if len(loaded) > 1 and "test" not in loaded:
        raise PPAIError(f"dataset {dataset!r} has the splits {', '.join(loaded)}: say which with --split")
    return loaded["test"] if "test" in loaded else next(iter(loaded.values()))
