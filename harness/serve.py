"""`courtsight serve`: the service for a person, with accounts made on the first start and the way to log in printed."""

from __future__ import annotations

import argparse
import json
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from harness.locking import only_one
from harness.project import Project
from slo.errors import InvalidInput, Problem
from target.accounts import ROLES, Credentials, make_credentials, write_private
from target.errors import StackError
from target.processes import LOOPBACK, ChildProcess, claim_port
from target.stack import ServicePlan, create_accounts, interruptible, prepare_secret, start_service, uninterrupted

WAIT_SECONDS = 0.5


def serve(options: argparse.Namespace) -> int:
    """Run until Ctrl-C; database, secret and passwords stay in `.cache/serve`, so that the next start finds them again."""
    project = Project()
    claim_port(options.port, "the service")
    plan = ServicePlan(
        root=project.root,
        private=project.cache / "serve",
        log=project.cache / "serve" / f"service-{options.port}.log",
        deployment=options.deployment,
        port=options.port,
    )
    try:
        credentials = known_credentials(plan)
    except OSError as error:
        raise StackError(f"The development service cannot be made: {error}") from error
    with interruptible():
        service = start_service(plan)
        try:
            print(welcome(service.url, credentials, plan), flush=True)
            return wait(service.child)
        finally:
            with uninterrupted():  # make passes Ctrl-C on, so that it comes twice
                service.child.stop()


def known_credentials(plan: ServicePlan) -> Mapping[str, Credentials]:
    """The accounts of the development service; made with random passwords when there are none yet.

    Two services that begin at once share them: the second waits until the first has made them.
    """
    with only_one(plan.private.with_name(f"{plan.private.name}.lock")):
        return _found_or_made(plan)


def _found_or_made(plan: ServicePlan) -> Mapping[str, Credentials]:
    path = plan.private / "credentials.json"
    if path.exists() and plan.database.exists():
        return _read_credentials(path)
    # Without both of them nobody can log in: what an interrupted first start or a cleaning left behind is of no use.
    shutil.rmtree(plan.private, ignore_errors=True)
    prepare_secret(plan, secrets.token_urlsafe(48))
    made = make_credentials(ROLES, lambda: secrets.token_urlsafe(12))
    create_accounts(plan, made)
    plain = {role: {"username": entry.username, "password": entry.password} for role, entry in made.items()}
    write_private(path, json.dumps(plain, indent=1))
    return made


def _read_credentials(path: Path) -> Mapping[str, Credentials]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {role: Credentials(**entry) for role, entry in entries.items()}
    except (ValueError, TypeError, AttributeError):
        raise InvalidInput((Problem(str(path), None, "", "is damaged", f"start over: rm -r {path.parent}"),)) from None


def welcome(url: str, credentials: Mapping[str, Credentials], plan: ServicePlan) -> str:
    """What a person needs to begin: address, accounts, one question by curl."""
    judge = credentials["judge"]
    login = json.dumps({"username": judge.username, "password": judge.password})
    rows = "\n".join(f"  {role:<11} {entry.username:<15} {entry.password}" for role, entry in credentials.items())
    return f"""The service listens on {url} ({LOOPBACK} only): open it in a browser, and log in with one of the accounts. Ctrl-C stops it.

Accounts (kept in {plan.private / "credentials.json"}):
{rows}

Or log in and ask from a terminal:
  TOKEN=$(printf %s '{login}' | curl -s {url}/v1/auth/token -d @- | {shlex.quote(sys.executable)} -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
  curl -s {url}/v1/chat -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"message": "Apa itu hukum pidana?"}}'

Metrics: {url}/metrics   Health: {url}/health/ready   Log: {plan.log}"""


def wait(child: ChildProcess) -> int:
    """Wait until the service ends or the user interrupts; a service that ends by itself is an error."""
    try:
        while child.alive():
            time.sleep(WAIT_SECONDS)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    print(f"The service ended with status {child.exit_status()}:\n{child.last_lines()}", file=sys.stderr)
    return 1
