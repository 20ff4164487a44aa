"""The only reader of the environment: every setting, its meaning and its default."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ppai.errors import SettingsError
from ppai.schema import ResultsAccess

LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
    """A directory, or the id of a private Hugging Face dataset, to which the store is copied."""
    token_hours: float = Field(12.0, alias="PPAI_TOKEN_HOURS", gt=0)
    """Hours for which the token of a pair on screen is good."""
    space_id: str | None = Field(None, alias="SPACE_ID")

    replace: bool = Field(False, alias="PPAI_REPLACE")
    """Whether a changed study replaces the stored one at start; votes are kept either way."""

    @property
    def address(self) -> str:
        """Where the app listens: on a Space on every interface, else on loopback, unless PPAI_HOST says."""
        return self.host or ("0.0.0.0" if self.space_id else "127.0.0.1")

    @property
    def on_loopback(self) -> bool:
        return self.address in LOOPBACK

    @property
    def votes_may_be_lost(self) -> bool:
        """On a Space, a SQLite file is gone at the next restart unless it is copied elsewhere."""
        return self.space_id is not None and self.database_url.startswith("sqlite") and self.backup is None

    def results_access(self, of_study: ResultsAccess | None) -> ResultsAccess:
        """Who may see results: PPAI_RESULTS, else what the study says, else by where the app is served."""
        default = ResultsAccess.OPEN if self.on_loopback else ResultsAccess.AFTER_SESSION
        return self.results or of_study or default


def read_settings(**given: object) -> Settings:
    """The settings of this process; `given` overrides the environment.

    Raises SettingsError naming the variable.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{first['loc'][0]}: {first['msg']}") from None
