"""`python -m service switch`: turn something while the service runs."""

from __future__ import annotations

from service.commands.accounts import Desk, transaction
from service.store.switches import is_on, turn

_BY = "command line"


def show(desk: Desk, name: str) -> str:
    """`on` or `off`.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    with transaction(desk) as connection:
        return "on" if is_on(connection, name) else "off"


def set_to(desk: Desk, name: str, *, on: bool) -> None:
    """Turn a switch; running services see it within a second.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    with transaction(desk) as connection:
        turn(connection, name, on=on, now=desk.now, by=_BY)
