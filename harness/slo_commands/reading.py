"""How the commands of `courtsight slo` read specs and print tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slo.errors import InvalidInput, Problem

EXIT_FINE, EXIT_FOUND, EXIT_WRONG = 0, 1, 2
"""Exit statuses of every `slo` command: fine; findings or differences; an input that cannot be used."""


def files_of(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The spec files named: each file, and of a folder every `.yaml` and `.yml` below it, by name.

    Raises:
        InvalidInput: A folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(entry for entry in path.rglob("*") if entry.suffix in {".yaml", ".yml"} and entry.is_file())
        if path.is_dir() and not inside:
            raise InvalidInput((Problem(str(path), None, "", "holds no spec", "name a file, or a folder of them"),))
        found += inside if path.is_dir() else [path]
    return tuple(dict.fromkeys(found))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be; the last one is left as it is."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads) - 1)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(line[:-1], widths, strict=True)), line[-1]]).rstrip()
        for line in lines
    )


def as_json(value: Any) -> str:  # noqa: ANN401 - any plain document
    """A plain document as JSON for standard output."""
    return json.dumps(value, indent=1, ensure_ascii=False)
