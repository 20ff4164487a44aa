"""A report as one file that asks no network for anything, with what a paper's appendix needs beside it."""
