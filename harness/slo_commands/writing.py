"""Generated files of `courtsight slo`, written so that a folder never holds half of them and never loses what is not ours."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from slo.errors import CourtSightError, InvalidInput, Problem

MARK = b"# Generated from the SLO spec"
"""How every file of ours begins, `alerts.emit` writes it."""
OPENSLO_FILES = "*.openslo.yaml"
"""What `export` writes, perhaps beside rules."""


def write_folder(
    folder: Path, files: Mapping[str, bytes], *, force: bool, mark: bytes = MARK, removes: str = "*", keeps: str = ""
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write files below a folder: all are written beside their places first, and only then renamed into them.

    Args:
        folder: Made if it is missing.
        files: Path below the folder -> contents.
        mark: How files begin that may be replaced and removed: those of this service, not of another one whose rules lie here.
        removes: Names of files that this command writes: those of earlier, and of no other command, go.
        keeps: Of these, the names that another command writes.
        force: Replace files of others that have the same names; those with other names stay in any case.

    Returns:
        The paths that changed, and files of ours from earlier that were removed because nothing generates them any more.

    Raises:
        InvalidInput: The folder holds files that do not begin so, and force is not given.
        CourtSightError: A file cannot be written; those that were there before are as they were.
    """
    # Not deeper: whoever generates into the root of a project keeps what lies in its folders.
    present = sorted(path for depth in ("*", "*/*") for path in folder.glob(depth) if path.is_file())
    foreign = [path for path in present if not _begins(path, mark)]
    if foreign and not force:
        names = ", ".join(str(path.relative_to(folder)) for path in foreign[:5])
        more = f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
        said = f"holds files that were not generated from this service's spec: {names}{more}"
        raise InvalidInput((Problem(str(folder), None, "", said, "name another folder, or give --force"),))
    changed = {name: content for name, content in files.items() if _content(folder / name) != content}
    try:
        replace_all({folder / name: content for name, content in changed.items()})
        strays = [
            path
            for path in present
            if _is_stray(path, removes, keeps) and path not in foreign and str(path.relative_to(folder)) not in files
        ]
        for path in strays:
            path.unlink()
    except OSError as error:
        raise CourtSightError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    return tuple(sorted(changed)), tuple(str(path.relative_to(folder)) for path in strays)


def replace_all(files: Mapping[Path, bytes]) -> None:
    """Put files into their places, all or none: a full disk shows while everything still lies beside its place.

    Raises:
        OSError: One cannot be written.
    """
    written: dict[Path, Path] = {}
    try:
        for target, content in files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            written[target] = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o644)
        for target, beside in written.items():
            beside.replace(target)
    finally:
        for beside in written.values():
            beside.unlink(missing_ok=True)


def _is_stray(path: Path, removes: str, keeps: str) -> bool:
    return fnmatch(path.name, removes) and not fnmatch(path.name, keeps)


def _begins(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) == mark
    except OSError:
        return False


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
