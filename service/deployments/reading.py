"""Reads a file of a deployment as strict YAML."""

from __future__ import annotations

from pathlib import Path

import yaml

from service.errors import ConfigurationError
from service.strict_yaml import UniqueKeys


def read_yaml(path: Path, kind: str) -> object:
    """The content of a YAML file; `kind` says in errors what it is.

    Raises:
        ConfigurationError: it cannot be read, in one line.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), UniqueKeys)  # noqa: S506 - a SafeLoader made stricter
    except (yaml.YAMLError, OSError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{kind} {path}: {' '.join(str(error).split())}") from error
