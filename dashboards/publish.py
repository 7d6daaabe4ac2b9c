"""Putting a generated board into a Grafana over its HTTP API; the only I/O of this package."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import httpx

from slo.errors import CourtSightError, InvalidInput, Problem

IMPORT_ROUTE: Final = "/api/dashboards/db"
TIMEOUT_SECONDS: Final = 10.0

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_ADVICE: Final = {
    401: "the token was refused: give a service-account token of this Grafana",
    403: "the token may not write dashboards: give its service account the role Editor",
    404: "this address has no Grafana API: give the address under which Grafana's start page opens",
    412: "Grafana holds a board that it will not overwrite: is it provisioned from files?",
}


def read_token(path: Path) -> str:
    """A Grafana service-account token from a file, without the line's end.

    Raises:
        InvalidInput: The file is missing, or holds no token.
    """
    try:
        token = path.read_bytes().decode("ascii", errors="replace").strip()
    except OSError as error:
        raise InvalidInput(
            (Problem(str(path), None, "", f"the Grafana token cannot be read: {error.strerror}"),)
        ) from error
    if not _TOKEN.fullmatch(token):  # a client would refuse the header, and name the token in its message
        raise InvalidInput((Problem(str(path), None, "", "holds no Grafana token", "one word of printable ASCII"),))
    return token


def publish(board: bytes, address: str, token: str, *, folder_uid: str = "", message: str = "") -> str:
    """Create or overwrite a board by its uid.

    Args:
        board: A file of `dashboards.generate.generated_files`.
        address: Where Grafana answers, `http://127.0.0.1:3000`.
        token: Service-account token with role Editor.
        folder_uid: Folder to put it into; empty for the general one.
        message: Note for Grafana's version history.

    Returns:
        The address of the board.

    Raises:
        CourtSightError: Grafana cannot be reached, or refuses; the message says what to do.
    """
    body = {
        # Grafana finds the board by its uid; an id would belong to another installation.
        "dashboard": {**json.loads(board), "id": None},
        "folderUid": folder_uid,
        "message": message,
        "overwrite": True,
    }
    base = address.rstrip("/")
    try:
        answer = httpx.post(
            base + IMPORT_ROUTE, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_SECONDS
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CourtSightError(f"Grafana at {base} cannot be reached: {error}") from error
    if answer.status_code != httpx.codes.OK:
        advice = _ADVICE.get(answer.status_code, "see Grafana's own log")
        raise CourtSightError(f"Grafana at {base} answered {answer.status_code}: {advice}")
    return base + _path_of(answer, base)


def _path_of(answer: httpx.Response, base: str) -> str:
    try:
        return str(answer.json()["url"])
    except (ValueError, KeyError, TypeError) as error:
        raise CourtSightError(f"{base} answered, but not like Grafana: is the address right?") from error
