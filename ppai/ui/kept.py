"""What was made of data that may change: kept until it does, and then made anew."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

MOST = 64
"""How many things, such as states of the filters, are kept ready."""


class Kept:
    """Things by key, all made of the same objects. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[object, ...] = ()
        self._made: OrderedDict[object, Any] = OrderedDict()

    def get(self, of: tuple[object, ...], key: object, make: Callable[[], Any]) -> Any:
        """What was made before of the same objects, or else made now; what others make meanwhile is not waited for."""
        with self._lock:
            if not self._is_of(of):
                self._made.clear()
                self._of = of
            elif key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        value = make()
        with self._lock:
            if self._is_of(of):
                self._made[key] = value
                while len(self._made) > MOST:
                    self._made.popitem(last=False)
        return value

    def _is_of(self, of: tuple[object, ...]) -> bool:
        return len(self._of) == len(of) and all(a is b for a, b in zip(self._of, of, strict=True))
