"""Which libraries wrote a response, so that a later run can tell why its text is another."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from ppai import __version__


def versions(*packages: str) -> dict[str, str]:
    """The versions of this program and of those of the packages that are installed."""
    found = {"ppai": __version__}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
