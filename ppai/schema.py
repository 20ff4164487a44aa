"""All records of a study, frozen and checked: the words of the file formats, and nothing that acts on them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from itertools import combinations
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Outcome(StrEnum):
    """A criterion's answer in a file: the side that wins, or a tie. Which system won is computed."""

    A = "a"
    B = "b"
    TIE = "tie"


class Arm(StrEnum):
    """How the two responses were shown; arms are never pooled."""

    AS_IS = "as_is"
    PLAIN = "plain"
    LIVE = "live"


class VoteStatus(StrEnum):
    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    VOID = "void"


class FormatMode(StrEnum):
    """Which arms a study shows."""

    AS_IS = "as_is"
    PLAIN = "plain"
    BOTH = "both"

    @property
    def arms(self) -> tuple[Arm, ...]:
        return {
            FormatMode.AS_IS: (Arm.AS_IS,),
            FormatMode.PLAIN: (Arm.PLAIN,),
            FormatMode.BOTH: (Arm.AS_IS, Arm.PLAIN),
        }[self]


class ResultsAccess(StrEnum):
    """Who may see the results page."""

    OPEN = "open"
    AFTER_SESSION = "after_session"
    ADMIN = "admin"


class Sides(StrEnum):
    """Whether `system_a` in a file says where the system really stood."""

    SHOWN = "shown"
    FILE = "file"


class Labelled(StrEnum):
    """How the pairs that people voted on were chosen."""

    RANDOM = "random"
    UNKNOWN = "unknown"


def _identifier(value: Any) -> Any:
    """Ids are strings or integers, compared as strings."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _in_utc(value: datetime) -> datetime:
    """A time without a zone is taken as UTC."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Identifier = Annotated[str, BeforeValidator(_identifier), Field(min_length=1, max_length=200)]


class Record(BaseModel):
    """Base of all records: frozen, and keeping what a file adds to the format."""

    model_config = ConfigDict(frozen=True, extra="allow")

    @property
    def extra(self) -> dict[str, Any]:
        """The keys that the format does not name, as they were read."""
        return dict(self.model_extra or {})


class Generation(Record):
    """How a system writes its responses: the model, what it is told first, and its sampling."""

    # All that stands here is recorded with each response: a key that does nothing would be published as a setting.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: Annotated[str, Field(min_length=1, max_length=500)]
    """A folder, a GGUF file, a hub id, `smollm2-135m-instruct`, or what the server at `base_url` calls its model."""
    adapter: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """A directory that `ppai sft` wrote, relative to the study's, or a hub id; None for the model alone."""
    base_url: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """Of an OpenAI-compatible server; None where the model runs in this process."""
    prompt: Annotated[str, Field(min_length=1, max_length=200)] = "generate_fellow_parent_v1"
    """What the system says first: a file of `eval/prompts` by its name, or a text file of the study (`*.txt`)."""
    max_new_tokens: Annotated[int, Field(ge=1, le=100_000)] = 150
    temperature: Annotated[float, Field(ge=0, le=100)] = 0.7
    """0 takes the most probable token each time."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    repetition_penalty: Annotated[float, Field(gt=0, le=100)] = 1.15
    """1 for none."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 42
    """Of all prompts; each has a seed of its own that is made from it."""
    load_in_4bit: bool | None = None
    """None for NF4 where CUDA is and the model has no quantization of its own."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.base_url is not None and self.adapter is not None:
            raise ValueError("adapter: a server has its adapters under names of their own: give that as the model")
        if self.base_url is not None and self.load_in_4bit is not None:
            raise ValueError("load_in_4bit: a server loads its model itself: leave it out beside base_url")
        return self


class System(Record):
    """A model with its prompt and sampling settings; never named to a rater or a judge."""

    id: Identifier
    name: str = ""
    model: str | None = None
    generation: Generation | None = None
    """How `ppai generate` and the live questions have it write; None for responses that came from elsewhere."""

    @property
    def label(self) -> str:
        return self.name or self.id


class Criterion(Record):
    """One question asked of a pair."""

    key: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
    question: Annotated[str, Field(min_length=1, max_length=500)]


DEFAULT_CRITERIA: tuple[Criterion, ...] = (
    Criterion(key="helpfulness", question="Which response would help the person who asks more?"),
    Criterion(key="empathy_tone", question="Which response has the warmer, more understanding tone?"),
    Criterion(key="creativity", question="Which response offers fresher, more original ideas?"),
    Criterion(key="clarity", question="Which response is clearer and easier to follow?"),
    Criterion(key="relatability", question="Which response sounds more like somebody who has been there?"),
    Criterion(key="adoptability", question="Which response's advice would you more likely follow?"),
    Criterion(key="overall", question="Overall, which response is better?"),
)
"""The seven criteria of the published study; their questions are translated where a study keeps them."""


class StudyConfig(Record):
    """`study.yaml`: what a study asks, of whom and how. Every key is optional in the file."""

    name: str = ""
    reference: Identifier | None = None
    """The system that others are compared with; the first where none is named."""
    systems: tuple[System, ...] = ()
    criteria: tuple[Criterion, ...] = DEFAULT_CRITERIA
    overall: str | None = None
    """Key of the summing-up criterion; `overall` where there is one, else the last."""
    required: tuple[str, ...] | None = None
    """Criteria that a vote must answer; all where none are named."""
    primary: str | None = None
    """The criterion that matters, fixed beforehand; the overall one where none is named."""
    margin: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    pairs: str = "all"
    """`reference`, `all`, or the name of a JSON Lines file of `{prompt_id, system_a, system_b}`."""
    overlap: Annotated[int, Field(ge=1, le=1000)] = 3
    session_pairs: Annotated[int, Field(ge=1, le=1000)] = 15
    format: FormatMode = FormatMode.AS_IS
    results: ResultsAccess | None = None
    reveal: bool = False
    sides: Sides = Sides.SHOWN
    labelled: Labelled | None = None
    probe: str | None = None
    """The question of the blinding probe, asked at a session's end; a default wording where none is given."""
    description: str | None = None
    """One or two sentences that the welcome shows to raters; names no system."""
    judge: str | None = None
    """The judge, fixed beforehand, that may be combined with people's votes; the only one where none is named."""
    judge_prompt: str | None = None
    """The prompt of the study's own for judges, instead of `eval/prompts/judge_v1.txt`; the same placeholders."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        keys = [criterion.key for criterion in self.criteria]
        ids = [system.id for system in self.systems]
        if not keys:
            raise ValueError("criteria: at least one is needed")
        for name, values in (("criteria", keys), ("systems", ids)):
            if len(set(values)) != len(values):
                raise ValueError(f"{name}: a key stands twice")
        named = {"overall": self.overall, "primary": self.primary}
        for field, key in named.items():
            if key is not None and key not in keys:
                raise ValueError(f"{field}: {key!r} is not one of the criteria")
        for key in self.required or ():
            if key not in keys:
                raise ValueError(f"required: {key!r} is not one of the criteria")
        if self.reference is not None and ids and self.reference not in ids:
            raise ValueError(f"reference: {self.reference!r} is not one of the systems")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the criteria, the overall one last."""
        others = [criterion.key for criterion in self.criteria if criterion.key != self.overall_key]
        return (*others, self.overall_key)

    @property
    def overall_key(self) -> str:
        keys = [criterion.key for criterion in self.criteria]
        return self.overall or ("overall" if "overall" in keys else keys[-1])

    @property
    def required_keys(self) -> tuple[str, ...]:
        return self.keys if self.required is None else self.required

    @property
    def primary_key(self) -> str:
        return self.primary or self.overall_key

    @property
    def system_ids(self) -> tuple[str, ...]:
        return tuple(system.id for system in self.systems)

    @property
    def reference_id(self) -> str:
        return self.reference or self.systems[0].id


