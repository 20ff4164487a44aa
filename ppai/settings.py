"""The only reader of the environment: every setting, its meaning and its default."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ppai.errors import SettingsError
from ppai.schema import ResultsAccess

LOOPBACK = ("127.0.0.1", "localhost", "::1")

DATASET_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
"""`owner/name`, so that a directory given by a relative path begins with `./`."""


class Settings(BaseSettings):
    """Settings of the app, each read from the variable that its alias names."""

    model_config = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)

    database_url: str = Field("sqlite:///var/ppai.db", alias="PPAI_DATABASE_URL")
    study: Path = Field(Path("data_to_share"), alias="PPAI_STUDY")
    host: str | None = Field(None, alias="PPAI_HOST")
    port: int = Field(7860, alias="PPAI_PORT", ge=0, le=65535)
    results: ResultsAccess | None = Field(None, alias="PPAI_RESULTS")
    admin_password: SecretStr | None = Field(None, alias="PPAI_ADMIN_PASSWORD")
    backup: str | None = Field(None, alias="PPAI_BACKUP")
    """A directory (`/mnt/backup`, `./backup`), or the id of a private Hugging Face dataset (`owner/name`), to which
    the SQLite store is copied."""
    token_hours: float = Field(12.0, alias="PPAI_TOKEN_HOURS", gt=0)
    """Hours for which the token of a pair on screen is good."""
    space_id: str | None = Field(None, alias="SPACE_ID")

    share: bool = Field(False, alias="PPAI_SHARE")
    """Whether to make a public link as well, which Gradio's servers relay for some days."""
    replace: bool = Field(False, alias="PPAI_REPLACE")
    """Whether a changed study replaces the stored one at start; votes are kept either way."""

    live: bool = Field(False, alias="PPAI_LIVE")
    """Whether visitors may ask questions of their own, which the study's systems answer at once."""
    live_per_hour: int = Field(10, alias="PPAI_LIVE_PER_HOUR", ge=1)
    """Questions an hour of one rater."""
    live_overall_per_hour: int = Field(120, alias="PPAI_LIVE_OVERALL_PER_HOUR", ge=1)
    """Questions an hour of all raters together."""
    live_at_once: int = Field(1, alias="PPAI_LIVE_AT_ONCE", ge=1, le=64)
    """Questions that are answered together; one for models in this process."""
    live_queue: int = Field(20, alias="PPAI_LIVE_QUEUE", ge=0)
    """Questions that may wait."""
    live_seconds: float = Field(120.0, alias="PPAI_LIVE_SECONDS", gt=0, allow_inf_nan=False)
    """Within which both answers must be complete, and in half of which both must have begun."""
    live_min_chars: int = Field(10, alias="PPAI_LIVE_MIN_CHARS", ge=1)
    live_max_chars: int = Field(2000, alias="PPAI_LIVE_MAX_CHARS", ge=1, le=20_000)
    live_words_per_second: float = Field(12.0, alias="PPAI_LIVE_WORDS_PER_SECOND", gt=0, le=1000)
    """At which both answers are shown; slower where one is written more slowly."""

    openai_api_key: SecretStr | None = Field(None, alias="OPENAI_API_KEY")
    """Key of the OpenAI-compatible server that judges and writes test prompts; kept nowhere."""
    openai_base_url: str | None = Field(None, alias="OPENAI_BASE_URL")
    """Its address where it is not OpenAI's, such as http://127.0.0.1:8000/v1; `--base-url` comes before it."""

    @property
    def address(self) -> str:
        """Where the app listens: on a Space on every interface, else on loopback, unless PPAI_HOST says."""
        return self.host or ("0.0.0.0" if self.space_id else "127.0.0.1")

    @property
    def on_loopback(self) -> bool:
        return self.address in LOOPBACK and self.space_id is None and not self.share

    @field_validator("backup")
    @classmethod
    def _names_a_place(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if _sqlite_file(info.data.get("database_url", "")) is None:
            raise PydanticCustomError("backup", "only a SQLite file is copied; PostgreSQL has backups of its own")
        if _directory(value) is None and not DATASET_ID.fullmatch(value):
            raise PydanticCustomError(
                "backup", "neither a directory, such as ./backup, nor the id of a dataset, such as owner/name"
            )
        return value

    @field_validator("live_max_chars")
    @classmethod
    def _leaves_room(cls, value: int, info: ValidationInfo) -> int:
        shortest = info.data.get("live_min_chars", 1)
        if value < shortest:
            raise PydanticCustomError("live_max_chars", f"less than PPAI_LIVE_MIN_CHARS, which is {shortest}")
        return value

    @property
    def sqlite_file(self) -> Path | None:
        """The file of a SQLite store; None for PostgreSQL."""
        return _sqlite_file(self.database_url)

    @property
    def backup_directory(self) -> Path | None:
        return None if self.backup is None else _directory(self.backup)

    @property
    def backup_dataset(self) -> str | None:
        """`owner/name`."""
        return self.backup if self.backup_directory is None else None

    @property
    def votes_may_be_lost(self) -> bool:
        """On a Space, a SQLite file is gone at the next restart unless it, or its backup, lies elsewhere."""
        if self.space_id is None or not self.database_url.startswith("sqlite") or self.backup_dataset is not None:
            return False
        return not any(place is not None and on_volume(place) for place in (self.sqlite_file, self.backup_directory))

    def results_access(self, of_study: ResultsAccess | None) -> ResultsAccess:
        """Who may see results: PPAI_RESULTS, else what the study says, else by where the app is served."""
        default = ResultsAccess.OPEN if self.on_loopback else ResultsAccess.AFTER_SESSION
        return self.results or of_study or default


def on_volume(path: Path) -> bool:
    """Whether `path` lies under a mounted volume, as /data is on a Space with persistent storage."""
    place = path.absolute()
    return any(os.path.ismount(parent) for parent in (place, *place.parents) if parent != Path(place.anchor))


def _sqlite_file(url: str) -> Path | None:
    scheme, _, rest = url.partition("://")
    name = rest.partition("?")[0].removeprefix("/")
    return Path(name) if scheme.startswith("sqlite") and name not in ("", ":memory:") else None


def _directory(value: str) -> Path | None:
    path = Path(value).expanduser()
    return path if path.is_absolute() or value.startswith((".", "~")) else None


def read_settings(**given: object) -> Settings:
    """The settings of this process; `given` overrides the environment.

    Raises SettingsError naming the variable.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{first['loc'][0]}: {first['msg']}") from None
