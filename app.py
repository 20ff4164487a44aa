"""The Space's entry, and `python app.py` anywhere: settings, store, pages, launch.

python app.py
"""

from __future__ import annotations

import sys

from ppai.errors import PPAIError
from ppai.settings import Settings, read_settings


def serve(settings: Settings) -> None:
    """Serves the study of `settings` until it is interrupted."""
    from eval import report
    from ppai.ui.serve import launch, open_context
    from ppai.verbs.live import answerers

    served = launch(open_context(settings, report, open_answerers=answerers))
    print(f"PPAI is ready: {served.url}", flush=True)
    served.wait()


def main() -> int:
    try:
        serve(read_settings())
    except PPAIError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
