"""Strict reading of YAML: a typo is an error with file, line, path and the nearest key; nothing is guessed.

Refused besides what the model refuses: duplicate keys, aliases (a small file can unfold into gigabytes), merge keys, tags, depth over 50,
several documents in one file. Every refusal comes in bounded time: bytes, depth, values and numbers' lengths have ends.

Events are taken from libyaml where PyYAML carries it (a tenth of the time; every wheel does) and put together here, so that values, lines and
refusals are the same without it. What is no YAML the two tell in words of their own, and only libyaml takes a `?` inside an unquoted flow entry.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from slo.errors import InvalidInput, Problem
from slo.patterns import MENDS
from slo.quantities import how_many

MAX_DEPTH = 50
MAX_BYTES = 4_000_000
MAX_VALUES = 500_000
_OTHERWISE = re.compile(r"[-+]?(?:0[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)")
"""Numbers of other bases: `010` is 8, `0x10` is 16, `0b11` is 3, `1:30` is 90."""
LONGEST_NUMBER = 100
"""Characters; Python refuses to print much longer ones, and nobody means them."""
MOST_PROBLEMS = 200
"""Problems told of one file; more are counted."""
SHOWN_CHARACTERS = 60
STANDARD_INPUT = Path("-")

Lines = dict[tuple[str, ...], int]


class Wire(BaseModel):
    """Base of all wire models: unknown keys are errors, values are not converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Model = TypeVar("Model", bound=BaseModel)


@dataclass(slots=True)
class Document:
    """What a file holds, as plain data.

    Attributes:
        lines: Line of each place in it.
        problems: What is wrong and still lets the rest be read: keys that stand twice, of which the last one counts.
    """

    name: str
    data: Any = None
    lines: Lines = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, path: Iterable[str]) -> int | None:
        """The line of a place, or of the nearest place around it."""
        parts = tuple(path)
        return next((self.lines[parts[:end]] for end in range(len(parts), -1, -1) if parts[:end] in self.lines), None)


def load_strict(path: Path, model: type[Model]) -> Model:
    """Read one YAML file into a wire model.

    Raises:
        InvalidInput: The file is missing, unreadable or wrong; every problem found is in it.
    """
    return parse_strict(read_bytes(path), str(path), model)


def read_bytes(path: Path) -> bytes:
    """The bytes of an input file; `-` is standard input.

    Raises:
        InvalidInput: It is missing or unreadable.
    """
    try:
        return sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            (Problem(str(path), None, "", f"cannot be read: {error.strerror}", "look at its name and its rights"),)
        ) from error


def parse_strict(raw: bytes, name: str, model: type[Model]) -> Model:
    """Read YAML bytes into a wire model; `name` is how problems call the file.

    Raises:
        InvalidInput: As `load_strict`.
    """
    document = read_document(raw, name)
    try:
        made = model.model_validate(document.data)
    except ValidationError as error:
        raise InvalidInput((*document.problems, *model_problems(error, document, model))) from None
    if document.problems:
        raise InvalidInput(tuple(document.problems))
    return made


def parse_plain(raw: bytes, name: str) -> tuple[Any, Lines]:
    """Read YAML bytes into plain data and the line of each place in it.

    Raises:
        InvalidInput: The text is no YAML, or uses what is refused here.
    """
    document = read_document(raw, name)
    if document.problems:
        raise InvalidInput(tuple(document.problems))
    return document.data, document.lines


def read_document(raw: bytes, name: str) -> Document:
    """Read YAML bytes as far as they can be read.

    Raises:
        InvalidInput: The text is no YAML, is empty, or uses what is refused here.
    """
    if len(raw) > MAX_BYTES:
        raise InvalidInput((Problem(name, None, "", f"is larger than {MAX_BYTES} bytes", "split it"),))
    try:
        document = _Reader(_text_of(raw, name), name).read()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput((_yaml_problem(error, name),)) from None
    if document.data is None:
        raise InvalidInput((Problem(name, None, "", "is empty", "write it, or name another file"),))
    return document


