"""What the simulator's tests share: a provider without a socket, and requests to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from simulator.faults import FaultBoard
from simulator.profile import PROFILES_FOLDER, Profile, load_profile
from simulator.provider import HttpRequest, Provider, Response

PROMPT = """Gunakan hanya sumber berikut dan tandai setiap pernyataan.

[1] UU 1/2023 Pasal 603
Setiap orang yang secara melawan hukum memperkaya diri wajib dipidana penjara paling lama dua puluh tahun. Denda paling banyak kategori VI.

[2] UU 13/2003 Pasal 156
Pengusaha wajib membayar uang pesangon dalam hal terjadi pemutusan hubungan kerja. Uang itu dihitung menurut masa kerja pekerja.

Pertanyaan: apa akibatnya?"""


class Caller:
    """Asks a provider as a client would, at instants of the test's choice."""

    prompt = PROMPT

    def __init__(self, profile: Profile, seed: int = 7, api_key: str | None = None) -> None:
        self.faults = FaultBoard(seed)
        self.provider = Provider(profile, seed, self.faults, api_key)

    def post(
        self, path: str, body: dict[str, Any], *, now: float = 100.0, full: bool = False, **headers: str
    ) -> Response:
        """One POST; header names are given with underscores."""
        named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        request = HttpRequest("POST", path, "", named, orjson.dumps(body))
        return self.provider.respond(request, now=now, wall=1_800_000_000.5, full=full)

    def request(self, method: str, path: str) -> Response:
        """One request without a body."""
        return self.provider.respond(
            HttpRequest(method, path, "", {}, b""), now=100.0, wall=1_800_000_000.5, full=False
        )

    def get(self, path: str) -> Response:
        """One GET."""
        return self.request("GET", path)

    def chat(self, prompt: str = PROMPT, *, now: float = 100.0, full: bool = False, **more: Any) -> Response:
        """One chat; members that are no headers go into the body."""
        headers = {name: more.pop(name) for name in list(more) if name.startswith("x_") or name == "authorization"}
        body = {"model": "courtsight-sim", "messages": [{"role": "user", "content": prompt}], **more}
        return self.post("/v1/chat/completions", body, now=now, full=full, **headers)

    def order(self, now: float = 100.0, **fault: Any) -> None:
        """Put a fault on the board."""
        self.faults.order(orjson.dumps(fault), now)

    @staticmethod
    def text(response: Response) -> str:
        """The answer's text, out of a whole body."""
        (write,) = response.plan.writes
        return str(orjson.loads(write.payload)["choices"][0]["message"]["content"])

    @staticmethod
    def body(response: Response) -> Any:
        """The JSON of a whole body."""
        (write,) = response.plan.writes
        return orjson.loads(write.payload)

    @staticmethod
    def events(response: Response) -> list[dict[str, Any]]:
        """The JSON objects of a stream, without the end mark."""
        whole = b"".join(write.payload for write in response.plan.writes)
        return [orjson.loads(part[6:]) for part in whole.split(b"\n\n") if part.startswith(b"data: {")]


@pytest.fixture
def published() -> Caller:
    """A provider under the published profile."""
    return Caller(load_profile(PROFILES_FOLDER / "published.yaml"))


@pytest.fixture
def instant() -> Caller:
    """A provider that waits for nothing."""
    return Caller(load_profile(PROFILES_FOLDER / "instant.yaml"))


@pytest.fixture
def calling() -> Callable[..., Caller]:
    """Makes a provider out of the instant profile with some members exchanged: `calling(seed=3, models=("a",))`."""

    def make(seed: int = 7, api_key: str | None = None, **changes: Any) -> Caller:
        return Caller(replace(load_profile(PROFILES_FOLDER / "instant.yaml"), **changes), seed, api_key)

    return make
