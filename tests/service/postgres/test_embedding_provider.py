"""An embedding model over HTTP, from the command that embeds a library to a question that it re-ranks: against the simulator."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.__main__ import main
from service.commands.embed import embedder_of
from service.errors import ConfigurationError
from service.retrieval.corpus import Corpus
from service.retrieval.dense import NoVectors
from service.retrieval.library import Library
from service.settings import Settings

ROOT = Path(__file__).parents[3]
QUESTION = "Bagaimana cara mengurus surat cerai?"


def provider_file(folder: Path, port: int) -> Path:
    """A providers' file whose one model is the simulator's on that port."""
    file = folder / "provider.yaml"
    file.write_text(
        "providers:\n- name: simulator\n"
        f"  base_url: http://127.0.0.1:{port}/v1\n"
        "  models:\n  - {name: vectors, wire_name: courtsight-sim, context_tokens: 8192, output_tokens: 256,"
        " input_usd_per_million: 0.0, output_usd_per_million: 0.0}\n",
        encoding="utf-8",
    )
    return file


class Simulator:
    """The simulator in a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--admin-token-file", str(folder / "t")]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(json.loads(self._process.stdout.readline())["port"])

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    started = Simulator(tmp_path)
    yield started
    started.stop()


@pytest.fixture
def library(tmp_path: Path, corpus: Corpus) -> Path:
    made = Library(tmp_path / "library")
    made.add(corpus.documents)
    return made.folder


@pytest.mark.integration
def test_a_question_is_ranked_by_meaning_until_the_model_is_gone(
    build_house: Callable[..., Any],
    settings: Settings,
    simulator: Simulator,
    library: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Embedded by the command, a library's questions are fused; once the model is gone they are answered by words, and both are counted."""
    file = provider_file(tmp_path, simulator.port)
    assert main(["embed", str(library), "--embeddings", str(file)]) == 0
    assert "passages by simulator/courtsight-sim" in capsys.readouterr().out
    changes = {"corpus": library, "embeddings": str(file), "embeddings_timeout_seconds": 5.0}
    house = build_house(wanted=settings.model_copy(update=changes))
    assert house.ask("judge", QUESTION)["outcome"] == "ok"
    fused = house.sample("chatbot_retrieval_dense_total", outcome="fused")
    assert fused >= 1
    simulator.stop()
    assert house.ask("judge", "Apa syarat sah perjanjian?")["outcome"] == "ok"
    assert house.sample("chatbot_retrieval_dense_total", outcome="failed") >= 1
    assert house.sample("chatbot_retrieval_dense_total", outcome="fused") == fused
    assert b"cerai" not in house.output.getvalue()


@pytest.mark.integration
def test_a_provider_gives_a_vector_for_each_text(settings: Settings, simulator: Simulator, tmp_path: Path) -> None:
    """More texts than one call takes come back in their order; a provider that is gone is no vectors, and quotes no text."""
    embedder = embedder_of(settings, str(provider_file(tmp_path, simulator.port)))
    assert embedder is not None
    texts = [f"rahasia nomor {number}" for number in range(150)]

    async def run() -> None:
        vectors = await embedder.vectors(texts)
        assert len(vectors) == len(texts)
        assert vectors[149] == (await embedder.vectors([texts[149]]))[0]
        simulator.stop()
        with pytest.raises(NoVectors) as error:
            await embedder.vectors(["rahasia"])
        assert "rahasia" not in str(error.value)
        await embedder.close()

    asyncio.run(run())


def test_what_cannot_be_embedded_is_told(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    """No model, no library, a provider that is not there, and one that is forbidden: one line each, status 2, and nothing kept."""
    assert main(["embed", str(library)]) == 2
    assert "--embeddings" in capsys.readouterr().err
    file = provider_file(tmp_path, 1)
    assert main(["embed", str(ROOT / "tests/service/corpus/fixture.jsonl"), "--embeddings", str(file)]) == 2
    assert "make ingest" in capsys.readouterr().err
    assert main(["embed", str(library), "--embeddings", str(file)]) == 2
    assert "nothing was kept" in capsys.readouterr().err
    assert not (library / "vectors").exists()
    forbidden = settings.model_copy(update={"external_providers": "forbidden"})
    file.write_text(file.read_text(encoding="utf-8").replace("http://127.0.0.1:1", "https://example.org"), "utf-8")
    with pytest.raises(ConfigurationError, match="outside your own network"):
        embedder_of(forbidden, str(file))
