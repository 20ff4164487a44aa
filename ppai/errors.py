"""The errors that PPAI raises on purpose; each message is one line meant for a person.

PPAIError
├── StudyError        a study's files are wrong; carries every problem that was found
├── StudyChanged      a study of this name is already stored with other contents
├── StoreError        the store cannot be reached, read or written
├── TokenError        an item token is forged or altered
│   └── TokenExpired  an item token was signed here, too long ago
├── VoteRefused       a vote, skip, undo or report that does not fit the state of its item
├── JudgeStopped      no further request of a judge can succeed: the key, the model, the quota
├── RequestFailed     one request to a model failed, after all its retries
│   └── ServerSilent  and its server has answered nothing before
├── SettingsError     a setting in the environment is wrong
└── MissingPackage    an optional package is not installed; says the command that installs it
"""

from __future__ import annotations

from collections.abc import Sequence


class PPAIError(Exception):
    """Base of every error that the command line prints as one line, with exit code 2."""


class StudyError(PPAIError):
    """A study's files are wrong.

    `problems` holds one line each, `file:line: field: what is wrong`.
    """

    def __init__(self, problems: Sequence[object]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class StudyChanged(PPAIError):
    """A study of this name is already stored and differs; `differences` says how, `remedy` what to do."""

    def __init__(self, name: str, differences: Sequence[str], remedy: str = "Load it with --replace.") -> None:
        self.differences = tuple(differences)
        what = "; ".join(self.differences)
        super().__init__(f"study {name!r} is already loaded and differs: {what}. {remedy}")


class StoreError(PPAIError):
    """The store cannot be reached, read or written."""


class TokenError(PPAIError):
    """An item token is forged or altered."""


class TokenExpired(TokenError):
    """An item token was signed here, but too long ago; `item` is what it named."""

    def __init__(self, item: str) -> None:
        self.item = item
        super().__init__("this page is out of date")


class VoteRefused(PPAIError):
    """A vote, skip, undo or report that does not fit the state of its item; `code` names the reason."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class JudgeStopped(PPAIError):
    """No further request of a judge can succeed: the key is wrong, the model unknown, the quota spent."""


class RequestFailed(PPAIError):
    """One request to a model failed, after all its retries; another time it may succeed."""


class ServerSilent(RequestFailed):
    """A request failed, after all its retries, at a server that has not answered anything yet."""


class SettingsError(PPAIError):
    """A setting in the environment is wrong."""


class MissingPackage(PPAIError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'ppai[{extra}]'")
