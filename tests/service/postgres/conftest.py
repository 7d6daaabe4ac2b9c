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
        return Address(server.url(name, "courtsight_writer", "w")), Address(server.url(name, "courtsight_reader", "r"))

    return of
