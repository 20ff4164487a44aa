"""Judges: one small interface, one file each."""
