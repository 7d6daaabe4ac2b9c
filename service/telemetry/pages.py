"""Writes the page of metrics in Prometheus' two formats, block by block, and leaves the processor to others in between.

prometheus_client writes a page of 5,000 series in 40 ms at one go, beside the 13 ms that reading them takes. From a thread that does not hide: whoever wants the interpreter
back from it waits 5 ms, again and again. Here what stands is written and packed once, and after half a millisecond the page waits until nobody else wants the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from service.accepting import Choice, choices
from service.telemetry.packing import Packer
from service.telemetry.standing import FamilyRead, Shape, Standing

Piece = TypeVar("Piece")
Pause = Callable[[float], Awaitable[object]]

BLOCK_SERIES: Final = 128
"""At least so many series of a family are written together, if it has them: what of them stands is neither written nor encoded again."""
PIECE_SECONDS: Final = 0.0005
"""For so long a page is made before others have their turn. An answer that comes meanwhile waits for a quarter of a millisecond more; a pause for it costs 0.05 ms."""
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
_SHORT: Final = 1e6
"""Below it Python writes a number as Go does."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page: whole lines, and how many series they are."""

    text: bytes
    series: int


_END: Final = Block(b"# EOF\n", 0)


class _Lines:
    """The lines of one child as they were written last."""

    __slots__ = ("_begins", "_lines", "_shape", "_values", "child", "text")

    def __init__(self, child: Standing, *, openmetrics: bool) -> None:
        self._begun(child.shape)
        self.write(child, openmetrics=openmetrics)

    def _begun(self, shape: Shape) -> None:
        self._shape = shape
        self._begins = [_begin(name, labels) for name, labels in shape]
        self._values: Sequence[float | None] = [None] * len(shape)
        self._lines = [""] * len(shape)

    def write(self, child: Standing, *, openmetrics: bool) -> None:
        """Write those lines anew whose values are others."""
        if child.shape is not self._shape and child.shape != self._shape:
            self._begun(child.shape)
        lines, begins = self._lines, self._begins
        for place, (value, before) in enumerate(zip(child.values, self._values, strict=True)):
            if value != before:
                # Not by `_number`: it is said for each value that has changed.
                shown = repr(value) if -_SHORT < value < _SHORT else _number(value)
                lines[place] = f"{begins[place]}{shown}\n"
        self.child, self._values = child, child.values
        self.text = "".join(map(_marked, lines, child.exemplars) if openmetrics and child.exemplars else lines)


class _Family:
    """A family as it was written last: children that stand side by side share a block, the first one of which begins with the family's head."""

    def __init__(self, family: FamilyRead, *, openmetrics: bool) -> None:
        self._head = _head(family, openmetrics=openmetrics)
        self._openmetrics = openmetrics
        self._lines = [_Lines(child, openmetrics=openmetrics) for child in family.children]
        self._parts: list[slice] = []
        begin = series = 0
        for place, child in enumerate(family.children, 1):
            series += len(child.values)
            if series >= BLOCK_SERIES or place == len(self._lines):
                self._parts.append(slice(begin, place))
                begin, series = place, 0
        self._parts = self._parts or [slice(0, 0)]
        self._blocks = [self._block(number) for number in range(len(self._parts))]
        # Of each block: two pages may be written at the same time.
        self._read = [family] * len(self._parts)

    def fits(self, family: FamilyRead) -> bool:
        """Whether it is this family with as many children."""
        return family is self._read[0] or (
            len(family.children) == len(self._lines) and _head(family, openmetrics=self._openmetrics) == self._head
        )

    def write(self, family: FamilyRead) -> Iterator[Block]:
        """The blocks, of which those are made anew whose children have counted, each when it is wanted."""
        for number, part in enumerate(self._parts):
            if family is not self._read[number]:
                self._write(number, family.children[part], self._lines[part])
                self._read[number] = family
            yield self._blocks[number]

    def _write(self, number: int, children: Sequence[Standing], lines: Sequence[_Lines]) -> None:
        counted = [(line, child) for line, child in zip(lines, children, strict=True) if line.child is not child]
        for line, child in counted:
            line.write(child, openmetrics=self._openmetrics)
        # One of which nothing is remembered shows the same now and then.
        if counted and (made := self._block(number)) != self._blocks[number]:
            self._blocks[number] = made

    def _block(self, number: int) -> Block:
        lines = self._lines[self._parts[number]]
        text = "".join([self._head if number == 0 else "", *(line.text for line in lines)])
        return Block(text.encode(), sum(len(line.child.values) for line in lines))


class PageWriter:
    """Remembers the blocks of the last page in each format."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], _Family] = {}
        self._packers = {openmetrics: Packer() for openmetrics in (False, True)}

    def written(self, families: Iterable[FamilyRead], *, openmetrics: bool) -> Iterator[Block]:
        """The page in blocks.

        Samples have neither moments nor native histograms, and names need no escaping: those of this service.

        Args:
            families: in their order; each is read when its first block is wanted.
            openmetrics: OpenMetrics, which carries exemplars, instead of Prometheus' text.
        """
        for family in families:
            place = family.name, openmetrics
            known = self._known.get(place)
            if known is None or not known.fits(family):
                known = self._known[place] = _Family(family, openmetrics=openmetrics)
            yield from known.write(family)
        if openmetrics:
            yield _END

    def encoded(self, blocks: Iterable[Block], *, openmetrics: bool, packed: bool) -> Iterator[bytes]:
        """The blocks of a page in this format as they are sent, each made when it is wanted; `packed` by gzip."""
        if packed:
            return self._packers[openmetrics].packed((block.text, block.series) for block in blocks)
        return (block.text for block in blocks)


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


async def in_turns(pieces: Iterable[Piece], clock: Callable[[], float], pause: Pause = asyncio.sleep) -> list[Piece]:
    """The pieces, made for half a millisecond at a time where the event loop has just had nothing to do, for as long as it is polite.

    Args:
        pieces: each is made when it is wanted; one that takes longer is made nevertheless.
        clock: monotonic seconds.
        pause: leaves the loop to others for so many seconds.
    """
    made: list[Piece] = []
    ends = clock() + POLITE_SECONDS
    await _calm(clock, pause, ends)
    begun = clock()
    for piece in pieces:
        made.append(piece)
        if clock() - begun >= PIECE_SECONDS:
            await _calm(clock, pause, ends)
            begun = clock()
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


def _head(family: FamilyRead, *, openmetrics: bool) -> str:
    name, kind = family.name, family.kind
    said = family.documentation.replace("\\", "\\\\").replace("\n", "\\n")
    if openmetrics:
        unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
        said = said.replace('"', '\\"')
        return f"# HELP {name} {said}\n# TYPE {name} {kind}\n{unit}"
    name += _SUFFIXES.get(kind, "")
    return f"# HELP {name} {said}\n# TYPE {name} {_KINDS.get(kind, kind)}\n"


def _begin(name: str, labels: dict[str, str]) -> str:
    """A line up to its value."""
    shown = _labels(labels)
    return f"{name}{shown and f'{{{shown}}}'} "


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _marked(line: str, exemplar: Exemplar | None) -> str:
    """A line with its exemplar, where it has one."""
    if not exemplar:
        return line
    moment = "" if exemplar.timestamp is None else f" {exemplar.timestamp}"
    return f"{line[:-1]} # {{{_labels(exemplar.labels)}}} {_number(exemplar.value)}{moment}\n"


def _number(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # the library gives this one no types