LIVE_SPLIT = "live"
"""The split of prompts that are visitors' own questions."""


class Prompt(Record):
    """A test post. `text` is the whole; `title` and `body` its parts where they are known."""

    id: Identifier
    text: str
    title: str | None = None
    body: str | None = None
    topic: str | None = None
    split: str | None = None


class Response(Record):
    """One system's text for one prompt; an empty text is a response too, and shown as such."""

    prompt_id: Identifier
    system: Identifier
    text: str


class Pair(BaseModel):
    """A prompt with two systems, in the order of the study's systems; no side is meant."""

    model_config = ConfigDict(frozen=True)

    prompt_id: str
    first: str
    second: str


class Vote(Record):
    """A rater's outcomes for a pair: an event, never updated in place. `system_a` stood at side A."""

    vote_id: Identifier
    prompt_id: Identifier
    system_a: Identifier
    system_b: Identifier
    rater: Identifier
    outcomes: dict[str, Outcome] = {}
    arm: Arm = Arm.AS_IS
    repeat: Annotated[int, Field(ge=0)] = 0
    """0, or 1, 2, ... for a hidden repeat, which serves test-retest only."""
    revision: Annotated[int, Field(ge=1)] = 1
    status: VoteStatus = VoteStatus.SUBMITTED
    reason: str | None = None
    comment: str | None = None
    seconds: float | None = None
    """From the pair's appearance to the submission."""
    created_at: Moment | None = None

    @model_validator(mode="after")
    def _two_systems(self) -> Self:
        if self.system_a == self.system_b:
            raise ValueError("system_b: a vote of a system against itself")
        return self


