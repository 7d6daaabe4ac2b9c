"""Questions by the thousand: those of the shipped workload, varied with what the shipped corpus speaks of.

Each one differs from all others, so that no cache of whole answers helps; the shares of the three complexities are those of the workload.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.retrieval.document import Document

_OPENINGS = (
    "", "", "", "Halo, ", "Selamat pagi, ", "Mohon dijelaskan: ", "Saya ingin bertanya: ", "Tolong bantu, ", "Permisi kak, ", "Min, ",
)  # fmt: skip
_ENDINGS = ("", "", "", " Terima kasih.", " di Indonesia?", " menurut hukum yang berlaku?", " Mohon dasar hukumnya.")
_PATTERNS: Mapping[str, Sequence[str]] = {
    "simple": (
        "Apa itu {topic}?", "Apa yang dimaksud dengan {topic}?", "Apa isi {label}?", "Berapa lama ancaman pidana untuk {topic}?",
        "Siapa yang berwenang dalam hal {topic}?", "Apa hukuman {topic}?", "{label}", "What is {topic}?",
    ),
    "medium": (
        "Jelaskan prosedur {topic}", "Apa perbedaan {topic} dan {other}?", "Bagaimana cara mengurus {topic} dan apa syaratnya?",
        "Dasar hukum {topic}", "Apa syarat {topic} menurut {label}?", "What are the requirements for {topic} under {label}?",
        "Kalau terjadi {topic}, apa yang harus saya lakukan dan ke mana melapor?",
    ),
    "complex": (
        "Analisis preseden {topic} dengan membandingkan 3 putusan terakhir", "Bandingkan putusan tentang {topic} dan {other}",
        "Bagaimana evolusi yurisprudensi tentang {topic} sebelum dan sesudah {label}?",
        "Analisis mendalam {topic}, akibat hukum {other}, dan kaitannya dengan {label}",
    ),
}  # fmt: skip
_FOLLOW_UPS = (
    "Apa syaratnya?", "Berapa lama prosesnya?", "Apa perbedaannya dengan {other}?", "Bagaimana kalau tergugat tidak hadir?",
    "Apa dasar hukumnya?", "Bandingkan dengan putusan lain", "And what is the penalty?", "Lalu apa hukumannya?",
)  # fmt: skip
_ROLES = ("admin", "judge", "lawyer", "researcher", "public")


@dataclass(frozen=True, slots=True)
class Query:
    """A question, its role, and the earlier questions of its conversation, the newest first."""

    text: str
    role: str
    earlier: tuple[str, ...] = ()


def queries(workload: Mapping[str, Sequence[str]], documents: Sequence[Document], seed: int) -> Iterator[Query]:
    """Distinct questions without an end. Each workload question comes as it is first; a fifth of all lean on one before."""
    draw = random.Random(seed)  # noqa: S311 - a reproducible benchmark
    topics = sorted({topic for document in documents for topic in document.topics})
    labels = sorted({document.label for document in documents if document.kind == "statute"})
    complexities = tuple(workload)
    known: set[tuple[str, ...]] = set()
    number = 0
    while True:
        complexity = complexities[number % len(complexities)]
        shipped = workload[complexity]
        if number < len(complexities) * max(map(len, workload.values())):
            text = shipped[number // len(complexities) % len(shipped)]
        else:
            text = _varied(draw, complexity, shipped, topics, labels)
        earlier: tuple[str, ...] = ()
        if draw.random() < 0.2:
            follow_up = draw.choice(_FOLLOW_UPS).format(other=draw.choice(topics))
            text, earlier = follow_up, (text,)
        number += 1
        if (text, *earlier) not in known:
            known.add((text, *earlier))
            yield Query(text, _ROLES[number % len(_ROLES)], earlier)


def _varied(
    draw: random.Random, complexity: str, shipped: Sequence[str], topics: Sequence[str], labels: Sequence[str]
) -> str:
    pattern = draw.choice((*_PATTERNS[complexity], *_PATTERNS[complexity], draw.choice(shipped)))
    text = pattern.format(topic=draw.choice(topics), other=draw.choice(topics), label=draw.choice(labels))
    opening = draw.choice(_OPENINGS)
    return f"{opening}{text[0].lower() + text[1:] if opening else text}{draw.choice(_ENDINGS)}"
