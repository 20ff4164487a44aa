"""The Hugging Face Hub's client with a time limit, and its errors in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def client(seconds: float) -> HfApi:
    """A client without progress bars, each of whose requests fails where nothing comes for so many seconds."""
    from huggingface_hub import HfApi, get_session
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    get_session().timeout = seconds  # the library's own client waits for ever
    return HfApi()


def trouble(error: BaseException, *, right: str, anonymous: bool = False) -> str:
    """What went wrong, in words of our own: the library's messages have several lines, and may show signed addresses.

    `right` is what the token must allow, such as `write it`; `anonymous` is whether there may have been no token.
    """
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    chain = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    status = next((one.response.status_code for one in chain if isinstance(one, HfHubHTTPError)), None)
    kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
    if any(isinstance(one, OfflineModeIsEnabled) for one in chain):
        return "HF_HUB_OFFLINE is set"
    if status == 401 or any(isinstance(one, LocalTokenNotFoundError) for one in chain):
        return f"the hub does not accept the token in HF_TOKEN{', or there is none' if anonymous else ''}"
    if status in (403, 404, 409):
        return f"the token in HF_TOKEN may not {right} (status {status})"
    if status is not None:
        return f"the hub answers with status {status}"
    if "TimeoutException" in kinds:
        return "the hub does not answer in time"
    if kinds & {"TransportError", "ConnectionError"}:
        return "the hub cannot be reached"
    return next((one.strerror for one in chain if isinstance(one, OSError) and one.strerror), type(error).__name__)
