"""A folder on this machine that only this user can open."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path


def private_folder(name: str) -> Path:
    """The path of a folder for `name`, to be made in one that only this user can open, in shared memory if possible.

    Raises OSError when others could write to it.
    """
    if not hasattr(os, "getuid"):
        raise OSError("this platform has no folders of one user")
    shared_memory = Path("/dev/shm")  # noqa: S108 - the folder in it is ours alone, which is made sure of below
    parent = shared_memory if os.access(shared_memory, os.W_OK) else Path(tempfile.gettempdir())
    folder = parent / f"mongo-event-store-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise OSError(f"{folder} is not a folder of this user alone")
    return folder / hashlib.sha256(name.encode()).hexdigest()[:32]
