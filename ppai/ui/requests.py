"""What a browser may ask of the desk, checked before anything is done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ppai.schema import Outcome
from ppai.ui.session import SkipReason

Written = Annotated[str, Field(max_length=2000), AfterValidator(lambda text: text.replace("\0", ""))]
"""What a rater types; PostgreSQL keeps no NUL."""


class ActRequest(BaseModel):
    """What a browser may send; anything longer or of another form is refused."""

    model_config = ConfigDict(extra="ignore")

    act: str
    code: Annotated[str, Field(max_length=40)] | None = None
    typed: Annotated[str, Field(max_length=100)] = ""
    token: Annotated[str, Field(max_length=400)] = ""
    submission: Annotated[str, Field(min_length=8, max_length=100, pattern=r"^[\w.:-]+$")] | None = None
    outcomes: Annotated[dict[str, Outcome], Field(max_length=100)] = {}
    comment: Written = ""
    reason: SkipReason | None = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    extra: bool = False
    side: Literal["a", "b", "both"] = "both"
    text: Written = ""
    guess: Literal["a", "b", "unsure"] | None = None


def error_of(error: ValidationError) -> str:
    """The text key of what is wrong with a request."""
    too_long = any(one["type"] in ("string_too_long", "dict_too_long", "too_long") for one in error.errors())
    return "error.too_long" if too_long else "error.bad_request"
