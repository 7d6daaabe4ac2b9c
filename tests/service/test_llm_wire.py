"""OpenAI's wire form is read as providers really write it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.calls import Call, End, Message, Model, Usage
from service.llm.failures import (
    CutShort,
    Filtered,
    Malformed,
    Overloaded,
    ProviderError,
    Rejected,
    ServerFault,
)
from service.llm.reading import MOST_ANSWER_BYTES, StreamedAnswer, WholeAnswer, answer_of
from service.llm.wire import Delta, failure_of, plain_words, read_chunk, read_usage, read_vectors, request_body

MODEL = Model("m", "p", "vendor/m", 8_192, 100, 1.0, 2.0, 0.1)
SECRET = "rahasia-sekali"


def event(**more: Any) -> bytes:
    return b"data: " + json.dumps(more).encode() + b"\n\n"


def words(text: str | None, finish: str | None = None, **more: Any) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}], **more)


def usage(read: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def play(*pieces: bytes) -> tuple[str, End]:
    answer = StreamedAnswer()
    said = "".join("".join(answer.take(piece)) for piece in pieces)
    if not answer.done:
        answer.take(b"")
    return said, answer.end()


def test_the_request_asks_to_stream_with_usage_and_bounds_the_answer() -> None:
    """The limit is the smaller of what is asked for and what the model can; its member is the provider's choice."""
    call = Call(MODEL, (Message("system", "s"), Message("user", "u")), 600, 0.2, "r-1")
    body = json.loads(request_body(call))
    assert body == {
        "model": "vendor/m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "temperature": 0.2,
        "max_tokens": 100,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    other = json.loads(request_body(call, "max_completion_tokens", "none"))
    assert (other["max_completion_tokens"], other["reasoning_effort"]) == (100, "none")
    assert "max_tokens" not in other


def test_a_stream_gives_words_and_its_end() -> None:
    """The role's empty chunk, chunks of reasoning and the usage chunk are no words."""
    role = event(choices=[{"delta": {"role": "assistant", "content": ""}}])
    thought = event(choices=[{"delta": {"reasoning_content": "hm", "content": None}}])
    last = event(choices=[], usage=usage(10, 2))
    said, end = play(role, thought, words("Pasal "), words("603"), words(None, "stop"), last, b"data: [DONE]\n\n")
    assert said == "Pasal 603"
    assert end == End("stop", Usage(10, 2))


def test_of_repeated_usage_the_last_counts() -> None:
    """A usage that grows with each chunk is not added up."""
    pieces = [words("a", usage=usage(10, number)) for number in (1, 2, 3)]
    assert play(*pieces, words("", "stop", usage=None), b"data: [DONE]\n\n")[1] == End("stop", Usage(10, 3))


def test_missing_usage_is_missing() -> None:
    """Nobody makes up what the provider did not say."""
    assert play(words("a"), words("", "length"), b"data: [DONE]\n\n")[1] == End("length", None)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}},
            Usage(9, 5, cached_tokens=4),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(9, 5, reasoning_tokens=3),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 34}, Usage(9, 25, reasoning_tokens=20)),
        ({"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 99}}, Usage(9, 5, 9)),
        ({"prompt_tokens": 9, "prompt_tokens_details": None}, Usage(9, 0)),
        ({"prompt_tokens": -1, "completion_tokens": 5}, None),
        ({"prompt_tokens": 9, "completion_tokens": 10**12}, None),
        ({"prompt_tokens": "9", "completion_tokens": 5}, None),
        ({"prompt_tokens": True, "completion_tokens": 5}, None),
        ([], None),
    ],
)
def test_usage_is_read_as_providers_write_it(said: Any, told: Usage | None) -> None:
    """Details count once, what only the total holds was written, and what cannot be is no usage."""
    assert read_usage(said) == told


def test_a_stream_that_ends_in_the_midst_is_cut_short() -> None:
    """Without finish_reason and end mark there is no answer."""
    with pytest.raises(CutShort):
        play(words("Pasal"))


