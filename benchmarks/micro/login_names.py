"""Whether the time of a failed login tells that a name exists: Mann-Whitney U over interleaved logins, printed and written as JSON.

    python benchmarks/micro/login_names.py [--n 1000] [--delay 0] [--json FILE]

The whole app runs in this process (ASGI, SQLite file, argon2id), each attempt in a window of its own so that no limit of logins speaks. Names
that exist and names that do not take turns, in an order that changes from pair to pair. A p-value above 0.01 says that this many logins tell
nothing; one is below by chance once in a hundred runs, so repeat before you believe it. `--delay 0.001` adds a millisecond to each
existing name, to see that the measurement would notice. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import math
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import httpx
from pydantic import SecretStr

ROOT = Path(__file__).parents[2]
sys.path.insert(0, os.fspath(ROOT))

from service.app import create_app  # noqa: E402 - a script beside the packages, which stand one folder up
from service.commands.accounts import Desk, NewAccount, create  # noqa: E402 - as above
from service.security.logins import WINDOW_SECONDS  # noqa: E402 - as above
from service.services import Surroundings  # noqa: E402 - as above
from service.settings import Settings  # noqa: E402 - as above
from service.telemetry.logging import EventLog  # noqa: E402 - as above


def mann_whitney_p(one: Sequence[float], two: Sequence[float]) -> float:
    """Two-sided p-value of the U test by its normal approximation, which is close from some twenty values on; ties share ranks."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in two])
    ranks_of_one, ties, place = 0.0, 0.0, 0
    for _, group in itertools.groupby(ranked, key=lambda pair: pair[0]):
        members = list(group)
        shared = place + (len(members) + 1) / 2
        ranks_of_one += shared * sum(side == 0 for _, side in members)
        ties += len(members) ** 3 - len(members)
        place += len(members)
    n, m = len(one), len(two)
    u = ranks_of_one - n * (n + 1) / 2
    total = n + m
    spread = math.sqrt(n * m / 12 * (total + 1 - ties / (total * (total - 1))))
    return math.erfc(abs(u - n * m / 2) / spread / math.sqrt(2)) if spread else 1.0


async def seconds_of_logins(settings: Settings, n: int, delay: float) -> tuple[list[float], list[float]]:
    """Seconds of `n` failed logins for an existing and for a missing name, interleaved."""
    moments = itertools.count(1)
    around = Surroundings(
        clock=time.perf_counter,
        wall_clock=lambda: 1_800_000_000.0 + WINDOW_SECONDS * next(moments),
        new_id=lambda: secrets.token_hex(16),
        log=EventLog(io.BytesIO(), "error", time.time),
    )
    app = create_app(settings, around)
    existing: list[float] = []
    missing: list[float] = []
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for number in range(n + 10):
                pair = [("someone", existing, delay), ("nobody1", missing, 0.0)]
                for name, kept, added in pair if number % 2 else reversed(pair):
                    begun = time.perf_counter()
                    answer = await client.post("/v1/auth/token", json={"username": name, "password": "x" * 16})
                    if added:
                        await asyncio.sleep(added)
                    seconds = time.perf_counter() - begun
                    if answer.status_code != 401:
                        raise SystemExit(f"a login answered {answer.status_code}: {answer.text}")
                    if number >= 10:
                        kept.append(seconds)
    return existing, missing


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=1_000, help="logins of each kind (default: %(default)d)")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds added to existing names, to prove the test")
    parser.add_argument("--json", help="write the figures to this file as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            environment="development",
            database=Path(folder) / "names.db",
            jwt_secret=SecretStr(secrets.token_urlsafe(48)),
        )
        desk = Desk(settings, time.time(), lambda: secrets.token_hex(16), "benchmark")
        create(desk, [NewAccount("someone", "public", secrets.token_urlsafe(16))])
        existing, missing = asyncio.run(seconds_of_logins(settings, options.n, options.delay))
    figures = {
        "n": options.n,
        "median_existing_seconds": median(existing),
        "median_missing_seconds": median(missing),
        "ratio": median(existing) / median(missing),
        "p": mann_whitney_p(existing, missing),
    }
    print("  ".join(f"{name} {value:.6g}" for name, value in figures.items()))
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
