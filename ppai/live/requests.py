"""What a browser may ask of the arena, checked before anything is done."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ppai.errors import PPAIError
from ppai.schema import Outcome

Written = Annotated[str, Field(max_length=2000), AfterValidator(lambda text: text.replace("\0", ""))]
"""What a rater types; PostgreSQL keeps no NUL."""
Asked = Annotated[
    str, Field(max_length=40_000), AfterValidator(lambda text: text.replace("\0", "").replace("\r\n", "\n"))
]
Submission = Annotated[str, Field(min_length=8, max_length=100, pattern=r"^[\w.:-]+$")]


class LiveRequest(BaseModel):
    """What a browser may send; anything of another form is refused."""

    model_config = ConfigDict(extra="ignore")

    act: str
    code: Annotated[str, Field(max_length=40)] | None = None
    token: Annotated[str, Field(max_length=400)] = ""
    question: Asked = ""
    confirmed_personal: bool = False
    submission: Submission | None = None
    outcomes: Annotated[dict[str, Outcome], Field(max_length=100)] = {}
    comment: Written = ""
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    side: Literal["a", "b", "both"] = "both"
    text: Written = ""


class Refused(PPAIError):
    """An act that cannot be done now; `view` is what the browser gets: an error key, and what it needs."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.view = {"error": f"error.{error}"} | more
