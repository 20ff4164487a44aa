"""The master of a Spark cluster: what Spark calls it, and whether it is there."""

from __future__ import annotations

import re
import socket

from ppai.errors import PPAIError

SECONDS = 10.0
"""In which a machine takes a connection; Spark itself goes on trying for a minute, and then says something else."""
STANDALONE = "spark://"
_NAMED = re.compile(r"local(-cluster)?(\[.*\])?|yarn|.*://.*")
"""What Spark names a master; anything else is the address of one."""


def master_of(address: str) -> str:
    """As Spark names it: `local[2]`, `yarn` and what has a scheme as they are, nothing is here, all else a host."""
    if not address:
        return "local[*]"
    return address if _NAMED.fullmatch(address) else f"{STANDALONE}{address}"


def check_reached(master: str, *, seconds: float = SECONDS) -> None:
    """Raises PPAIError where no machine of `spark://HOST:PORT,HOST:PORT` takes a connection within the `seconds`.

    Other masters are left to Spark.
    """
    if not master.startswith(STANDALONE):
        return
    refused = []
    for address, parts in [(one, _parts(one)) for one in master.removeprefix(STANDALONE).split(",")]:
        try:
            with socket.create_connection(parts, timeout=seconds):
                return
        except (OSError, UnicodeError) as error:  # the latter for a name that no machine can have
            refused.append(f"{address}: {getattr(error, 'strerror', None) or str(error) or type(error).__name__}")
    raise PPAIError(f"--engine: no Spark master is reached at {'; '.join(refused)}")


def _parts(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise PPAIError(f"--engine: {address!r} is no HOST:PORT of a Spark master, as in pyspark://HOST:7077")
    return host.strip("[]"), int(port)
