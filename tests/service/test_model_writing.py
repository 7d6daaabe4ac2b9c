"""The engine between the chain and the reader: what is shown, said and accounted when models write well, badly or not to the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from service.chat.brief import Brief, Reading
from service.chat.evidence import Evidence
from service.deployments.model import Deployment
from service.llm.calls import Model, Prompt, Text, Usage
from service.llm.chain import Ended, NobodyAnswered, Restarted
from service.llm.engine import Interrupted, Piece, WritingEvent, Written
from service.llm.prompt import PromptBuilder, load_templates
from service.llm.writing import LanguageModelEngine
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import Corpus
from service.retrieval.index import Index

MODEL = Model("small", "here", "small-1", 8_000, 1_000, 1.0, 2.0, 0.5)
GOOD = "Pencucian adalah perbuatan [1]. "


class Scripted:
    """A chain that says what it was told to."""

    def __init__(self, events: Sequence[str | Restarted | Ended]) -> None:
        self.events = events
        self.prompts: list[Prompt] = []
        self.closed = False

    async def answer(
        self, prompt: Prompt, *, role: str, complexity: str, request_id: str
    ) -> AsyncGenerator[Text | Restarted | Ended, None]:
        self.prompts.append(prompt)
        try:
            for event in self.events:
                yield Text(event) if isinstance(event, str) else event
        finally:
            self.closed = True


def ended(reason: str = "stop") -> Ended:
    return Ended(MODEL, Usage(100, 20), 0.25, reason)


@pytest.fixture
def brief(corpus: Corpus, deployment: Deployment) -> Brief:
    law = next(document for document in corpus.documents if document.id == "uu-1-2023-603")
    return Brief(
        "Apa ancaman korupsi?",
        "",
        deployment.roles["public"].register,
        (Evidence(1, law, 0.9, law.text),),
        request_id="r-1",
    )


@pytest.fixture
def index(corpus: Corpus) -> Index:
    return Index.of(corpus.documents, Analyser(), lambda: 0.0)


def written(
    index: Index, brief: Brief, *events: str | Restarted | Ended
) -> tuple[list[WritingEvent], list[tuple[str, str, str]]]:
    told: list[tuple[str, str, str]] = []
    engine = LanguageModelEngine(
        name="models",
        models={MODEL.name: MODEL.provider},
        chain=Scripted(events),
        prompts=PromptBuilder(load_templates(), "Asisten.", 8_000),
        on_check=lambda guardrail, stage, action: told.append((guardrail, stage, action)),
    )

    async def run() -> list[WritingEvent]:
        async with aclosing(
            engine.write(replace(brief, reading=Reading(index.analyser.document_terms, index.idf)))
        ) as found:
            return [event async for event in found]

    return asyncio.run(run()), told


def first_sentence(brief: Brief) -> str:
    return brief.evidence[0].document.text.partition(". ")[0]


def text_of(events: Sequence[WritingEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def test_a_good_answer_is_shown_and_accounted(index: Index, brief: Brief) -> None:
    """The pieces joined are the answer; who wrote it and what it cost comes last; each sentence was told to the metrics."""
    sentence = f"“{first_sentence(brief)}” [1]."
    events, told = written(index, brief, sentence[:20], sentence[20:], ended())
    assert text_of(events) == sentence
    assert events[-1] == Written("small", "here", Usage(100, 20), 0.25)
    assert told == [("none", "output", "kept")]


def test_a_restart_before_anything_was_shown_is_not_seen(index: Index, brief: Brief) -> None:
    """What a failed attempt wrote and nobody saw is forgotten."""
    sentence = f"“{first_sentence(brief)}” [1]."
    events, _ = written(index, brief, sentence[:20], Restarted("cut_short"), sentence, ended())
    assert text_of(events) == sentence
    assert not any(isinstance(event, Interrupted) for event in events)


def test_a_restart_after_a_piece_was_shown_is_told(index: Index, brief: Brief) -> None:
    """The reader learns that the answer begins anew."""
    sentence = f"“{first_sentence(brief)}” [1]."
    events, _ = written(index, brief, f"{sentence} Lalu", Restarted("timeout"), sentence, ended())
    assert [type(event) for event in events] == [Piece, Interrupted, Piece, Written]
    assert events[1] == Interrupted("timeout")


def test_an_answer_that_was_cut_says_so_and_drops_its_torn_sentence(index: Index, brief: Brief) -> None:
    """Half a sentence can turn the sense, so it is not shown."""
    sentence = f"“{first_sentence(brief)}” [1]."
    events, _ = written(index, brief, f"{sentence} Ancamannya penjara paling", ended("length"))
    assert text_of(events) == f"{sentence}\n\n(Jawaban terpotong karena mencapai batas panjang.)"
    assert isinstance(events[-1], Written)
    assert events[-1].cut


def test_others_get_their_turn_while_a_long_text_is_checked(index: Index, brief: Brief) -> None:
    """A provider that sends all in one piece does not keep the loop: others run many times before the answer is checked."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    engine = LanguageModelEngine(
        name="models",
        models={MODEL.name: MODEL.provider},
        chain=Scripted((f"“{first_sentence(brief)}” [1]. " + "x y. " * 2_000, ended())),
        prompts=PromptBuilder(load_templates(), "Asisten.", 8_000),
    )

    async def run() -> None:
        beside = asyncio.create_task(others())
        async with aclosing(
            engine.write(replace(brief, reading=Reading(index.analyser.document_terms, index.idf)))
        ) as found:
            _ = [event async for event in found]
        beside.cancel()

    asyncio.run(run())
    assert turns >= 20