class Verdict(Record):
    """A judge's outcomes for a pair in one order, or unscored with the reason. `system_a` was shown first."""

    judge: Identifier
    prompt_id: Identifier
    system_a: Identifier
    system_b: Identifier
    outcomes: dict[str, Outcome] = {}
    arm: Arm = Arm.AS_IS
    sample: Annotated[int, Field(ge=0)] = 0
    unscored: str | None = None
    justification: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    named: bool = False
    """True where the judge saw the systems' names."""
    usage: dict[str, Any] | None = None
    """`input_tokens`, `cached_tokens`, `output_tokens`, `cost_usd` (None where the price is unknown), `seconds`."""
    created_at: Moment | None = None
    asked: tuple[str, ...] | None = None
    """Criteria that the judge was asked; those of `outcomes` where it is not said."""
    unscored_criteria: dict[str, str] = {}
    """Why a criterion that was asked has no outcome, where others have one."""
    raw: str | None = None
    """The judge's reply as it came, where something in it could not be used."""
    fingerprint: str | None = None
    """Of the system that answered, as its server names it."""
    texts: str | None = None
    """Digest of the post and the two responses as shown, by which a later change of them is known."""
    item: str | None = None
    """Key of what was asked: judge, model, prompt version, post, both texts in order, arm, sample; see eval.judging."""

    @model_validator(mode="after")
    def _two_systems(self) -> Self:
        if self.system_a == self.system_b:
            raise ValueError("system_b: a verdict of a system against itself")
        if self.unscored is not None and self.outcomes:
            raise ValueError("unscored: an unscored verdict has no outcomes")
        if self.unscored is None and not self.outcomes:
            raise ValueError("outcomes: empty, and no reason in unscored")
        return self

    @property
    def place(self) -> tuple[str, str, str, str, str, int]:
        """What tells a study's verdicts apart: judge, pair in its order, arm and sample."""
        return self.judge, self.prompt_id, self.system_a, self.system_b, self.arm.value, self.sample


class Scores(Record):
    """One scoring of a study's responses by automatic metrics, against references or without; see `eval.metrics`."""

    name: Identifier
    """Tells scorings of a study apart: a later one of the same name takes its place."""
    arm: Arm = Arm.AS_IS
    references: str | None = None
    """Name of the file of references; None for a description of the responses alone."""
    references_digest: str | None = None
    """Of the references used, by which two files of one name are told apart."""
    texts: str | None = None
    """Digest of the responses scored, by which a later change of them is known; see `ppai.scored`."""
    encoder: str | None = None
    """Of BERTScore."""
    signatures: dict[str, str] = {}
    """What made each metric's numbers, by metric: library, version, settings."""
    confidence: float = 0.95
    systems: dict[str, dict[str, dict[str, Any]]]
    """An INTERVAL by system and figure (`bleu`, `rougeL`, `bertscore_f1`, `words`, ...)."""
    differences: dict[str, dict[str, dict[str, Any]]] = {}
    """By `x>y` and figure: an INTERVAL of the difference x - y, with the `p` of a paired test."""
    responses: tuple[dict[str, Any], ...] = ()
    """A row a response: `prompt_id`, `system`, and each figure that one response has."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know, a sentence each."""
    created_at: Moment | None = None


class Assignment(Record):
    """Which rater was given which pair, when, on which sides, and by what draw."""

    assignment_id: Identifier
    prompt_id: Identifier
    system_a: Identifier
    system_b: Identifier
    rater: Identifier
    arm: Arm = Arm.AS_IS
    repeat: Annotated[int, Field(ge=0)] = 0
    draw: str = ""
    created_at: Moment | None = None


class Study(BaseModel):
    """One comparison: everything that its directory holds, checked together."""

    model_config = ConfigDict(frozen=True)

    config: StudyConfig
    prompts: tuple[Prompt, ...]
    responses: tuple[Response, ...]
    pairs: tuple[Pair, ...]
    votes: tuple[Vote, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    scores: tuple[Scores, ...] = ()
    live_prompts: tuple[Prompt, ...] = ()
    """Visitors' own questions, of the split `live`: apart from the study's prompts in every number."""
    live_responses: tuple[Response, ...] = ()

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def n_live_votes(self) -> int:
        return sum(vote.arm is Arm.LIVE for vote in self.votes)

    def counts(self) -> str:
        """How much of everything it holds, in words; live questions for themselves."""
        live = self.n_live_votes
        said = (
            f"{len(self.prompts)} prompts, {len(self.config.systems)} systems, {len(self.pairs)} pairs, "
            f"{len(self.votes) - live} votes, {len(self.verdicts)} verdicts"
        )
        asked = len(self.live_prompts)
        return f"{said}, and {asked} live questions with {live} votes" if asked or live else said

    def live_arm(self) -> Study:
        """The study as the live arm has it: its texts and the live ones, the pairs of the live questions, and one vote
        to complete each.

        The study as it is where it has no live questions: files may hold live votes on its own prompts.
        """
        if not self.live_prompts:
            return self
        order = {system: place for place, system in enumerate(self.config.system_ids)}
        answered: dict[str, list[str]] = {prompt.id: [] for prompt in self.live_prompts}
        for response in self.live_responses:
            answered[response.prompt_id].append(response.system)
        pairs = (
            Pair(prompt_id=prompt, first=first, second=second)
            for prompt, systems in answered.items()
            for first, second in combinations(sorted(systems, key=order.__getitem__), 2)
        )
        return self.model_copy(
            update={
                "config": self.config.model_copy(update={"overlap": 1}),
                "prompts": self.prompts + self.live_prompts,
                "responses": self.responses + self.live_responses,
                "pairs": tuple(pairs),
                "live_prompts": (),
                "live_responses": (),
            }
        )
