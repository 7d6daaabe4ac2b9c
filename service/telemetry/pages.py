"""Writes the page of metrics in Prometheus' two formats, family by family, and leaves the processor to others in between.

prometheus_client writes a page of 5,000 series in 40 ms at one go, beside the 13 ms that reading them takes. From a thread that does not hide: whoever wants the interpreter
back from it waits 5 ms, again and again. Here what stands is written once, and after some hundred series the page waits until nobody else wants the event loop.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

from service.accepting import Choice, choices
from service.telemetry.standing import FamilyRead, Standing

Piece = TypeVar("Piece")
Pause = Callable[[float], Awaitable[object]]

SLICE_SERIES: Final = 200
"""So many series are read and written before others have their turn: a tenth of a millisecond, or half of one where all of them have changed."""
POLITE_SECONDS: Final = 0.25
"""Then the rest is written at one go: where turns are long, because everything is asked of the service that it can do, nobody may miss its figures."""
PAUSE_SECONDS: Final = 0.001
"""Between two pieces: the shortest that uvloop knows."""
_CALM_SECONDS: Final = 0.0016
"""A pause that took no longer met nobody: it takes 1.1 ms where nothing else happens, and an answer takes another."""
LOOKS: Final = 6
"""So many pauses for one piece: where the loop is never calm, the page is made nevertheless."""
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


@dataclass(slots=True)
class _Written:
    """A child as it was written last time, its lines, and all of them together."""

    child: Standing
    lines: list[_Line]
    text: str


@dataclass(slots=True)
class _Family:
    """A family as it was written last time, child by child and as a whole."""

    children: Sequence[Standing]
    written: list[_Written]
    text: str
    series: int


class PageWriter:
    """Remembers the lines of the last page in each format."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], _Family] = {}

    def written(self, families: Iterable[FamilyRead], *, openmetrics: bool) -> Iterator[str]:
        """The page in pieces of about `SLICE_SERIES` series.

        Samples have neither moments nor native histograms, and names need no escaping: those of this service.

        Args:
            families: in their order; each is read when its piece is wanted.
            openmetrics: OpenMetrics, which carries exemplars, instead of Prometheus' text.
        """
        parts: list[str] = []
        series = 0
        for family in families:
            written = self._family(family, openmetrics=openmetrics)
            parts.append(written.text)
            series += written.series
            if series >= SLICE_SERIES:
                yield "".join(parts)
                parts, series = [], 0
        if openmetrics:
            parts.append("# EOF\n")
        yield "".join(parts)

    def _family(self, family: FamilyRead, *, openmetrics: bool) -> _Family:
        place = (family.name, openmetrics)
        known = self._known.get(place) or _Family((), [], "", 0)
        if known.children != family.children:
            written = known.written
            del written[len(family.children) :]
            for number, child in enumerate(family.children):
                if number == len(written):
                    written.append(_written(child, [], openmetrics=openmetrics))
                elif written[number].child is not child:
                    written[number] = _written(child, written[number].lines, openmetrics=openmetrics)
            text = "".join([_head(family, openmetrics=openmetrics), *(one.text for one in written)])
            series = sum(len(child.samples) for child in family.children)
            known = self._known[place] = _Family(family.children, written, text, series)
        return known


def _written(child: Standing, lines: list[_Line], *, openmetrics: bool) -> _Written:
    """The lines of a child, made of those that stood in its place last time where they are the same."""
    del lines[len(child.samples) :]
    texts = []
    for place, sample in enumerate(child.samples):
        if place == len(lines):
            lines.append(_begun(sample))
        line = lines[place]
        if line.labels != sample.labels or line.name != sample.name:
            line = lines[place] = _begun(sample)
        if line.value != sample.value:
            line.value = sample.value
            line.text = f"{line.begin}{_number(sample.value)}\n"
        if openmetrics and sample.exemplar:
            texts.append(f"{line.text[:-1]}{_exemplar(sample.exemplar)}\n")
        else:
            texts.append(line.text)
    return _Written(child, lines, "".join(texts))


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


async def in_turns(pieces: Iterable[Piece], clock: Callable[[], float], pause: Pause = asyncio.sleep) -> list[Piece]:
    """The pieces, each made where the event loop has just had nothing to do, for as long as it is polite.

    Args:
        pieces: each is made when it is wanted.
        clock: monotonic seconds.
        pause: leaves the loop to others for so many seconds.
    """
    made: list[Piece] = []
    ends = clock() + POLITE_SECONDS
    for piece in pieces:
        made.append(piece)
        await _calm(clock, pause, ends)
    return made


async def _calm(clock: Callable[[], float], pause: Pause, ends: float) -> None:
    """Wait until a pause takes no longer than it was meant to, a few times at most; not at all when politeness has ended.

    A turn of the loop is not enough: a loop with something to do in each turn never sleeps, and meanwhile a thread that wants the interpreter
    waits 5 ms for it. The one that writes to the store wants it several times for each commit.
    """
    for _ in range(LOOKS):
        begun = clock()
        if begun >= ends:
            return
        await pause(PAUSE_SECONDS)
        if clock() - begun < _CALM_SECONDS:
            return


def series_of(page: str) -> int:
    """How many series stand on a page."""
    return page.count("\n") - page.count("\n#") - page.startswith("#")


def _head(family: FamilyRead, *, openmetrics: bool) -> str:
    name, kind = family.name, family.kind
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
