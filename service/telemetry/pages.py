"""Writes the page of metrics in Prometheus' two formats, family by family, and leaves the processor to others in between.

prometheus_client writes a page of 5,000 series in 40 ms at one go, beside the 13 ms that reading them takes. From a thread that does not hide: whoever wants the interpreter
back from it waits 5 ms, again and again. Here a line is put together again only when its value has changed, and after some hundred series everybody else has a turn.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

from service.accepting import Choice, choices

Piece = TypeVar("Piece")

SLICE_SERIES: Final = 200
"""So many series are read and written before others have their turn: half a millisecond."""
POLITE_SECONDS: Final = 0.25
"""Then the rest is written at one go: where turns are long, because everything is asked of the service that it can do, nobody may miss its figures."""
_SUFFIXES: Final = {"counter": "_total", "info": "_info"}
"""What Prometheus' own text adds to the name of a family."""
_KINDS: Final = {"info": "gauge", "stateset": "gauge", "gaugehistogram": "histogram", "unknown": "untyped"}
"""Types that Prometheus' own text has other words for."""
_PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"
_PACKING_LEVEL: Final = 1
"""A page of 5,000 series, 466 KB: 1.0 ms of processor time to 34 KB; level 6 takes 3.9 ms to 27 KB, level 9 15.8 to 23."""
_GZIP: Final = 31
"""zlib's name for gzip's head and tail around what it packs, with its largest window."""


@dataclass(slots=True)
class _Line:
    """A line as it was last time: of which series, up to the value, with which value, and whole."""

    name: str
    labels: dict[str, str]
    begin: str
    value: float | None = None
    text: str = ""


class PageWriter:
    """Remembers the lines of the last page in each format."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, bool], list[_Line]] = {}

    def written(self, families: Iterable[Metric], *, openmetrics: bool) -> Iterator[str]:
        """The page in pieces of about `SLICE_SERIES` series.

        Samples have neither moments nor native histograms, and names need no escaping: those of this service.

        Args:
            families: in their order; each is read when its piece is wanted.
            openmetrics: OpenMetrics, which carries exemplars, instead of Prometheus' text.
        """
        parts: list[str] = []
        series = 0
        for family in families:
            parts.append(self._family(family, openmetrics=openmetrics))
            series += len(family.samples)
            if series >= SLICE_SERIES:
                yield "".join(parts)
                parts, series = [], 0
        if openmetrics:
            parts.append("# EOF\n")
        yield "".join(parts)

    def _family(self, family: Metric, *, openmetrics: bool) -> str:
        known = self._lines.setdefault((family.name, openmetrics), [])
        del known[len(family.samples) :]
        texts = [_head(family, openmetrics=openmetrics)]
        for place, sample in enumerate(family.samples):
            if place == len(known):
                known.append(_begun(sample))
            line = known[place]
            if line.labels != sample.labels or line.name != sample.name:
                line = known[place] = _begun(sample)
            if line.value != sample.value:
                line.value = sample.value
                line.text = f"{line.begin}{_number(sample.value)}\n"
            if openmetrics and sample.exemplar:
                texts.append(f"{line.text[:-1]}{_exemplar(sample.exemplar)}\n")
            else:
                texts.append(line.text)
        return "".join(texts)


def wants_openmetrics(accept: str) -> tuple[bool, str]:
    """Whether a scraper wants OpenMetrics most of all that there is, and the type of the page that it gets; of equal weights the first counts."""
    found = ((one.weight, form) for one in choices(accept) if one.weight > 0 and (form := _form(one)))
    return max(found, key=lambda pair: pair[0], default=(0.0, (False, _PLAIN)))[1]


def _form(choice: Choice) -> tuple[bool, str] | None:
    """The form that this choice stands for: OpenMetrics or not, and its type; None for one that there is not."""
    version = choice.parameters.get("version")
    # Ways to write names that have dots, or letters of all the world: ours are the same in each that leaves plain names alone.
    escaping = "allow-utf-8" if choice.parameters.get("escaping") == "allow-utf-8" else "underscores"
    match choice.name, version:
        case "application/openmetrics-text", None:
            return True, "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case "application/openmetrics-text", "1.0.0":
            return True, f"application/openmetrics-text; version=1.0.0; charset=utf-8; escaping={escaping}"
        case "text/plain", "1.0.0":
            return False, f"text/plain; version=1.0.0; charset=utf-8; escaping={escaping}"
        case ("text/plain", None | "0.0.4") | ("text/*" | "*/*", None):
            return False, _PLAIN
    return None


def encoded(pieces: Iterable[str], *, packed: bool) -> Iterator[bytes]:
    """The pieces as they are sent: in UTF-8, or as parts of one gzip stream, each packed when it is wanted."""
    if not packed:
        yield from (piece.encode() for piece in pieces)
        return
    stream = zlib.compressobj(_PACKING_LEVEL, wbits=_GZIP)
    for piece in pieces:
        yield stream.compress(piece.encode())
    yield stream.flush()


async def in_turns(pieces: Iterable[Piece], clock: Callable[[], float]) -> list[Piece]:
    """The pieces, each made in a turn of the event loop of its own for as long as it is polite.

    Args:
        pieces: each is made when it is wanted.
        clock: monotonic seconds.
    """
    made: list[Piece] = []
    ends = clock() + POLITE_SECONDS
    for piece in pieces:
        made.append(piece)
        if clock() < ends:
            await asyncio.sleep(0)
    return made


def series_of(page: str) -> int:
    """How many series stand on a page."""
    return page.count("\n") - page.count("\n#") - page.startswith("#")


def _head(family: Metric, *, openmetrics: bool) -> str:
    name, kind = family.name, family.type
    said = family.documentation.replace("\\", "\\\\").replace("\n", "\\n")
    if openmetrics:
        unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
        said = said.replace('"', '\\"')
        return f"# HELP {name} {said}\n# TYPE {name} {kind}\n{unit}"
    name += _SUFFIXES.get(kind, "")
    return f"# HELP {name} {said}\n# TYPE {name} {_KINDS.get(kind, kind)}\n"


def _begun(sample: Sample) -> _Line:
    labels = _labels(sample.labels)
    return _Line(sample.name, sample.labels, f"{sample.name}{labels and f'{{{labels}}}'} ")


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _exemplar(exemplar: Exemplar) -> str:
    moment = "" if exemplar.timestamp is None else f" {exemplar.timestamp}"
    return f" # {{{_labels(exemplar.labels)}}} {_number(exemplar.value)}{moment}"


def _number(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # the library gives this one no types
