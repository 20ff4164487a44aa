"""A digest of a study and its events, by which two reports are known to be of the same data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

import pandas as pd

from ppai.frames import VERDICT_COLUMNS, VOTE_COLUMNS, outcome_column
from ppai.ui.report import Data


def data_digest(data: Data) -> str:
    """SHA-256 in hex of what was asked, shown, voted, judged and scored, in whatever order a store or files have it."""
    study = data.study
    found = hashlib.sha256()
    records: Iterable[Sequence[str]] = (
        [study.config.model_dump_json()],
        sorted(one.model_dump_json() for one in study.prompts),
        sorted(one.model_dump_json() for one in study.responses),
        sorted(one.model_dump_json() for one in data.scores),
        _rows(data.votes, VOTE_COLUMNS, study.config.keys),
        _rows(data.verdicts, VERDICT_COLUMNS, study.config.keys),
    )
    for lines in records:
        found.update(json.dumps(lines, ensure_ascii=True).encode())
    return found.hexdigest()


def _rows(frame: pd.DataFrame, columns: Sequence[str], keys: Sequence[str]) -> list[str]:
    named = [*(name for name in columns if name in frame), *(outcome_column(key) for key in keys)]
    return sorted(frame[named].to_csv(index=False, header=False).splitlines())
