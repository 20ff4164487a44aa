"""Keeps the libraries' progress bars and notes off the screen, where PPAI says in its own lines what goes on."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ppai.errors import MissingPackage

LOGGERS = ("transformers", "trl", "peft", "accelerate", "datasets", "bitsandbytes", "torch", "huggingface_hub")


@contextmanager
def quiet() -> Iterator[None]:
    """Errors are raised as ever; warnings and bars are not shown. Raises MissingPackage without these libraries."""
    try:
        import datasets
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise MissingPackage(error.name or "transformers", "train") from None

    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        transformers_logging.disable_progress_bar()
        datasets.disable_progress_bars()
        try:
            with _no_gguf_bar():
                yield
        finally:
            transformers_logging.enable_progress_bar()
            datasets.enable_progress_bars()
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


@contextmanager
def _no_gguf_bar() -> Iterator[None]:
    """The bar of reading a GGUF file, which no setting of transformers switches off."""
    from transformers import modeling_gguf_pytorch_utils as reading

    bar = reading.tqdm
    reading.tqdm = lambda items, **_: items
    try:
        yield
    finally:
        reading.tqdm = bar
