"""Reading OpenSLO files into objects: each validated by the model of its kind, references resolved by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from slo.exchange import openslo_wire as wire
from slo.exchange.ledger import Ledger, Path, Place
from slo.strict_yaml import Document, model_problems

_OTHER_VERSIONS = {
    "openslo/v1alpha": "write it as openslo/v1: ratioMetrics become indicator.spec.ratioMetric, timeWindows timeWindow",
    "openslo.com/v2alpha": "write it as openslo/v1: sli becomes indicator, and its metrics have a metricSource each",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One OpenSLO object.

    Attributes:
        wire: Its model: one of `openslo_wire.KINDS`.
        data: As it was read.
    """

    kind: str
    name: str
    wire: Any
    data: dict[str, Any]
    place: Place


@dataclass(slots=True)
class Library:
    """Every object of an import, by kind and name."""

    resources: list[Resource] = field(default_factory=list)
    used: set[tuple[str, str]] = field(default_factory=set)

    def of(self, kind: str) -> Iterator[Resource]:
        """The objects of a kind, in order."""
        return (resource for resource in self.resources if resource.kind == kind)

    def find(self, kind: str, name: str) -> Resource | None:
        """The object with this name; it counts as used from then on."""
        self.used.add((kind, name))
        return next((resource for resource in self.of(kind) if resource.name == name), None)

    def referred(self, kind: str, name: str, place: Place, ledger: Ledger) -> Resource | None:
        """As `find`; a name that nothing has is a problem."""
        found = self.find(kind, name)
        if found is None:
            known = [resource.name for resource in self.of(kind)]
            near = get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]}?" if near else f"give the file that has it too (known: {_few(known)})"
            ledger.wrong(place, f"there is no {kind} {name[:80]!r}", advice)
        return found


def read_library(documents: Iterable[Document], ledger: Ledger) -> Library:
    """All objects of the documents; what is wrong with one goes to the ledger and the rest goes on."""
    library = Library()
    seen: dict[tuple[str, str], Place] = {}
    for document in documents:
        for single in _objects(document):
            resource = _resource(single, ledger)
            if resource is None:
                continue
            key = (resource.kind, resource.name)
            if key in seen:
                said = f"there is another {key[0]} {key[1]!r} in {seen[key].file}, line {seen[key].line}"
                ledger.wrong(resource.place / "metadata" / "name", said, "rename one of them")
                continue
            seen[key] = resource.place
            library.resources.append(resource)
    return library


def _objects(document: Document) -> Iterator[Document]:
    """A document may be one object or a list of them."""
    if not isinstance(document.data, list):
        yield document
        return
    lines: dict[str, dict[Path, int]] = {}
    for path, line in document.lines.items():
        if path:
            lines.setdefault(path[0], {})[path[1:]] = line
    for number, data in enumerate(document.data):
        problems = document.problems if number == 0 else []
        yield Document(document.name, data, lines.get(str(number), {}), list(problems))


def _resource(document: Document, ledger: Ledger) -> Resource | None:
    place = Place(document)
    ledger.problems += document.problems
    if not isinstance(document.data, dict):
        ledger.wrong(place, "is no OpenSLO object", f"write apiVersion: {wire.VERSION}, kind, metadata and spec")
        return None
    version, kind = document.data.get("apiVersion"), document.data.get("kind")
    if version != wire.VERSION:
        said = f"apiVersion {str(version)[:60]!r} cannot be read" if version is not None else "has no apiVersion"
        ledger.wrong(place / "apiVersion", said, _OTHER_VERSIONS.get(str(version), f"write it as {wire.VERSION}"))
        return None
    if not isinstance(kind, str) or kind not in wire.KINDS:
        near = get_close_matches(str(kind)[:60], list(wire.KINDS), n=1)
        said = f"there is no kind {str(kind)[:60]!r}" if kind is not None else "has no kind"
        ledger.wrong(place / "kind", said, f"did you mean {near[0]}?" if near else f"known: {', '.join(wire.KINDS)}")
        return None
    model = wire.KINDS[kind]
    try:
        made: Any = model.model_validate(document.data)
    except ValidationError as error:
        ledger.problems += model_problems(error, document, model)
        return None
    return Resource(kind, made.metadata.name, made, document.data, place)


def _few(names: list[str]) -> str:
    return ", ".join(names[:10]) or "none"
