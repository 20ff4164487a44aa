"""Serves plotly.js as the Python package brings it, so that a page asks no other server for it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

PATH = "/ppai/plotly.min.js"
CACHE = "public, max-age=31536000, immutable"
"""For ever: the address that a page gets changes with the package's version."""


def plotly_address() -> str:
    """Relative to the app's root, whatever a proxy puts before it."""
    return f"{PATH.removeprefix('/')}?v={version('plotly')}"


@cache
def plotly_script() -> Path:
    """Raises RuntimeError where plotly is not installed."""
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("plotly is not installed: pip install plotly")
    return Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"


async def _serve(_request: Request) -> FileResponse:
    return FileResponse(plotly_script(), media_type="text/javascript", headers={"Cache-Control": CACHE})


def plotly_route() -> Route:
    return Route(PATH, _serve, methods=["GET"])
