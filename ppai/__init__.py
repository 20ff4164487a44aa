"""PPAI: blinded human votes, automated judges and honest statistics for comparing language models."""

__version__ = "0.1.0"
