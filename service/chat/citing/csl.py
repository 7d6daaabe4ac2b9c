"""CSL-JSON 1.0.2 (citation-style-language/schema, csl-data.json): an array of items with names that the schema knows, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from service.chat.citations import Citation
from service.chat.citing.reference import Kind, Reference, reference_of

_TYPES: Mapping[Kind, str] = {"legislation": "legislation", "case": "legal_case", "guide": "document"}


def csl_json(citations: Iterable[Citation]) -> Iterator[str]:
    """The items as JSON text, each a piece, together as orjson writes the whole array."""
    end = "[]\n"
    for place, citation in enumerate(citations):
        array = orjson.dumps([_item(reference_of(citation))], option=orjson.OPT_INDENT_2).decode()
        yield f"{',' if place else '['}{array[1:-2]}"
        end = "\n]\n"
    yield end


def _item(named: Reference) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": named.id,
        "type": _TYPES[named.kind],
        "language": "id-ID",
        "title": named.title,
        "number": named.number,
        "section": named.pinpoint,
        "authority": named.authority,
        "jurisdiction": "id" if named.kind != "guide" else None,
        "issued": {"date-parts": [list(named.issued or (named.year,))]} if named.year else None,
        "source": named.source,
        "status": named.status,
        "note": named.remark,
        "URL": named.address,
    }
    return {name: value for name, value in item.items() if value}
