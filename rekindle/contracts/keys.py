"""Where every object lies in the bucket.

What a browser has sent lies apart until it has been read and is the original of a job. The
original, the working copy and the masters are private for good, and HD is read only by those who
paid for it; previews and thumbnails may be shown. `stamp` is made once, in the workflow, so a
repeated activity writes to the same key.
"""

from uuid import UUID

INCOMING = "incoming/"
"""Under it lies what browsers have sent, and nothing else."""


def incoming(upload_id: UUID) -> str:
    """A photo as a browser has sent it. Deleted when it is a job, or nobody makes one of it."""
    return f"{INCOMING}{upload_id}"


def upload_of(key: str) -> UUID | None:
    """The upload of an `incoming` key; None for a key that is none."""
    try:
        upload_id = UUID(key.removeprefix(INCOMING))
    except ValueError:
        return None
    return upload_id if key == incoming(upload_id) else None


FOLDERS = ("animated/", "generated/", "restored/", "thumbnails/", "uploaded/", "working/")
"""Under them lies what belongs to jobs, and nothing else. In the order of their names."""
_ID_LENGTH = 36


def prefixes_of(job_id: UUID) -> tuple[str, ...]:
    """What every key of a job begins with, and no key of another."""
    files = (f"uploaded/{job_id}.", f"working/{job_id}.")
    folders = ("restored", "animated", "generated", "thumbnails")
    return (*files, *(f"{folder}/{job_id}/" for folder in folders))


def job_of(key: str) -> UUID | None:
    """The job that a key belongs to; None for a key that is none of ours."""
    folder, _, name = key.partition("/")
    try:
        job_id = UUID(name[:_ID_LENGTH])
    except ValueError:
        return None
    is_ours = f"{folder}/" in FOLDERS and name.startswith(str(job_id))
    return job_id if is_ours and name[_ID_LENGTH : _ID_LENGTH + 1] in (".", "/") else None


def uploaded(job_id: UUID, extension: str) -> str:
    """The original, byte for byte. `extension` without a dot."""
    return f"uploaded/{job_id}.{extension}"


def working(job_id: UUID) -> str:
    """The upright, stripped sRGB copy that graphs work on."""
    return f"working/{job_id}.png"


def restored_master(job_id: UUID, stamp: str) -> str:
    """What the graph made, untouched: the source of HD."""
    return f"restored/{job_id}/{stamp}_master.png"


def restored_preview(job_id: UUID, stamp: str) -> str:
    """The watermarked preview."""
    return f"restored/{job_id}/{stamp}.jpg"


def restored_hd(job_id: UUID, stamp: str) -> str:
    """The HD picture. `stamp` is that of the restoration it is made from."""
    return f"restored/{job_id}/{stamp}_hd.png"


def animated_master(job_id: UUID, stamp: str) -> str:
    """The clip that the graph made, untouched: the source of HD."""
    return f"animated/{job_id}/{stamp}_master.mp4"


def animated_preview(job_id: UUID, stamp: str) -> str:
    """The watermarked preview of a clip."""
    return f"animated/{job_id}/{stamp}_preview.mp4"


def animated_hd(job_id: UUID, stamp: str) -> str:
    """The HD clip. `stamp` is that of the animation it is made from."""
    return f"animated/{job_id}/{stamp}_result.mp4"


def generated_master(job_id: UUID, stamp: str) -> str:
    """What the graph made of words, untouched."""
    return f"generated/{job_id}/{stamp}_master.png"


def generated_preview(job_id: UUID, stamp: str) -> str:
    """The watermarked preview of a generation."""
    return f"generated/{job_id}/{stamp}.jpg"


_UNLABELLED = "_unlabelled."


def unlabelled(key: str) -> str:
    """Where an HD result lies between its graph and its origin label. Deleted afterwards."""
    name, _, extension = key.rpartition(".")
    return f"{name}{_UNLABELLED}{extension}"


def labelled(key: str) -> str:
    """The key of the HD result that comes of what lies under an `unlabelled` key."""
    return key.replace(_UNLABELLED, ".")


def thumbnail(job_id: UUID, stamp: str) -> str:
    """The thumbnail."""
    return f"thumbnails/{job_id}/{stamp}.jpg"
