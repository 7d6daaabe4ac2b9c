"""PromQL as people write it into a spec: does it parse, and does it count over `[$window]`?

A recursive-descent reading of Prometheus' grammar with its types, so that what is generated loads: a mistake is told at once, with its
mend, and without Prometheus. `validate --strict` asks promtool besides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from slo.promql_text import takes_nothing
from slo.promql_types import Part, PromQLError, check_arguments, joined, meant_by, shown
from slo.promql_words import (
    AGGREGATIONS,
    BINARY,
    COMPARISONS,
    FUNCTIONS,
    GIVES_A_NUMBER,
    KEYWORDS,
    MATCHES,
    NUMBERS,
    OF_SETS,
    RANGE,
    RELABELLING,
    RESERVED,
    SCALAR,
    SELECTIONS,
    TEXT,
    VECTOR,
)

__all__ = ["WINDOW", "Matcher", "PromQLError", "Read", "read_expression", "with_matchers", "without_comments"]

WINDOW = "$window"
"""Stands in a range, `[$window]`, and becomes each window in turn."""
LONGEST = 10_000
"""Characters of an expression."""
DEEPEST = 50

_TOKEN = re.compile(
    r"""
    (?P<space>[\ \t\r\n]+|\#[^\n]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
  | (?P<range>\[[^\]\[]*\])
  | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![a-zA-Z0-9_]))
  | (?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![a-zA-Z0-9_]))
  | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<operator>=~|!~|!=|==|<=|>=|[-+*/%^<>=@(){},])
    """,
    re.VERBOSE,
)
_SPAN = re.compile(r"(?=.*[1-9])(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition in braces: `code=~"5.."`."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Read:
    """What an expression holds.

    Attributes:
        metrics: Names of the metrics that it reads, in order, each once.
        matchers: Every condition on labels.
        selector: It is one metric with its conditions and nothing else.
        windowed: `[$window]` stands in it.
        kept: Labels that its outermost aggregations keep; None where some series is not aggregated, or `without` a label only.
        number: It yields a plain number, which has no labels and cannot be summed.
        calls: Functions and aggregations in it.
    """

    metrics: tuple[str, ...]
    matchers: tuple[Matcher, ...]
    selector: bool
    windowed: bool
    kept: tuple[str, ...] | None
    number: bool = False
    calls: frozenset[str] = frozenset()


@lru_cache(maxsize=4096)
def read_expression(text: str) -> Read:
    """Read an expression or a selector.

    Raises:
        PromQLError: It does not parse.
    """
    if len(text) > LONGEST:
        raise PromQLError(f"has more than {LONGEST} characters", "record its parts by rules of their own")
    reader = _Reader(_tokens(text))
    whole = reader.expression(0, 0)
    reader.end()
    if whole.kind == RANGE:
        raise PromQLError("ends in a range without a function over it", "wrap it: sum(increase(…[$window]))")
    metrics = tuple(dict.fromkeys(reader.metrics))
    plain = len(reader.metrics) == 1 and not reader.composed and not reader.windowed
    number = whole.kind != VECTOR
    return Read(metrics, tuple(reader.matchers), plain, reader.windowed, reader.kept(), number, frozenset(reader.calls))


def with_matchers(text: str, labels: tuple[tuple[str, str], ...]) -> str:
    """A selector with more conditions: `x{a="b"}` and `role="judge"` give `x{a="b",role="judge"}`."""
    if not labels:
        return text
    more = ",".join(f'{name}="{value}"' for name, value in labels)
    head, brace, inside = text.strip().partition("{")
    kept = inside.rstrip().removesuffix("}").rstrip().rstrip(",") if brace else ""
    return f"{head}{{{kept},{more}}}" if kept else f"{head}{{{more}}}"


def without_comments(text: str) -> str:
    """The expression without `# …`: what a rule writes behind one would belong to it."""
    if "#" not in text:
        return text
    kept, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        end = place + 1 if match is None else match.end()
        kept.append("" if text[place] == "#" else text[place:end])
        place = end
    return "".join(kept).strip()


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _unreadable(text, place)
        place = match.end()
        kind, word = str(match.lastgroup), match.group()
        if kind != "space":
            found.append(("number" if word.lower() in NUMBERS else kind, word))
    return found


def _unreadable(text: str, place: int) -> PromQLError:
    char = text[place]
    if char in "\"'`":
        return PromQLError(f"a quote at character {place + 1} is never closed", "close it")
    if char in "[]":
        return PromQLError(f"a bracket {char} at character {place + 1} has no partner", "close it, or take it away")
    if char == "$":
        return PromQLError(f"$ at character {place + 1} stands outside a range", "write [$window]")
    shown = char if char.isprintable() else "?"
    return PromQLError(f"{shown!r} at character {place + 1} is no PromQL", "take it away, or put text in quotes")


class _Reader:
    """Walks over the tokens; what reads a part says what it yields."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0
        self.metrics: list[str] = []
        self.matchers: list[Matcher] = []
        self.calls: set[str] = set()
        self.windowed = False
        self.composed = False
        self._inside = 0
        self._keeps: list[str] = []
        self._keeps_all = False

    def kept(self) -> tuple[str, ...] | None:
        return None if self._keeps_all else tuple(dict.fromkeys(self._keeps))

    def end(self) -> None:
        if self._place < len(self._tokens):
            word = self._tokens[self._place][1]
            advice = "brackets must close in order" if word in ")}" else "put an operator between, or take it away"
            raise PromQLError(f"{shown(word)} stands where the expression has ended", advice)

    def expression(self, least: int, depth: int) -> Part:
        if depth > DEEPEST:
            raise PromQLError(f"is nested deeper than {DEEPEST} levels", "record its parts by rules of their own")
        left = self._unary(depth)
        while (strength := BINARY.get(self._word(), 0)) > least:
            operator = self._word()
            self._take()
            self.composed = True
            matched, as_bool = self._modifiers(operator)
            right = self.expression(strength - 1 if operator == "^" else strength, depth + 1)
            left = joined(operator, left.kind, right.kind, matched=matched, as_bool=as_bool)
        return left

    def _unary(self, depth: int) -> Part:
        signs = 0
        while self._word() in ("+", "-"):
            self._take()
            signs += 1
        self.composed = self.composed or signs > 0
        if signs > DEEPEST:
            raise PromQLError("has too many signs in a row", "take some away")
        part = self._tail(self._operand(depth))
        if signs and part.kind in (RANGE, TEXT):
            raise PromQLError(f"a sign stands before {part.kind}", "take it away")
        return Part(part.kind) if signs else part

    def _tail(self, part: Part) -> Part:
        while True:
            kind, _ = self._peek()
            word = self._word()
            if kind == "range":
                part = self._range(part)
            elif word in ("offset", "@"):
                if not part.plain:
                    raise PromQLError(
                        f"{word} stands behind an expression", f"write it behind the metric: x[5m] {word} …"
                    )
                if word in part.moved:
                    raise PromQLError(f"{word} stands twice", "keep one of them")
                self._take()
                self.composed = True
                self._moved_by() if word == "offset" else self._at()
                part = Part(part.kind, part.plain, part.moved | {word})
            else:
                return part

    def _range(self, part: Part) -> Part:
        inside = self._take()[1:-1].strip()
        span, colon, step = inside.partition(":")
        if part.kind == RANGE:
            raise PromQLError(f"a second range [{shown(inside)}] follows the first", "keep one of them")
        if span.strip() == WINDOW:
            self.windowed = True
        elif not _SPAN.fullmatch(span.strip()):
            raise PromQLError(f"[{shown(inside)}] is no range", "write [$window], or a duration such as [5m]")
        if colon and step.strip() and not _SPAN.fullmatch(step.strip()):
            raise PromQLError(f"{shown(step)} is no step", "write it like [1h:1m]")
        if not colon and not part.plain:
            raise PromQLError(
                f"a range [{shown(inside)}] follows an expression",
                f"write [{span.strip()}:1m], or move it to the metric",
            )
        if not colon and part.moved:
            raise PromQLError(f"a range stands behind {' and '.join(sorted(part.moved))}", "move it to the metric")
        if part.kind != VECTOR:
            raise PromQLError(f"[{shown(inside)}] follows {part.kind}", "take it away")
        return Part(RANGE, plain=True)

    def _moved_by(self) -> None:
        if self._word() == "-":
            self._take()
        said = "a duration such as 5m after offset"
        if not _SPAN.fullmatch(self._want("duration", said)):
            raise PromQLError("offset is by no duration", "write it like offset 5m")

    def _at(self) -> None:
        if self._word() in ("start", "end"):
            self._take()
            self._want_word("(", "( after @ start or end")
            self._want_word(")", ") after @ start( or end(")
            return
        if self._word() in ("+", "-"):
            self._take()
        self._want("number", "a time in seconds after @")

    def _operand(self, depth: int) -> Part:
        kind, word = self._peek()
        if word == "(":
            self._take()
            self.composed = True
            part = self.expression(0, depth + 1)
            self._want_word(")", ") that closes (")
            return Part(part.kind)
        if kind == "name" and self._word() in AGGREGATIONS and self._after().lower() in ("(", "by", "without"):
            return self._aggregation(depth)
        if kind == "name" and self._word() not in RESERVED and self._after() == "(":
            return self._call(depth)
        if word == "{":
            return self._selector("")
        if kind == "name" and self._word() not in RESERVED:
            return self._selector(self._take())
        if kind in ("number", "string"):
            self._take()
            self.composed = True
            return Part(SCALAR if kind == "number" else TEXT)
        raise self._missing("a metric, a number or a function")

    def _aggregation(self, depth: int) -> Part:
        name = self._word()
        self._take()
        self.calls.add(name)
        self.composed = True
        before = self._labels_after()
        self._inside += 1
        self._arguments(name, depth, AGGREGATIONS[name])
        self._inside -= 1
        after = self._labels_after()
        if before is not None and after is not None:
            raise PromQLError(f"{name} is grouped twice", "keep one of them")
        word, labels = before or after or ("by", ())
        if not self._inside:
            self._keeps += labels if word == "by" else ()
            self._keeps_all = self._keeps_all or word == "without" or name in SELECTIONS
        return Part(VECTOR)

    def _labels_after(self) -> tuple[str, tuple[str, ...]] | None:
        word = self._word()
        if word not in ("by", "without"):
            return None
        self._take()
        return word, self._label_list()

    def _call(self, depth: int) -> Part:
        name = self._take()
        if name not in FUNCTIONS:
            near = get_close_matches(name, [*FUNCTIONS, *AGGREGATIONS], n=1, cutoff=0.6)
            raise PromQLError(
                f"there is no function {shown(name)}", f"did you mean {near[0]}?" if near else "look it up"
            )
        self.calls.add(name)
        self.composed = True
        self._keeps_all = self._keeps_all or name in RELABELLING
        self._arguments(name, depth, FUNCTIONS[name])
        return Part(SCALAR if name in GIVES_A_NUMBER else VECTOR)

    def _arguments(self, name: str, depth: int, signature: str) -> None:
        self._want_word("(", f"( after {name}")
        given: list[str] = []
        while given or self._word() != ")":
            given.append(self.expression(0, depth + 1).kind)
            if self._word() != ",":
                break
            self._take()
        self._want_word(")", f") that closes {name}(")
        check_arguments(name, given, signature.split())

    def _selector(self, metric: str) -> Part:
        self._keeps_all = self._keeps_all or not self._inside
        if metric:
            self.metrics.append(metric)
        named = bool(metric)
        if self._word() == "{":
            self._take()
            while self._word() != "}":
                named = self._matcher(metric) or named
                if self._word() != ",":
                    break
                self._take()
            self._want_word("}", "} that closes {")
        if not named:
            raise PromQLError("{} selects nothing, or everything", "name a metric before the braces")
        return Part(VECTOR, plain=True)

    def _matcher(self, metric: str) -> bool:
        """Reads one condition; whether it leaves out series without the label, so that a selector may stand on it alone."""
        label = self._want_label("a label name in braces")
        operator = self._word()
        if operator not in MATCHES:
            raise self._missing(f"one of = != =~ !~ after label {shown(label)}")
        self._take()
        literal = self._want("string", f"a value in quotes for label {shown(label)}")
        meant = meant_by(label, operator, literal)
        self.matchers.append(Matcher(label, operator, literal[1:-1]))
        if label == "__name__" and metric:
            raise PromQLError(f"{shown(metric)} has its name already", "take __name__ out of the braces")
        if label == "__name__" and operator == "=":
            self.metrics.append(meant)
        if metric:
            return True
        takes_none = takes_nothing(meant) if "~" in operator else not meant
        return takes_none == (operator in ("!=", "!~"))

    def _modifiers(self, operator: str) -> tuple[bool, bool]:
        """Reads what stands behind an operator: whether labels are matched, and whether it yields 0 or 1."""
        as_bool = self._word() == "bool"
        if as_bool:
            self._take()
            if operator not in COMPARISONS:
                raise PromQLError(f"bool cannot follow {operator}", "it belongs to comparisons")
        if self._word() not in ("on", "ignoring") or self._after() != "(":
            return False, as_bool
        on = self._word() == "on"
        self._take()
        labels = self._label_list()
        side = self._word()
        if side in ("group_left", "group_right"):
            self._take()
            more = self._label_list() if self._word() == "(" else ()
            if operator in OF_SETS:
                raise PromQLError(f"{side} cannot follow {operator}", "take it away")
            if on and set(labels) & set(more):
                raise PromQLError(f"a label stands in on and in {side}", f"take it out of {side}")
        return bool(labels), as_bool

    def _label_list(self) -> tuple[str, ...]:
        self._want_word("(", "( before a list of labels")
        labels: list[str] = []
        while self._word() != ")":
            labels.append(self._want_label("a label name"))
            if self._word() != ",":
                break
            self._take()
        self._want_word(")", ") that closes the list of labels")
        return tuple(labels)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "")

    def _word(self) -> str:
        """The next word, a keyword in small letters; nothing for a text."""
        kind, word = self._peek()
        if kind == "name" and word.lower() in KEYWORDS:
            return word.lower()
        return "" if kind == "string" else word

    def _after(self) -> str:
        return self._tokens[self._place + 1][1] if self._place + 1 < len(self._tokens) else ""

    def _take(self) -> str:
        word = self._tokens[self._place][1]
        self._place += 1
        return word

    def _want(self, kind: str, what: str) -> str:
        if self._peek()[0] != kind:
            raise self._missing(what)
        return self._take()

    def _want_label(self, what: str) -> str:
        kind, word = self._peek()
        if kind == "string":
            advice = "write letters, digits, _ and :, and let the scrape escape others: metric_name_escaping_scheme: underscores"
            raise PromQLError(f"{shown(word)} is a name in quotes, which Prometheus 2 does not read", advice)
        if not _LABEL.fullmatch(word):
            raise self._missing(what)
        return self._take()

    def _want_word(self, word: str, what: str) -> None:
        if self._word() != word:
            raise self._missing(what)
        self._take()

    def _missing(self, what: str) -> PromQLError:
        kind, word = self._peek()
        here = "ends" if kind == "end" else f"has {shown(word)}"
        return PromQLError(f"{here} where it needs {what}", "complete it")