@pytest.mark.parametrize(("stands", "told"), [(True, [("first", "small", "timeout")]), (False, [])])
def test_an_answer_in_the_place_of_another_is_counted_once(
    stands: bool, told: list[tuple[str, str, str]], index: Index, brief: Brief
) -> None:
    """The second model's answer counts when it stands the check; else the failure names the first model, and who writes in the end is counted."""
    text = f"“{first_sentence(brief)}” [1]." if stands else "Bulan terbuat dari keju [1]."
    counted: list[tuple[str, str, str]] = []
    engine = LanguageModelEngine(
        name="models",
        models={MODEL.name: MODEL.provider},
        chain=Scripted((text, replace(ended(), first="first", reason="timeout"))),
        prompts=PromptBuilder(load_templates(), "Asisten.", 8_000),
        on_fallback=lambda first, to, reason: counted.append((first, to, reason)),
    )

    async def run() -> str | None:
        try:
            async with aclosing(
                engine.write(replace(brief, reading=Reading(index.analyser.document_terms, index.idf)))
            ) as events:
                _ = [event async for event in events]
        except NobodyAnswered as error:
            return error.first
        return None

    assert asyncio.run(run()) == (None if stands else "first")
    assert counted == told


def test_a_text_without_a_last_full_stop_is_checked_too(index: Index, brief: Brief) -> None:
    """The end of the stream ends the sentence."""
    sentence = f"“{first_sentence(brief)}” [1]"
    assert text_of(written(index, brief, sentence, ended())[0]) == sentence


@pytest.mark.parametrize(
    "text", ["", "Ancamannya penjara 99 tahun [1].", "Berikut jawabannya. Ancamannya 99 tahun [7]."]
)
def test_an_answer_of_which_nothing_stands_is_nobodys(index: Index, brief: Brief, text: str) -> None:
    """The next writer may begin, and what was spent is told along."""
    with pytest.raises(NobodyAnswered) as caught:
        written(index, brief, *([text] if text else []), ended())
    assert caught.value.reason == "unverified"
    assert caught.value.usage == Usage(100, 20)
    assert caught.value.cost_usd == 0.25


def test_what_was_left_out_is_counted(index: Index, brief: Brief) -> None:
    """Withheld sentences are counted, and the reader is told."""
    sentence = f"“{first_sentence(brief)}” [1]."
    events, _ = written(index, brief, f"{sentence} Ancamannya penjara 99 tahun [1].", ended())
    assert isinstance(events[-1], Written)
    assert events[-1].withheld == 1
    assert "1 kalimat tidak ditampilkan" in text_of(events)
    assert "99" not in text_of(events)


def test_only_what_had_room_in_the_prompt_can_be_cited(index: Index, brief: Brief) -> None:
    """A passage that the model was not shown carries nothing."""
    other = replace(brief.evidence[0], number=2, score=0.1)
    long = replace(other.document, text=" ".join(f"Kalimat panjang nomor {n} berbicara." for n in range(4_000)))
    wide = replace(brief, evidence=(brief.evidence[0], replace(other, document=long)))
    with pytest.raises(NobodyAnswered):
        written(index, wide, "Kalimat panjang nomor 3 berbicara [2].", ended())