def test_an_end_without_the_mark_or_its_empty_line_is_an_end() -> None:
    """Some providers close after finish_reason, some do not end the last line."""
    assert play(words("a", "stop"))[1].finish_reason == "stop"
    assert play(words("a"), b"data: [DONE]")[0] == "a"


def test_an_answer_without_a_word_is_none() -> None:
    """An empty answer fails, so that another model is asked."""
    with pytest.raises(Malformed, match="without a word"):
        play(words("", "stop"), b"data: [DONE]\n\n")


def test_a_provider_that_talks_on_is_cut_off() -> None:
    """An answer beyond all measure ends the attempt."""
    answer = StreamedAnswer()
    piece = words("x" * 100_000)
    with pytest.raises(Malformed, match="longer than"):
        [answer.take(piece) for _ in range(MOST_ANSWER_BYTES // len(piece) + 1)]


@pytest.mark.parametrize("reason", ["content_filter", "SAFETY"])
def test_a_filtered_answer_is_told_so(reason: str) -> None:
    """The provider's filter is not retryable."""
    with pytest.raises(Filtered):
        play(words("a", reason))


def test_a_refusal_of_the_model_is_told_as_filtered() -> None:
    """OpenAI streams a refusal in a member of its own."""
    with pytest.raises(Filtered):
        read_chunk(json.dumps({"choices": [{"delta": {"refusal": "I cannot"}}]}).encode())


def test_other_choices_and_parts_of_content() -> None:
    """Only the first choice is read; content in parts is joined."""
    second = event(choices=[{"index": 1, "delta": {"content": "lain"}}])
    parts = event(choices=[{"delta": {"content": [{"type": "text", "text": "a"}, {"type": "image"}]}}])
    assert play(second, parts, words("b", "made_up"))[0] == "ab"
    assert play(words("b", "made_up"))[1].finish_reason == "other"


@pytest.mark.parametrize(
    "payload",
    [b"{", b"[]", b"1", b'{"choices": 1}', b'{"choices": [1]}', b'{"choices": [{"delta": 1}]}', b"{}", b"\xff"],
)
def test_what_is_no_chunk_is_malformed(payload: bytes) -> None:
    """Broken JSON and other forms are told apart from errors of the provider."""
    with pytest.raises(Malformed):
        read_chunk(payload)


def test_content_of_another_type_is_malformed() -> None:
    """A number where words belong is no answer."""
    with pytest.raises(Malformed):
        read_chunk(b'{"choices": [{"delta": {"content": 7}}]}')


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "server_error"}, ServerFault),
        ({"type": "rate_limit_error"}, Overloaded),
        ({"code": 429, "message": "slow"}, Overloaded),
        ({"code": 502}, ServerFault),
        ({"code": "context_length_exceeded", "type": "invalid_request_error"}, Rejected),
        ({"type": "invalid_request_error", "code": "content_filter"}, Filtered),
        ({"message": SECRET}, ServerFault),
        (SECRET, ServerFault),
    ],
)
def test_an_error_object_is_classified(error: Any, kind: type[ProviderError]) -> None:
    """In a stream or as a body with status 200, by its type, its code or the status in it; its text is never repeated."""
    payload = json.dumps({"error": error}).encode()
    with pytest.raises(kind) as caught:
        read_chunk(payload)
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    whole = WholeAnswer()
    whole.take(payload)
    with pytest.raises(kind):
        whole.take(b"")


