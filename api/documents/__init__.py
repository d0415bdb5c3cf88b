"""What clients read: one document for each noun, made from rows, with fresh addresses.

Keys, masters, e-mail addresses and workflow ids never appear in one. Links are paths.
"""

from api.documents.attempts import AttemptDocument, attempt_document
from api.documents.jobs import JobDocument, JobPage, PageLinks, job_document, job_page

__all__ = [
    "AttemptDocument",
    "JobDocument",
    "JobPage",
    "PageLinks",
    "attempt_document",
    "job_document",
    "job_page",
]
