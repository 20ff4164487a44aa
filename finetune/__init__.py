"""Curation of training data and training of adapters."""
