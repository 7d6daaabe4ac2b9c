"""Reading a stream: the client's own share of a measured time to the first words."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from target.sse import EventReader

STREAM = b"".join(b'event: delta\ndata: {"text": "kata "}\n\n' for _ in range(60))


def test_read_a_stream(benchmark: BenchmarkFixture) -> None:
    """Sixty events in one chunk."""
    assert len(benchmark(lambda: EventReader().feed(STREAM))) == 60
