"""Reads, checks, makes and writes the files of a study, in the general and the published layout."""

from ppai.studyfiles.checking import MAX_RESPONSE_BYTES
from ppai.studyfiles.hub import new_from_dataset
from ppai.studyfiles.new import NewStudy, new_from_csv, new_from_rows
from ppai.studyfiles.problems import Problem
from ppai.studyfiles.published_writing import PublishedReport, write_published
from ppai.studyfiles.reading import check_study, read_study
from ppai.studyfiles.writing import write_general

__all__ = [
    "MAX_RESPONSE_BYTES",
    "NewStudy",
    "Problem",
    "PublishedReport",
    "check_study",
    "new_from_csv",
    "new_from_dataset",
    "new_from_rows",
    "read_study",
    "write_general",
    "write_published",
]