@pytest.mark.parametrize(
    ("status", "body", "wait", "kind"),
    [
        (429, b"", 7.0, Overloaded),
        (429, b'{"error": {"code": "insufficient_quota"}}', None, Rejected),
        (503, b"", 7.0, Overloaded),
        (503, b"", None, ServerFault),
        (500, b"<html>", None, ServerFault),
        (408, b"", None, ServerFault),
        (401, b'{"error": {"message": "rahasia-sekali"}}', None, Rejected),
        (400, b'[{"error": {"status": "INVALID_ARGUMENT"}}]', None, Rejected),
        (400, b'{"error": {"code": "content_filter"}}', None, Filtered),
        (302, b"", None, Rejected),
        (204, b"", None, Malformed),
    ],
)
def test_a_status_says_what_failed(status: int, body: bytes, wait: float | None, kind: type[ProviderError]) -> None:
    """Each status becomes the failure that says whether another attempt may help."""
    failure = failure_of(status, body, wait)
    assert type(failure) is kind
    assert failure.status == status
    assert SECRET not in str(failure)
    if kind is Overloaded:
        assert failure.retry_after_seconds == wait


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps({"choices": value, "error": value, "usage": value}).encode()
    )
)
def test_no_payload_escapes_as_another_error(payload: bytes) -> None:
    """Whatever a lying provider sends is a chunk or one of our failures."""
    try:
        delta = read_chunk(payload)
    except ProviderError:
        return
    assert isinstance(delta.text, str)


def test_a_whole_answer_is_read_at_its_end() -> None:
    """A provider that does not stream though asked to gives one text and its usage."""
    body = json.dumps(
        {"choices": [{"message": {"content": "ya"}, "finish_reason": "stop"}], "usage": usage(3, 1)}
    ).encode()
    answer = answer_of("application/json")
    assert answer.take(body[:10]) == []
    assert answer.take(body[10:]) == []
    assert answer.take(b"") == ["ya"]
    assert answer.end() == End("stop", Usage(3, 1))


def test_a_page_is_no_answer() -> None:
    """HTML is refused by its type, whatever it holds."""
    with pytest.raises(Malformed, match="gateway"):
        answer_of("text/html")


def test_vectors_come_in_the_order_of_the_texts() -> None:
    """The index of each vector decides, and one that is missing or of another length is malformed."""
    rows = [{"index": 1, "embedding": [0.0, 1]}, {"index": 0, "embedding": [1.0, 0.0]}]
    body = json.dumps({"data": rows, "usage": {"prompt_tokens": 4, "total_tokens": 4}}).encode()
    assert read_vectors(body, 2) == (((1.0, 0.0), (0.0, 1.0)), Usage(4, 0))
    for wrong in (rows[:1], [*rows[:1], {"index": 0, "embedding": [1.0]}], [{"index": 0}], None):
        with pytest.raises(Malformed):
            read_vectors(json.dumps({"data": wrong}).encode(), 2)
    with pytest.raises(Rejected):
        read_vectors(b'{"error": {"type": "invalid_request_error"}}', 2)


ODD = st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["", "kata", "stop"]) | st.just([]) | st.just({})
DELTAS = st.dictionaries(st.sampled_from(["content", "refusal", "role"]), ODD) | ODD
CHOICES = st.dictionaries(st.sampled_from(["index", "finish_reason"]), ODD).flatmap(
    lambda found: DELTAS.map(lambda delta: {**found, "delta": delta})
)
CHUNKS = st.dictionaries(st.sampled_from(["usage", "error", "id"]), ODD).flatmap(
    lambda found: (st.lists(CHOICES | ODD, max_size=2) | ODD).map(lambda choices: {**found, "choices": choices})
)


@given(CHUNKS | ODD)
def test_the_short_way_to_the_words_never_disagrees(found: Any) -> None:
    """What is read as words and nothing else is that for the reader of all chunks too."""
    payload = json.dumps(found).encode()
    plain = plain_words(payload)
    assert plain is None or read_chunk(payload) == Delta(plain)


def test_the_usual_chunk_goes_the_short_way() -> None:
    """Words alone do, also beside empty members; an end, usage, an error, another choice and broken JSON do not."""
    assert plain_words(words("kata ", usage=None)[6:]) == "kata "
    for other in (words("kata", "stop"), words("kata", usage=usage(1, 1)), words(None), event(error={"type": "x"})):
        assert plain_words(other[6:]) is None
    assert plain_words(b'{"choices": [{"index": 1, "delta": {"content": "b"}}]}') is None
    assert plain_words(b'{"choices": [{"delta"') is None
