"""What tests of the retrieval database share: the writer's and the reader's address of a database on the tests' server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.retrieval.postgres.connecting import Address
from tests.service.postgres_server import Server


@pytest.fixture(scope="session")
def addresses(server: Server) -> Callable[[str], tuple[Address, Address]]:
    """The writer's and the reader's address of a database."""

    def of(name: str) -> tuple[Address, Address]:
        writer, reader = (("courtsight_writer", "w"), ("courtsight_reader", "r"))
        made = (Address(server.url(name, *one), timeout_seconds=30.0) for one in (writer, reader))
        return next(made), next(made)

    return of
