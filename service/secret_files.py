"""Secrets that are given themselves or in a file, as Docker, Kubernetes and Vault's agent write them."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from service.errors import ConfigurationError
from service.masking import told_path

PREFIX = "COURTSIGHT_"
"""Begins the names of all variables."""


def secret_of(name: str, given: SecretStr | None, file: Path | None) -> SecretStr | None:
    """A secret that is given itself, or in a file.

    Raises:
        ValueError: it is given in both ways, or the file cannot be read.
    """
    if file is None:
        return given
    if given is not None:
        raise ValueError(f"{PREFIX}{name} and {PREFIX}{name}_FILE are both set: keep one")
    return SecretStr(_read(name, file))


def secret_now(name: str, given: SecretStr | None, file: Path | None) -> str:
    """A secret as its file has it now; empty when there is none.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    if file is None:
        return given.get_secret_value().strip() if given else ""
    try:
        return _read(name, file)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _read(name: str, file: Path) -> str:
    """The text of a file.

    Raises:
        ValueError: it cannot be read, or read again: a pipe gives its text once, to one of several workers, and waits for somebody who writes.
    """
    what = f"{PREFIX}{name}_FILE: {told_path(file)}"
    try:
        if file.exists() and not file.is_file():
            raise ValueError(
                f"{what} is no regular file; a secret that comes by a pipe goes into the variable {PREFIX}{name}"
            )
        # Editors of Windows put a mark before the text, which nobody sees and no other copy of the secret has.
        return file.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} is no UTF-8 text; write the secret into it and nothing else") from error
    except OSError as error:
        raise ValueError(f"{what}: {error.strerror}; name a file that the service may read") from error


def listed(text: str) -> list[str]:
    """Several secrets, with commas or line breaks between them."""
    return [one for part in text.splitlines() for entry in part.split(",") if (one := entry.strip())]
