"""What the simulator's tests share: a provider without a socket, a real process, and raw clients to both."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

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


ROOT = Path(__file__).parents[2]
WIRE_PROMPT = "[1] UU 1/2023 Pasal 603\nSetiap orang yang memperkaya diri wajib dipidana penjara paling lama dua puluh tahun.\n\nApa akibatnya?"
WIRE_PROFILE = """name: test
ttft: {shape: lognormal, median_seconds: 0.05, sigma: 0.4}
inter_token: {shape: constant, seconds: 0.01}
tokens: {few: 12, many: 400}
default_kind: few
concurrency: {limit: 4, queue: 2, status_when_full: 503, retry_after_seconds: 1}
"""


@dataclass
class Running:
    """A simulator under test, and a raw client to it."""

    prompt: ClassVar[str] = WIRE_PROMPT

    process: subprocess.Popen[str]
    port: int
    token: str
    truth: Path

    @staticmethod
    def read(connection: socket.socket) -> Seen:
        """Everything until the end of a connection."""
        return read(connection)

    def connect(self, timeout: float = 180.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> socket.socket:
        """A connection with one request on its way, to be closed by its end."""
        payload = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(payload)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        connection = self.connect()
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + payload)
        return connection

    def ask(self, **more: Any) -> Seen:
        """One chat request, read to its end, whatever that is."""
        headers = {name: more.pop(name) for name in list(more) if name.startswith("X_")}
        body = {"model": "sim", "messages": [{"role": "user", "content": WIRE_PROMPT}], **more}
        return read(self.send("POST", "/v1/chat/completions", body, **headers))

    def admin(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        seen = read(self.send(method, path, body, Authorization=f"Bearer {self.token}"))
        return seen.status, json.loads(seen.body)

    def fault(self, **order: Any) -> str:
        status, told = self.admin("POST", "/admin/faults", order)
        assert status == 201, told
        return str(told["id"])

    def told(self, request: str) -> dict[str, Any]:
        status, record = self.admin("GET", f"/admin/truth?request={request}")
        assert status == 200
        return dict(record)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=180)


@dataclass
class Seen:
    """What a raw client saw of one response, with the instant of each piece."""

    raw: bytes
    pieces: list[tuple[float, bytes]]
    reset: bool

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode()

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    def header(self, name: str) -> str | None:
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return next((value for key, _, value in lines if key.lower() == name.lower()), None)

    @property
    def body(self) -> bytes:
        rest = self.raw.partition(b"\r\n\r\n")[2]
        return unchunked(rest)[0] if self.header("Transfer-Encoding") == "chunked" else rest

    @property
    def whole(self) -> bool:
        """Whether the body came to its own end."""
        rest = self.raw.partition(b"\r\n\r\n")[2]
        if self.header("Transfer-Encoding") == "chunked":
            return unchunked(rest)[1]
        return len(rest) == int(self.header("Content-Length") or -1)

    @property
    def events(self) -> list[bytes]:
        return [part.removeprefix(b"data: ") for part in self.body.split(b"\n\n") if part]

    @property
    def words(self) -> str:
        return "".join(choice["delta"].get("content", "") for choice in self.choices())

    def choices(self) -> Iterator[dict[str, Any]]:
        for event in self.events:
            if event != b"[DONE]":
                with contextlib.suppress(json.JSONDecodeError):
                    yield from json.loads(event).get("choices", [])


def unchunked(rest: bytes) -> tuple[bytes, bool]:
    found = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            return found, True
        found += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return found, False


def read(connection: socket.socket) -> Seen:
    pieces: list[tuple[float, bytes]] = []
    reset = False
    with closing(connection):
        try:
            while piece := connection.recv(65536):
                pieces.append((time.monotonic(), piece))
        except ConnectionResetError:
            reset = True
    return Seen(b"".join(piece for _, piece in pieces), pieces, reset)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Running]:
    profile, truth = folder / "test.yaml", folder / "truth.jsonl"
    profile.write_text(WIRE_PROFILE, encoding="utf-8")
    command = [sys.executable, "-m", "simulator", "serve", "--profile", str(profile), "--port", "0"]
    command += ["--truth", str(truth), "--admin-token-file", str(folder / "token"), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield Running(process, told["port"], (folder / "token").read_text(encoding="utf-8").strip(), truth)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(scope="session")
def starting() -> Callable[..., AbstractContextManager[Running]]:
    """A process for a test alone, by a folder for its files and further options; it is ended with the block."""
    return running


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One process for the tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("simulator")) as one:
        yield one
