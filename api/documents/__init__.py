"""What clients read: one document for each noun, made from rows, with fresh addresses.

Keys, masters, e-mail addresses and workflow ids never appear in one. Links are paths.
"""

from api.documents.animations import AnimationDocument, animation_document
from api.documents.jobs import (
    JobDocument,
    JobPage,
    JobParts,
    PageLinks,
    job_document,
    job_page,
)
from api.documents.restores import RestoreDocument, restore_document
from api.documents.uploads import UploadDocument, upload_document

__all__ = [
    "AnimationDocument",
    "JobDocument",
    "JobPage",
    "JobParts",
    "PageLinks",
    "RestoreDocument",
    "UploadDocument",
    "animation_document",
    "job_document",
    "job_page",
    "restore_document",
    "upload_document",
]
