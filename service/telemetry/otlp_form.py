"""Spans in OTLP's protobuf form, written by hand: the library puts each field and attribute into an object first, which costs three times as much.

Written is what spans of ours hold: names, ids, times, attributes of one value, a status. They have no events and no links. Frame and resource are the library's,
which also reads what was written here: a batch that is not of OTLP's form does not leave. The numbers of fields are those of
opentelemetry/proto/trace/v1/trace.proto; each is written as its tag, `number << 3 | wire type`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

_TRACE_ID, _SPAN_ID, _PARENT, _NAME, _ATTRIBUTE, _STATUS = (
    b"\x0a\x10",
    b"\x12\x08",
    b"\x22\x08",
    b"\x2a",
    b"\x4a",
    b"\x7a",
)
_TIMES = struct.Struct("<cQcQ")
_FLAGS = struct.Struct("<2sI")
_DOUBLE = struct.Struct("<cd")
_KNOWS_ITS_PARENT, _PARENT_IS_REMOTE = 0x100, 0x200
"""`SpanFlags`: whether the parent is in another process is known; it is."""
_SMALL = 0x80


def encoded(spans: Sequence[ReadableSpan]) -> bytes:
    """A request for a collector, of spans that one process made: at least one; all have the resource and scope of the first.

    Raises:
        DecodeError: what was written is no span of OTLP.
    """
    request = encode_spans(spans[:1])
    scope = request.resource_spans[0].scope_spans[0]
    del scope.spans[:]
    # `spans` is field 2 of ScopeSpans.
    scope.MergeFromString(b"".join(_field(b"\x12", _span(span)) for span in spans))
    body: bytes = request.SerializeToString()
    return body


def _span(span: ReadableSpan) -> bytes:
    context, parent = span.get_span_context(), span.parent
    assert context is not None  # noqa: S101 - the SDK's type allows a span without ids; nobody makes one
    flags = _KNOWS_ITS_PARENT
    parts = [_TRACE_ID, context.trace_id.to_bytes(16, "big"), _SPAN_ID, context.span_id.to_bytes(8, "big")]
    if parent is not None:
        parts += (_PARENT, parent.span_id.to_bytes(8, "big"))
        if parent.is_remote:
            flags |= _PARENT_IS_REMOTE
    parts.append(_field(_NAME, _text(span.name)))
    # OTLP counts kinds from one: zero is "not said".
    parts += (b"\x30", _varint(span.kind.value + 1))
    parts.append(_TIMES.pack(b"\x39", span.start_time or 0, b"\x41", span.end_time or 0))
    parts += [_attribute(name, value) for name, value in (span.attributes or {}).items()]
    code = span.status.status_code
    parts.append(_field(_STATUS, b"" if code is StatusCode.UNSET else b"\x18" + _varint(code.value)))
    parts.append(_FLAGS.pack(b"\x85\x01", flags))
    return b"".join(parts)


def _attribute(name: str, value: object) -> bytes:
    """A `KeyValue`: the name is its field 1, an `AnyValue` its field 2."""
    return _field(_ATTRIBUTE, _key(name) + _field(b"\x12", _value(value)))


def _value(value: object) -> bytes:
    """An `AnyValue`; what is neither text nor a number is told as text."""
    match value:
        case str():
            return _field(b"\x0a", _text(value))
        case bool():
            return b"\x10\x01" if value else b"\x10\x00"
        case int():
            return b"\x18" + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)
        case float():
            return _DOUBLE.pack(b"\x21", value)
        case _:
            return _field(b"\x0a", _text(str(value)))


@lru_cache(maxsize=256)  # names of attributes are constants of this program
def _key(name: str) -> bytes:
    return _field(b"\x0a", _text(name))


def _text(text: str) -> bytes:
    # Half a surrogate pair has no form in UTF-8: it is not worth the batch that it stands in.
    return text.encode(errors="replace")


def _field(tag: bytes, content: bytes) -> bytes:
    """A field of bytes: its tag, its length, itself."""
    return tag + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits in each byte, the lowest first; all bytes but the last have their highest bit set."""
    if number < _SMALL:
        return number.to_bytes(1, "big")
    written = bytearray()
    while number >= _SMALL:
        written.append(number & 0x7F | _SMALL)
        number >>= 7
    written.append(number)
    return bytes(written)
