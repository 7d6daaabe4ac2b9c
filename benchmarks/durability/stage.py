"""Makes what a drill needs, a service with its database and its servers, in a folder of its own, and takes everything away again."""

from __future__ import annotations

import contextlib
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.durability.drill import Drill, Outcome, client_of, damaged, examined
from benchmarks.durability.ledger import Finding
from benchmarks.durability.servers import Server, postgresql, redis
from benchmarks.durability.victim import Victim, launched
from target import private
from target.accounts import Credentials, make_credentials
from target.processes import LOOPBACK
from target.stack import ServicePlan, create_accounts, prepare_secret

ROOT = Path(__file__).resolve().parents[2]
DATABASES = ("sqlite", "postgresql")
_ROLES = ("judge", "lawyer", "researcher", "public")
_CORPUS = "service/corpora/courtsight/pidana.jsonl"
"""One file of the shipped corpus: a start reads it in a moment."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What to drill: one of `DATABASES`, how many kills, the seed, where logs go; `preludes` change the service beforehand (tests)."""

    database: str
    kills: int
    seed: int
    folder: Path
    report: Callable[[str], object] = field(default=lambda _: None)
    preludes: tuple[Path, ...] = ()


async def run_stage(stage: Stage) -> Outcome:
    """Do the drill.

    Raises:
        StackError: something that it needs is missing or did not start.
    """
    begun = time.monotonic()
    with contextlib.ExitStack() as ending:
        folder = ending.enter_context(private.owned(stage.folder / private.NAME))
        servers = await _servers(stage, folder, ending)
        settings = {
            # Production refuses a database that does not sync.
            "COURTSIGHT_ENVIRONMENT": "production",
            "COURTSIGHT_LOAD_TEST_NETWORKS": f"{LOOPBACK}/32",
            "COURTSIGHT_CORPUS": str(ROOT / _CORPUS),
            "COURTSIGHT_LOG_LEVEL": "warning",
        }
        for server, setting in zip(servers, ("COURTSIGHT_DATABASE_URL", "COURTSIGHT_REDIS_URL"), strict=False):
            settings[setting] = server.url
        plan = ServicePlan(ROOT, folder / "service", stage.folder / "service.log", settings=settings)
        prepare_secret(plan, secrets.token_urlsafe(48))
        accounts = make_credentials(_ROLES, lambda: secrets.token_urlsafe(24))
        create_accounts(plan, accounts)
        victim = launched(plan, sys.executable, stage.preludes)
        ending.callback(victim.close)
        outcome = await _drilled(stage, victim, accounts, servers)
        if stage.database == "sqlite":
            outcome = replace(outcome, findings=outcome.findings + await _file_findings(victim, plan.database))
    return replace(outcome, seconds=time.monotonic() - begun)


async def _servers(stage: Stage, folder: Path, ending: contextlib.ExitStack) -> tuple[Server, ...]:
    if stage.database == "sqlite":
        return ()
    made = (
        postgresql(_reachable(ending) / "postgresql", stage.folder / "postgresql.log"),
        redis(folder / "redis", stage.folder / "redis.log", ROOT),
    )
    for server in made:
        ending.callback(server.close)
        await server.start()
    return made


def _reachable(ending: contextlib.ExitStack) -> Path:
    """A folder below /tmp: as root, PostgreSQL runs as somebody who may not come through to a folder of root's."""
    folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="courtsight-")))
    folder.chmod(0o711)
    return folder


async def _drilled(
    stage: Stage, victim: Victim, accounts: Mapping[str, Credentials], servers: tuple[Server, ...]
) -> Outcome:
    await victim.start()
    async with client_of(victim, accounts) as client:
        drill = Drill(victim, client, accounts, stage.seed, stage.report)
        drill.up()
        await drill.storm(stage.kills, servers)
        stage.report("reading everything back")
        kept, findings = await examined(drill, client, accounts)
    ledger = drill.ledger
    return Outcome(
        stage.database,
        stage.kills,
        drill.faults,
        len(ledger.asked),
        len(ledger.acknowledged),
        ledger.tries,
        kept,
        tuple(drill.starts),
        0.0,
        findings,
    )


async def _file_findings(victim: Victim, database: Path) -> tuple[Finding, ...]:
    """One kill more, so that what is looked at is a file as a kill leaves it."""
    await victim.kill()
    return damaged(database)
