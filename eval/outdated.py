"""Which verdicts were given on other texts than the study has now."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ppai.outdated import TextsNow
from ppai.schema import Study


def of_other_texts(study: Study, verdicts: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Of a verdict frame, those of other texts than the study's, shape (verdicts,); not those that do not say."""
    outdated = np.zeros(len(verdicts), dtype=bool)
    said = verdicts["texts"].notna().to_numpy()
    now = TextsNow(study)
    columns = (verdicts[name][said] for name in ("prompt_id", "system_a", "system_b", "arm", "texts"))
    for place, row in zip(np.flatnonzero(said), zip(*columns, strict=True), strict=True):
        outdated[place] = now.differ(*map(str, row))
    return outdated
