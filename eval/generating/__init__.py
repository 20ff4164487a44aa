"""Writes the responses of a study's systems: in this process, or by a server."""
