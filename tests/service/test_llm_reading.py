"""When an answer under way is over."""

from __future__ import annotations

from service.llm.reading import StreamedAnswer

_WORD = b'data: {"choices": [{"index": 0, "delta": {"content": "satu"}}]}\n\n'


def test_the_end_mark_ends_the_answer() -> None:
    """After the end mark nothing more is waited for, also where the provider keeps the connection open."""
    answer = StreamedAnswer()
    assert answer.take(_WORD) == ["satu"]
    assert not answer.done
    assert answer.take(b"data: [DONE]\n\n") == []
    assert answer.done
