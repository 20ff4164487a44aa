"""A validation set that several processes share in batches of one size, without an example that counts twice."""

from __future__ import annotations

from typing import Any

from finetune.training.tokens import IGNORED


def evened(dataset: Any, rows: int) -> Any:
    """The dataset, filled to a multiple of `rows` with copies of its last example whose labels carry no loss.

    accelerate fills it likewise, with whole examples from the start, which would then weigh twice.
    """
    from datasets import concatenate_datasets

    missing = -len(dataset) % rows
    if not missing:
        return dataset
    silent = dataset.select([len(dataset) - 1] * missing).map(_silent, features=dataset.features)
    return concatenate_datasets([dataset, silent])


def _silent(example: dict[str, Any]) -> dict[str, Any]:
    return {**example, "labels": [IGNORED] * len(example["labels"])}
