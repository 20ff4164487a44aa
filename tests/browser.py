"""Finds a Chromium for the browser tests, or installs one.

python tests/browser.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of a Chromium: PPAI_CHROMIUM, one on the PATH, or the one that Playwright installed."""
    chosen = os.environ.get("PPAI_CHROMIUM")
    if chosen:
        return chosen
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None  # noqa: PTH110


def install() -> None:
    """By Playwright's own download; where that fails, by Debian's packages as root."""
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode == 0:
        return
    if shutil.which("apt-get"):
        root = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*root, "apt-get", "update", "-qq"], check=True)
        subprocess.run(
            [*root, "apt-get", "install", "-y", "-qq", "chromium", "fonts-liberation"],
            check=True,
            stdout=subprocess.DEVNULL,
        )


if __name__ == "__main__":
    if find() is None:
        install()
    found = find()
    print(f"browser: {found}" if found else "no Chromium was found: install one, or set PPAI_CHROMIUM")
    sys.exit(0 if found else 1)