def read_documents(raw: bytes, name: str) -> tuple[Document, ...]:
    """Read YAML bytes that may hold several documents, `---` between them; empty ones are left out.

    Raises:
        InvalidInput: As `read_document`.
    """
    if len(raw) > MAX_BYTES:
        raise InvalidInput((Problem(name, None, "", f"is larger than {MAX_BYTES} bytes", "split it"),))
    try:
        found = _Reader(_text_of(raw, name), name).read_all()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput((_yaml_problem(error, name),)) from None
    documents = tuple(document for document in found if document.data is not None)
    if not documents:
        raise InvalidInput((Problem(name, None, "", "is empty", "write it, or name another file"),))
    return documents


_UNTAKEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML does not take, not even in quotes."""
_ESCAPE = re.compile(r"\\(?:u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|.)", re.DOTALL | re.IGNORECASE)


def _text_of(raw: bytes, name: str) -> str:
    """A file's text: UTF-8 only, for a report carries a spec as text, and its hash must come out the same.

    JSON writes a character past the first 65,536 as two escapes, which YAML does not know: there they are put together.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        said, line = f"is no YAML that can be used: {error.reason}", raw.count(b"\n", 0, error.start) + 1
        raise InvalidInput((Problem(name, line, "", said, "write the file as UTF-8 text"),)) from None
    strange = _UNTAKEN.search(text)
    if strange is not None:
        said = f"is no YAML that can be used: holds the control character U+{ord(strange.group()):04X}"
        line = len((text[: strange.start()] + "-").splitlines())
        raise InvalidInput((Problem(name, line, "", said, "take it out, or write the file as UTF-8 text"),))
    return _ESCAPE.sub(_joined, text) if text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["} else text


def _joined(found: re.Match[str]) -> str:
    """Two halves of a character as one; any other escape as it stands."""
    if found[1] is None:
        return found.group()
    return bytes.fromhex(found[1] + found[2]).decode("utf-16-be")


class _Reader:
    """Puts the events of a YAML parser together: plain data, the line of each place, and what is refused."""

    def __init__(self, text: str, name: str) -> None:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # untyped in parts, and not always there
        self._loader = loader(text)  # raises already here when a character is not printable
        self._next = self._loader.get_event
        self._document = Document(name)
        self._plain: dict[str, Any] = {}
        self._values = 0

    def read(self) -> Document:
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):
            return self._document
        self._document.data = self._value(self._next(), (), 0)
        self._next()  # the document's end
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refused(after, "expected a single document in the file", "split it")
        return self._document

    def read_all(self) -> list[Document]:
        """Every document of the stream, each with the lines of the whole file."""
        found: list[Document] = []
        self._next()  # the stream's start
        while not isinstance(self._next(), yaml.StreamEndEvent):
            self._document = Document(self._document.name)
            self._document.data = self._value(self._next(), (), 0)
            found.append(self._document)
            self._next()  # the document's end
        return found

    def _value(self, event: Any, path: tuple[str, ...], depth: int) -> Any:  # noqa: ANN401 - events and values of YAML
        self._values += 1
        self._document.lines[path] = self._line(event)
        if isinstance(event, yaml.AliasEvent):
            raise self._refused(event, f"alias *{_short(event.anchor)} is refused", "write the value out")
        if event.tag is not None:
            raise self._refused(event, f"tag {_short(event.tag)} is refused", "write the value plainly, text in quotes")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if depth >= MAX_DEPTH:
            raise self._refused(event, f"is nested deeper than {MAX_DEPTH} levels", "flatten it")
        if self._values > MAX_VALUES:
            raise self._refused(event, f"holds more than {MAX_VALUES} values", "split it")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path, depth)
        return self._mapping(path, depth)

    def _list(self, path: tuple[str, ...], depth: int) -> list[Any]:
        made: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            made.append(self._value(event, (*path, str(len(made))), depth + 1))
        return made

    def _mapping(self, path: tuple[str, ...], depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = self._line(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refused(event, "a key must be a plain word", "no list, mapping or alias can be one")
            word = event.value
            if event.tag is not None:
                raise self._refused(event, f"tag {_short(event.tag)} is refused", "write the key plainly")
            if word == "<<" and not event.style:
                raise self._refused(event, "merge key << is refused", "write the keys out")
            key, below = self._scalar(event), (*path, word)
            if not isinstance(key, str):
                said = f"key {_short(word)!r} is {_KEY_OF.get(type(key), 'a date')} for YAML"
                advice = "put it in quotes, or choose another word"
                self._document.problems.append(Problem(self._document.name, line, _dotted(below), said, advice))
            if word in made:
                self._document.problems.append(
                    Problem(self._document.name, line, _dotted(below), "stands twice", "keep one of them")
                )
            made[word] = self._value(self._next(), below, depth + 1)
            self._document.lines[below] = line
        return made

    @staticmethod
    def _line(event: Any) -> int:  # noqa: ANN401 - as above
        return int(event.start_mark.line) + 1

    def _scalar(self, event: Any) -> Any:  # noqa: ANN401 - as above
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text not in self._plain:
            self._plain[text] = self._resolved(event, text)
        return self._plain[text]

    def _resolved(self, event: Any, text: str) -> Any:  # noqa: ANN401 - as above
        tag = self._loader.resolve(yaml.ScalarNode, text, (True, False))
        if tag == "tag:yaml.org,2002:str" or text == "<<":
            return text
        if len(text) > LONGEST_NUMBER:
            raise self._refused(event, f"{_short(text)} is too long for a number", "put text in quotes")
        try:
            made = self._loader.construct_object(yaml.ScalarNode(tag, text, event.start_mark, event.end_mark))
        except yaml.constructor.ConstructorError:  # the lone `=` of YAML 1.1, for which there is no value
            raise self._refused(event, f"{_short(text)} has a meaning of its own", "put it in quotes") from None
        except (ValueError, OverflowError) as error:
            said = f"{_short(text)} is no value that can be used: {error}"
            raise self._refused(event, said, "put text in quotes") from None
        if _OTHERWISE.fullmatch(text):
            said, advice = f"{text} is {made} for YAML, and not for people", "write it in plain digits, text in quotes"
            self._document.problems.append(Problem(self._document.name, self._line(event), "", said, advice))
        return made

    def _refused(self, event: Any, message: str, advice: str) -> InvalidInput:  # noqa: ANN401 - as above
        said = f"is no YAML that can be used here: {message}"
        return InvalidInput((Problem(self._document.name, self._line(event), "", said, advice),))


def model_problems(error: ValidationError, document: Document, model: type[BaseModel]) -> tuple[Problem, ...]:
    """What a wire model refuses, each with its place; of very many the first ones and their number."""
    details = error.errors(include_url=False)
    told = [_problem(detail, document, model) for detail in details[:MOST_PROBLEMS]]
    if len(details) > MOST_PROBLEMS:
        more = f"has {how_many(len(details) - MOST_PROBLEMS, 'problem')} more like these"
        told.append(Problem(document.name, None, "", more, "mend those that are listed, and look again"))
    return tuple(told)


_NO_PLACE = re.compile(r"\([a-z ]+\)|\[key\]")


def place_of(detail: Any) -> tuple[str, ...]:  # noqa: ANN401 - pydantic's own dict
    """Where pydantic met it; words in brackets name the branch of a union, or the key of an entry, and are no place."""
    *above, last = ("", *map(str, detail["loc"]))
    kept = [part for part in above[1:] if not _NO_PLACE.fullmatch(part)]
    # An unknown key is always what somebody wrote, whatever it looks like; in an error of the whole there is no last part.
    written = detail["type"] == "extra_forbidden" or not _NO_PLACE.fullmatch(last)
    return (*kept, last) if detail["loc"] and written else tuple(kept)


def _problem(detail: Any, document: Document, model: type[BaseModel]) -> Problem:  # noqa: ANN401 - as above
    path = place_of(detail)
    name, line, shown = document.name, document.line_of(path), _dotted(path)
    if detail["type"] == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        nearest = get_close_matches(path[-1][:SHOWN_CHARACTERS], known, n=1, cutoff=0.5)
        advice = f"did you mean {nearest[0]!r}?" if nearest else f"known keys: {', '.join(known)}"
        return Problem(name, line, shown, f"unknown key {_short(path[-1])!r}", advice)
    if detail["type"] == "missing":
        return Problem(name, line, shown, f"key {path[-1]!r} is missing", "add it")
    context = detail.get("ctx", {})
    if detail["type"] == "string_pattern_mismatch":
        mend = MENDS.get(context["pattern"], f"it must match {context['pattern']}")
        return Problem(name, line, shown, f"{_short(detail['input'])!r} cannot stand here", mend)
    if detail["type"] in _SHAPES:
        said = f"{SHAPE_OF.get(type(detail['input']), 'a single value')} cannot stand here"
        return Problem(name, line, shown, said, _MENDS[detail["type"]])
    said = str(detail["msg"]).removeprefix("Value error, ")
    said = said[0].lower() + said[1:] if said else "is wrong"
    advice = getattr(context.get("error"), "advice", "") or _mend(detail)
    return Problem(name, line, shown, said, advice)


_MENDS = {
    "literal_error": "write one of these",
    "string_too_long": "shorten it",
    "greater_than_equal": "write a larger number",
    "less_than_equal": "write a smaller number",
    "string_type": "put text in quotes: YAML reads it as something else",
    "dict_type": "write keys with values below it",
    "model_type": "write keys with values below it",
    "list_type": "write it as a list: [a, b]",
    "int_type": "write a whole number without quotes",
    "bool_type": "write true or false without quotes",
    "too_short": "add one",
    "too_long": "keep only so many",
    "string_too_short": "write something",
}


_SHAPES = ("dict_type", "model_type", "list_type")
SHAPE_OF: dict[type, str] = {
    dict: "a mapping",
    list: "a list",
    type(None): "nothing",
    str: "a text",
    bool: "a yes or no",
}
"""What people wrote, in words, where another shape is wanted."""
_KEY_OF = {**SHAPE_OF, int: "a number", float: "a number"}


def _mend(detail: Any) -> str:  # noqa: ANN401 - as above
    given = detail.get("input")
    if detail["type"] == "string_type" and (given is None or isinstance(given, (dict, list))):
        return "write one value in its place"
    return _MENDS.get(detail["type"], "")


def _dotted(path: Iterable[str]) -> str:
    return ".".join(_short(part) or "''" for part in path)


def _short(text: str | None) -> str:
    said = "" if text is None else text
    cut = said if len(said) <= SHOWN_CHARACTERS else f"{said[:SHOWN_CHARACTERS]}…"
    return "".join(char if char.isprintable() else "?" for char in cut)


def _yaml_problem(error: Exception, name: str) -> Problem:
    mark: Any = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error) or type(error).__name__
    context = getattr(error, "context", None)
    said = f"{context}, {said}" if context else said
    said = said.splitlines()[0]
    line = None if mark is None else mark.line + 1
    return Problem(name, line, "", f"is no YAML that can be used: {said}", _syntax_mend(said))


_BLANKS = "indent by spaces, and put text that begins with @, `, % or a tab in quotes"
_SYNTAX_MENDS = {
    "cannot start any token": _BLANKS,
    "tab": _BLANKS,
    "escape": "write the character itself, a backslash twice, or the text in single quotes",
    "quoted scalar": "close the quote",
    "incompatible YAML document": "take the line %YAML away",
    "<document start>": "what follows `...` is another document: split the file",
    "flow": "close the bracket",
}
"""What usually stands behind the parsers' own words; the first that is in them counts."""


def _syntax_mend(said: str) -> str:
    otherwise = "look at the indent, and at quotes and brackets that are not closed"
    return next((mend for words, mend in _SYNTAX_MENDS.items() if words in said), otherwise)


def _keys_at(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """Field names of the model that stands at `path`; parts that are dict keys or list indices lead to the value's model."""
    here: list[type[BaseModel]] = [model]
    for part in path:
        below: list[type[BaseModel]] = []
        for candidate in here:
            field_info = candidate.model_fields.get(part) or next(
                (entry for entry in candidate.model_fields.values() if entry.alias == part), None
            )
            below.extend([candidate] if field_info is None else _models_in(field_info.annotation))
        here = below or here
    return sorted({info.alias or key for candidate in here for key, info in candidate.model_fields.items()})


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a typing construct of any shape
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        found.extend(_models_in(argument))
    return found
