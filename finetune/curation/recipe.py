"""The options of a curation: the published recipe's values, what goes beyond it, and how a YAML file says them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from finetune.model import PACKAGED
from ppai.errors import PPAIError

RECIPES = Path(__file__).parents[1] / "recipes"
PREFIX = "curation_"
_LARGEST = 2**53
"""Of whole numbers: engines have some room for their own beside it."""
DEFAULT = "default"

FELLOW_PARENT = (
    "You are a fellow parent replying to a post on a parenting forum. Answer the way one parent talks to another: "
    "warm, honest and practical, from your own experience. Share what worked for you, give one or two things to try, "
    "and do not use lists or headings. Keep it under 150 words."
)
FLAIRS = ("Adult Children", "Update", "Meta", "AMA", "Weekly", "Locked", "Trigger Warnings", "Rants")
BOTS = (
    "AutoModerator",
    "autowikibot",
    "B0tRank",
    "CommonMisspellingBot",
    "converter-bot",
    "FatFingerHelperBot",
    "gifreversingbot",
    "GoodBot_BadBot",
    "haikusbot",
    "HelperBot_",
    "image_linker_bot",
    "imguralbumbot",
    "LinkFixerBot",
    "metric_units",
    "nice-scores",
    "RemindMeBot",
    "SaveVideo",
    "SmallSubBot",
    "sneakpeekbot",
    "stabbot",
    "TotesMessenger",
    "tweetposter",
    "vredditdownloader",
    "vredditshare",
    "WikiSummarizerBot",
    "WikiTextBot",
    "youtubefactsbot",
)


@dataclass(frozen=True)
class Curation:
    """Every option of a curation. The defaults are the published values, with everything beyond them on."""

    self_posts: bool = True
    """Only posts that are texts of their own, no links."""
    question: bool = True
    """Only posts with a question mark in title or body."""
    comments_above: int = 2
    """A post must have more comments than this."""
    exclude_flairs: tuple[str, ...] = FLAIRS
    """Posts whose flair has one of these in it, as words, in singular or plural and any case, are left out."""
    min_score: int = 10
    """Of the comment that is a post's answer."""
    strip_links: bool = True
    """Links are taken out of answers."""
    fold_spaces: bool = True
    """White space is made one space."""
    min_characters: int = 55
    """Of the answer, as it is written."""
    max_tokens: int = 620
    """The conversation must have fewer, in the base model's chat template."""
    tokenizer: str = PACKAGED
    """Of the base model: a folder, a hub id, or the packaged SmolLM2; `none` counts no tokens and drops nothing."""
    system: str = FELLOW_PARENT
    """What the system says in each conversation; empty for none."""
    bots: tuple[str, ...] = BOTS
    """Authors whose posts and comments are left out."""
    skip_moderators: bool = True
    """Comments that a moderator wrote as such, and stickied ones, are no answers."""
    skip_askers: bool = True
    """Comments by the author of the post are no answers."""
    unescape: bool = True
    """The signs that Reddit's dumps write as HTML does (`&amp;`) are put back."""
    cut_edits: bool = True
    """Trailing "Edit:" and "TL;DR" parts are cut."""
    replace_personal: bool = True
    """User names, e-mail addresses, telephone numbers and links are replaced by a word in brackets."""
    recheck: bool = True
    """Pairs whose cleaned texts hold no word, or no question mark where one is asked for, are left out."""
    near_duplicates: float = 0.7
    """Posts whose runs of three words have at least this Jaccard similarity go to one side of the split; 0 for off."""
    near_tests: float = 0.25
    """Posts that share this much with a test prompt of the study are left out; 0 for off."""
    by_author: bool = True
    """All posts of one author go to one side of the split."""
    preference_share: float = 0.1
    """Of the posts, set aside for preference data; 0 for none."""
    preference_margin: int = 5
    """By how much an answer's score must be above that of the runner-up that it is preferred to."""
    runners_up: int = 3
    """Comments of a set-aside post beside its answer, at most."""
    train_share: float = 0.85
    train_multiple: int = 2400
    """The training set's size is rounded down to a multiple of this, the rest is validation."""
    quick: int = 100
    """Posts of the validation set that serve for quick checks."""
    seed: int = 42

    def __post_init__(self) -> None:
        """Raises PPAIError where a value is of a wrong type or out of range."""
        for field in fields(self):
            _check_type(field.name, getattr(self, field.name), field.default)
        for name in ("near_duplicates", "near_tests", "preference_share"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        _check("train_share", self.train_share, 0 < self.train_share < 1, "above 0 and below 1")
        for name in ("comments_above", "quick", "runners_up", "seed", "min_characters"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        for name in ("max_tokens", "train_multiple", "preference_margin"):
            _check(name, getattr(self, name), getattr(self, name) > 0, "above 0")

    def as_yaml(self) -> str:
        """All options, as a recipe file has them."""
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def known_recipes() -> list[str]:
    return sorted(path.stem.removeprefix(PREFIX) for path in RECIPES.glob(f"{PREFIX}*.yaml"))


def read_recipe(name: str, overrides: Mapping[str, Any] | None = None) -> Curation:
    """A recipe file, or one that PPAI brings by its name; `overrides` replace single values, None leaves one as it is.

    Raises PPAIError, naming file and key, where something in it is not known or wrong.
    """
    path = RECIPES / f"{PREFIX}{name}.yaml" if name in known_recipes() else Path(name)
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        known = ", ".join(known_recipes())
        raise PPAIError(f"--recipe: {name!r} is neither a file that can be read nor one of {known}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PPAIError(f"{path.name}: is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise PPAIError(f"{path.name}: must be a mapping of options to values")
    known_keys = [field.name for field in fields(Curation)]
    for key in values:
        if key not in known_keys:
            near = difflib.get_close_matches(str(key), known_keys, 1)
            raise PPAIError(f"{path.name}: {key!r} is no option" + (f"; did you mean {near[0]!r}?" if near else ""))
    try:
        recipe = Curation(**{key: _frozen(value) for key, value in values.items()})
    except PPAIError as error:
        raise PPAIError(f"{path.name}: {error}") from error
    return replace(recipe, **{key: value for key, value in (overrides or {}).items() if value is not None})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check(name: str, value: object, fits: bool, wanted: str) -> None:
    if not fits:
        raise PPAIError(f"{name}: must be {wanted}, not {value}")


def _check_type(name: str, value: object, default: object) -> None:
    if isinstance(default, tuple):
        fits = isinstance(value, tuple) and all(isinstance(one, str) and one.strip() for one in value)
        _check(name, repr(value), fits, "a list of texts")
    elif isinstance(default, bool):
        _check(name, repr(value), isinstance(value, bool), "true or false")
    elif isinstance(default, float):
        _check(name, repr(value), isinstance(value, int | float) and not isinstance(value, bool), "a number")
    elif isinstance(default, int):
        _check(name, repr(value), isinstance(value, int) and not isinstance(value, bool), "a whole number")
        _check(name, value, isinstance(value, int) and abs(value) < _LARGEST, f"below {_LARGEST:,}")
    else:
        _check(name, repr(value), isinstance(value, str), "a text")
