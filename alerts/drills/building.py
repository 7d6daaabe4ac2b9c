"""What a drill's stack needs beside the service: a library or a database to find passages in, Redis, PostgreSQL; and the settings of it.

Everything is made before the service starts, and ended after it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from alerts.drills.drill import Database, Retrieval, Stage
from alerts.drills.faults import run_command
from target.relay import Relay, relayed
from target.servers import Server, postgresql, redis
from target.simulator import SimulatorPlan
from target.stack import service_program

SEED = 7
"""Of the simulator's draws: the same drill strikes the same questions."""
PROFILE = Path("simulator/profiles/instant.yaml")
CORPUS = Path("service/corpora/courtsight")
NOBODY_ASKS = "Zzyzx qwrtp vbnmk zxcvj plokm wqasz ghjkq xvbnw."
"""The one document of an index in which no word of any question stands."""

EMPTY_NUMBER = "000009"
"""Of the generation that holds only that document, beside the corpus that ships."""


@dataclass(slots=True)
class Surroundings:
    """What was made for a stage, and what the service is told of it."""

    settings: dict[str, str] = field(default_factory=dict)
    redis: Server | None = None
    postgresql: Server | None = None
    relay: Relay | None = None
    library: Path | None = None
    empty_generation: str = ""


def surroundings(stage: Stage, root: Path, folder: Path, ending: contextlib.ExitStack) -> Surroundings:
    """Make what a stage asks for, below `folder`; it is ended by `ending`.

    Raises:
        StackError: This machine lacks a program, or one did not start.
    """
    made = Surroundings(settings=dict(stage.settings))
    if stage.redis:
        made.redis = _begun(redis(folder / "redis", folder / "logs" / "redis.log", root), ending)
        made.settings["COURTSIGHT_REDIS_URL"] = made.redis.url
    if stage.database is Database.POSTGRESQL or stage.retrieval is Retrieval.POSTGRESQL:
        made.postgresql = _begun(postgresql(folder / "logs" / "postgresql.log"), ending)
    if stage.database is Database.POSTGRESQL and made.postgresql is not None:
        made.settings["COURTSIGHT_DATABASE_URL"] = made.postgresql.url
    if stage.retrieval is not Retrieval.EMBEDDED:
        made.library = folder / "library"
        made.empty_generation = _library(root, folder, made.library)
        made.settings["COURTSIGHT_CORPUS"] = str(made.library)
    if stage.retrieval is Retrieval.POSTGRESQL and made.postgresql is not None and made.library is not None:
        _publish(root, folder, made.library, made.postgresql)
        del made.settings["COURTSIGHT_CORPUS"]
        made.relay = ending.enter_context(relayed(made.postgresql.port))
        made.settings["COURTSIGHT_RETRIEVAL_DATABASE_URL"] = made.postgresql.url_at(made.relay.port)
    return made


def simulator_plan(stage: Stage, root: Path) -> SimulatorPlan | None:
    """The provider that writes the answers; None where the extractive engine does."""
    if not stage.simulated:
        return None
    return SimulatorPlan(
        root=root,
        profile=root / PROFILE,
        seed=SEED,
        usd_per_million=stage.usd_per_million,
        fallback=stage.fallback,
    )


def _begun(server: Server, ending: contextlib.ExitStack) -> Server:
    ending.callback(server.close)
    server.start()
    return server


def _library(root: Path, folder: Path, library: Path) -> str:
    """A library whose current generation is the corpus that ships; give the name of another that knows nothing."""
    nothing = folder / "nothing"
    nothing.mkdir(parents=True)
    (nothing / "kosong.txt").write_text(NOBODY_ASKS + "\n", encoding="utf-8")
    emptied = folder / "emptied"
    for documents, target in ((root / CORPUS, library), (nothing, emptied)):
        words = ["ingest", str(documents), "--library", str(target)]
        run_command([*service_program(), *words], root, _environment(folder))
    empty = (emptied / "current").read_text(encoding="utf-8").strip()
    name = f"{EMPTY_NUMBER}-{empty.partition('-')[2]}"
    shutil.copytree(emptied / "generations" / empty, library / "generations" / name)
    return name


def _publish(root: Path, folder: Path, library: Path, server: Server) -> None:
    address = folder / "publisher-url"
    address.write_text(server.url, encoding="utf-8")
    address.chmod(0o600)
    words = ["publish", str(library), "--database-url-file", str(address)]
    run_command([*service_program(), *words], root, _environment(folder))


def _environment(folder: Path) -> Mapping[str, str]:
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "COURTSIGHT_ENVIRONMENT": "development", "TMPDIR": str(folder)}
