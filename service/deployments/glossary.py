"""Reads the glossary by which questions in another language find sources."""

from __future__ import annotations

from pathlib import Path

from service.chat.translating import Glossary, glossary
from service.errors import ConfigurationError


def load_glossary(path: Path) -> Glossary:
    """Read a glossary.

    Raises:
        ConfigurationError: the file or a line of it is not of the form, in one line.
    """
    try:
        return glossary(path.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"glossary {path}: {error}") from error
