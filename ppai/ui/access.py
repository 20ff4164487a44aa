"""Who may see results and single votes; checked inside every handler, since any of them answers plain HTTP."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from enum import StrEnum
from threading import BoundedSemaphore

from itsdangerous import BadData, URLSafeTimedSerializer

from ppai.schema import ResultsAccess
from ppai.settings import Settings
from ppai.store.base import Store
from ppai.ui.desk import Desk

ADMIN_HOURS = 12
LOGIN_SECONDS = 1.0
"""Every login takes at least this long, right or wrong."""
LOGINS_AT_ONCE = 3
"""More are refused without a look: each holds one of the threads that votes need too."""


class TooManyLogins(Exception):
    """As many logins as may run at once are running; this one was not looked at."""


class Refusal(StrEnum):
    """Why a page is not shown; each is a text key of the interface."""

    FINISH_FIRST = "access.finish_first"
    AFTER_SESSION = "access.after_session"
    ADMIN_ONLY = "access.admin_only"
    NO_PASSWORD = "access.no_password"


@dataclass(frozen=True)
class Gate:
    """Decides from a browser's code and admin token, both of which may be missing or forged."""

    store: Store
    desk: Desk
    settings: Settings
    _logins: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(LOGINS_AT_ONCE), repr=False)

    def results(self, code: object, admin: object) -> Refusal | None:
        """None where the results page may be shown."""
        return self._refusal(self._access(), code, admin)

    def _access(self) -> ResultsAccess:
        """In force now: the study may have been replaced while it is served."""
        self.desk.refresh()
        return self.settings.results_access(self.desk.config.results)

    def browse(self, code: object, admin: object) -> Refusal | None:
        """Single votes are never shown more openly than after one's own session, of one vote at least."""
        access = self._access()
        if access is ResultsAccess.OPEN:
            access = ResultsAccess.AFTER_SESSION
        return self._refusal(access, code, admin)

    def _refusal(self, access: ResultsAccess, code: object, admin: object) -> Refusal | None:
        if self.is_admin(admin):
            return None
        if access is ResultsAccess.ADMIN:
            return Refusal.ADMIN_ONLY
        rater = self.desk.rater(code if isinstance(code, str) else None)
        participant = None if rater is None else self.store.participant(self.desk.name, rater)
        if participant is not None and participant.finished_at is None:
            return Refusal.FINISH_FIRST
        if access is ResultsAccess.AFTER_SESSION and (rater is None or participant is None or not self._voted(rater)):
            return Refusal.AFTER_SESSION
        return None

    def _voted(self, rater: str) -> bool:
        """Whether a rater answered anything: to agree and finish at once opens nothing."""
        return self.store.answered(self.desk.name, rater) > 0

    def _serializer(self) -> URLSafeTimedSerializer | None:
        """Signs with the password, so that a new one ends all sessions of the old."""
        if self.settings.admin_password is None:
            return None
        password = self.settings.admin_password.get_secret_value().encode()
        key = hmac.digest(self.store.secret("admin"), password, hashlib.sha256)
        return URLSafeTimedSerializer(key, salt="ppai.admin")

    def is_admin(self, token: object) -> bool:
        serializer = self._serializer()
        if serializer is None or not isinstance(token, str):
            return False
        try:
            return bool(serializer.loads(token, max_age=ADMIN_HOURS * 3600) == "admin")
        except (BadData, UnicodeError):
            return False

    def log_in(self, password: object) -> str | None:
        """An admin token for the right password; None for a wrong one, or where none is set.

        Raises TooManyLogins, at once.
        """
        if not self._logins.acquire(blocking=False):
            raise TooManyLogins
        try:
            return self._slow_log_in(password)
        finally:
            self._logins.release()

    def _slow_log_in(self, password: object) -> str | None:
        started = time.monotonic()
        serializer = self._serializer()
        wanted = self.settings.admin_password
        right = (
            serializer is not None
            and wanted is not None
            and isinstance(password, str)
            and hmac.compare_digest(password.encode(errors="replace"), wanted.get_secret_value().encode())
        )
        time.sleep(max(0.0, LOGIN_SECONDS - (time.monotonic() - started)))
        return str(serializer.dumps("admin")) if right and serializer is not None else None
