"""The file of `ppai report --json`: the Summary, and what the page shows beside it of texts, times, judges and scores.

By arm it adds `texts` (null where a study does not hold what was shown), `votes_by_time` and `judge_counts`; once
`n_prompts` and `scores`, each with whether it is `stale`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ppai.frames import submitted
from ppai.schema import Arm, Scores, Study
from ppai.scored import is_stale
from ppai.ui.filters import of_arm
from ppai.ui.habit_figures import votes_by_time
from ppai.ui.judge_counts import counts_of
from ppai.ui.report import Data
from ppai.ui.text_tables import scanned


def report_json(summary: Mapping[str, Any], data: Data) -> dict[str, Any]:
    """`summary` is that of the data, as the contract has it; every number of the page is here."""
    shown = (arm.value for arm in data.study.config.format.arms)
    arms = list(dict.fromkeys([Arm.AS_IS.value, *shown, *summary["arms"]]))
    return {
        **summary,
        "n_prompts": len(data.study.prompts),
        "texts": {arm: _texts(data.study, arm) for arm in arms},
        "votes_by_time": {arm: _times(of_arm(data.votes, arm)) for arm in arms},
        "judge_counts": {arm: _judges(of_arm(data.verdicts, arm)) for arm in arms},
        "scores": _scores(data.scores, data.study),
    }


def _texts(study: Study, arm: str) -> dict[str, Any] | None:
    """What each system's responses show, and how well one trait alone tells two systems apart."""
    found = scanned(study, arm, None)
    if found is None:
        return None
    systems = {
        row.system: {key: value for key, value in asdict(row).items() if key != "system"} for row in found.systems
    }
    return {"systems": systems, "separations": [asdict(row) for row in found.separations]}


def _times(votes: pd.DataFrame) -> dict[str, Any] | None:
    """Votes by day or hour, UTC; those without a time are left out. None where no vote has one."""
    created = np.sort(submitted(votes)["created_at"].dropna().to_numpy(dtype=float))
    if not len(created):
        return None
    starts, counts, unit = votes_by_time(created)
    written = [pd.Timestamp(start, unit="s").strftime("%Y-%m-%dT%H:%MZ") for start in starts]
    return {"n": len(created), "unit": unit, "counts": dict(zip(written, counts, strict=True))}


def _judges(verdicts: pd.DataFrame) -> dict[str, Any]:
    """By judge, what it was asked; the cost is null where no price is known."""
    return {
        judge: {
            "n_verdicts": counts.verdicts,
            "n_unscored": counts.unscored,
            "unscored": dict(counts.reasons),
            "n_named": counts.named,
            "n_samples": counts.samples,
            "cost_usd": None if counts.unpriced == counts.verdicts else counts.cost,
            "n_unpriced": counts.unpriced,
        }
        for judge, counts in counts_of(verdicts).items()
    }


def _scores(scorings: Sequence[Scores], study: Study) -> list[dict[str, Any]]:
    """Without the row of each response, which `scores.jsonl` keeps."""
    return [one.model_dump(mode="json", exclude={"responses"}) | {"stale": is_stale(one, study)} for one in scorings]
