"""Verbs of the `ppai` command that have a module of their own."""
