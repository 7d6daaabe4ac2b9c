"""Everything that is generated from the spec: which files, written, and held against what is committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import alerts.generate
import dashboards.generate
from alerts.catalogue import load_catalogue
from alerts.catalogue.compat import load_compat
from alerts.catalogue.page import catalogue_page
from reports.document import schemas
from slo import spec_schema
from slo.errors import CourtSightError
from slo.spec import Spec

OWNED = ("alerts/generated", "dashboards/generated", "slo/schemas")
"""Folders in which every file is generated: one that we would not write is a finding."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One file that differs from what the spec says: its path from the root, and how it differs."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}; run: make generate"


def generated_files(spec: Spec) -> dict[str, bytes]:
    """All generated files of a spec, by path from the project's root."""
    written = {**schemas(), spec_schema.FILE: spec_schema.spec_schema_bytes()}
    published = {f"slo/schemas/{name}": content for name, content in written.items()}
    page = {"docs/alerts.md": catalogue_page(load_catalogue(), load_compat())}
    return {**page, **alerts.generate.generated_files(spec), **dashboards.generate.generated_files(spec), **published}


def drift(root: Path, files: Mapping[str, bytes]) -> tuple[Drift, ...]:
    """How the committed files differ from the generated ones: missing, changed, or not ours."""
    found = [_difference(root, path, content) for path, content in sorted(files.items())]
    present = {
        str(path.relative_to(root)) for folder in OWNED for path in sorted((root / folder).rglob("*")) if path.is_file()
    }
    strays = [Drift(path, "is not generated from the spec") for path in sorted(present - set(files))]
    return tuple(entry for entry in found if entry is not None) + tuple(strays)


def _difference(root: Path, path: str, content: bytes) -> Drift | None:
    try:
        committed = (root / path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Drift(path, "is missing")
    if committed == content:
        return None
    line = next(
        (
            number
            for number, (old, new) in enumerate(
                zip(committed.splitlines(), content.splitlines(), strict=False), start=1
            )
            if old != new
        ),
        min(len(committed.splitlines()), len(content.splitlines())) + 1,
    )
    return Drift(path, f"differs from the spec from line {line} on")


def write(root: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write the generated files and remove strays from the owned folders.

    Returns:
        The paths that changed.

    Raises:
        CourtSightError: A file cannot be written.
    """
    changed = [entry.path for entry in drift(root, files)]
    for path in changed:
        target = root / path
        try:
            if path in files:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(files[path])
            else:
                target.unlink()
        except OSError as error:
            raise CourtSightError(f"{path}: cannot be written: {error.strerror}") from error
    return tuple(changed)
