"""Makes the prompt for a model out of a brief: templates from a versioned file, everything from outside fenced off and defused.

Passages and question are untrusted text. Each stands in an element whose name holds a nonce of the request, so that no text can close it;
characters that look like delimiters or citation marks are replaced by look-alikes that a quotation check reads as the same, and what
cannot be seen is removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from service.chat.brief import Brief
from service.chat.checking import clean
from service.chat.composing import day
from service.chat.evidence import Evidence, sentences
from service.errors import ConfigurationError
from service.llm.calls import Message, Prompt
from service.retrieval.document import Passage
from service.strictness import describe

TEMPLATES = Path(__file__).parent / "prompts" / "answer.yaml"
RELEASED = Path(__file__).parent / "prompts" / "released.yaml"
_CHARACTERS_PER_TOKEN = 2.5
"""Fewer than any tokenizer in use needs on Indonesian text (3 to 4), so that a prompt that fits by this fits."""
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_MARK_LIKE = re.compile(r"\[(?=\s*\d)")
_NONCE_LETTERS = 12
_LOOK_ALIKE = str.maketrans({"<": "‹", ">": "›"})

_Text = Annotated[str, StringConstraints(min_length=1)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: _Text
    temperature: float = Field(ge=0, le=2)
    output_tokens: dict[str, int]
    system: _Text
    user: _Text
    carried: _Text
    comparison: _Text
    nothing: _Text
    languages: dict[str, _Text]
    roles: dict[str, _Text]


@dataclass(frozen=True, slots=True)
class Templates:
    """The texts that prompts are made of, with their version and the SHA-256 of their file."""

    version: str
    hash: str
    temperature: float
    output_tokens: Mapping[str, int]
    system: str
    user: str
    carried: str
    comparison: str
    nothing: str
    languages: Mapping[str, str]
    roles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Composed:
    """A prompt, the passages that found room in it, and words that an answer to it must never hold."""

    prompt: Prompt
    evidence: tuple[Evidence, ...]
    forbidden: tuple[str, ...]


def load_templates(path: Path = TEMPLATES) -> Templates:
    """Read the templates strictly.

    Raises:
        ConfigurationError: the file cannot be read or is wrong; the message says where.
    """
    try:
        raw = path.read_bytes()
        content: Any = yaml.safe_load(raw)
        wire = _Wire.model_validate(content)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path.name}: cannot be read as YAML: {error}") from None
    except ValidationError as error:
        raise ConfigurationError(f"{path.name}: {describe(error, _Wire)}") from None
    return Templates(hash=sha256(raw).hexdigest(), **wire.model_dump())


def defuse(text: str) -> str:
    """Text from outside as it may stand in a prompt: nothing unseen, no delimiter, no citation mark of its own."""
    return _MARK_LIKE.sub("(", clean(text)).translate(_LOOK_ALIKE).strip()


class PromptBuilder:
    """Makes prompts for one deployment.

    `context_tokens` is the smallest context window among the models that may be asked; prompt and answer must fit in it.
    """

    def __init__(self, templates: Templates, persona: str, context_tokens: int) -> None:
        self._templates = templates
        self._persona = persona
        self._context_tokens = context_tokens

    @property
    def version(self) -> str:
        """The version of the templates."""
        return self._templates.version

    @property
    def hash(self) -> str:
        """The SHA-256 of the templates and of what the deployment adds to them: a cache of answers keys on it."""
        return sha256(f"{self._templates.hash}\n{self._persona}\n{self._context_tokens}".encode()).hexdigest()

    def build(self, brief: Brief) -> Composed:
        """The prompt for a brief. Passages that do not fit are left out, the weakest first."""
        nonce = sha256(brief.request_id.encode()).hexdigest()[:_NONCE_LETTERS]
        evidence = self._fitting(brief, nonce)
        messages = self._messages(brief, evidence, nonce)
        templates = self._templates
        prompt = Prompt(
            messages, templates.output_tokens[brief.complexity], templates.temperature, templates.version, self.hash
        )
        return Composed(prompt, evidence, (nonce, *_sentences_of_rules(messages[0].content)))

    def _fitting(self, brief: Brief, nonce: str) -> tuple[Evidence, ...]:
        """The passages, without the weakest while they are too long; of the last one as many whole sentences as there is room for."""
        kept = list(brief.evidence)
        while len(kept) > 1 and self._excess(brief, kept, nonce) > 0:
            kept.remove(min(kept, key=lambda item: (item.score, -item.number)))
        if kept and self._excess(brief, kept, nonce) > 0:
            return _shortened(kept[0], lambda item: self._excess(brief, [item], nonce) <= 0)
        return tuple(kept)

    def _excess(self, brief: Brief, evidence: Sequence[Evidence], nonce: str) -> float:
        characters = sum(len(message.content) for message in self._messages(brief, evidence, nonce))
        room = self._context_tokens - self._templates.output_tokens[brief.complexity]
        return characters / _CHARACTERS_PER_TOKEN - room

    def _messages(self, brief: Brief, evidence: Sequence[Evidence], nonce: str) -> tuple[Message, Message]:
        templates = self._templates
        names = {"sumber": f"sumber-{nonce}", "pertanyaan": f"pertanyaan-{nonce}"}
        system = _filled(
            templates.system,
            {
                **names,
                "persona": self._persona,
                "language": templates.languages[brief.language],
                "role": templates.roles.get(brief.role, templates.roles["public"]),
            },
        )
        passages = "\n".join(_element(item, names["sumber"]) for item in evidence) or templates.nothing
        user = _filled(
            templates.user,
            {
                **names,
                "context": self._context(brief, evidence),
                "passages": passages,
                "question": defuse(brief.question),
            },
        )
        return Message("system", system), Message("user", user)

    def _context(self, brief: Brief, evidence: Sequence[Evidence]) -> str:
        parts = []
        if brief.carried:
            parts.append(_filled(self._templates.carried, {"carried": _line(brief.carried)}))
        numbers = [str(place) for place in brief.comparison if any(item.number == place for item in evidence)]
        if numbers:
            values = {"numbers": ", ".join(numbers), "remark": _line(brief.remark)}
            parts.append(_filled(self._templates.comparison, values))
        return "".join(parts)


def _filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its places filled, in one pass: what is filled in is not looked at again."""
    return _PLACE.sub(lambda match: values[match[1]], template)


def _line(text: str) -> str:
    return " ".join(defuse(text).split())


def _element(item: Evidence, name: str) -> str:
    document = item.document
    heading = " ".join(part for part in (_line(_heading(item)),) if part).rstrip(".;")
    facts = [("nomor", str(item.number)), ("jenis", document.kind), ("status", document.status)]
    if document.decided_on:
        facts.append(("tanggal", day(document.decided_on)))
    attributes = " ".join(f'{key}="{_line(value).replace(chr(34), chr(39))}"' for key, value in facts)
    lines = [heading, defuse(item.text)]
    if document.holding and document.holding not in item.text:
        lines.append(defuse(document.holding))
    return f"<{name} {attributes}>\n" + "\n".join(lines) + f"\n</{name}>"


def _heading(item: Evidence) -> str:
    document = item.document
    ayat = f" ayat ({item.passage.ayat})" if item.passage and item.passage.ayat else ""
    return document.title if document.kind == "guide" else f"{document.label}{ayat}: {document.title}"


def _shortened(item: Evidence, fits: Callable[[Evidence], bool]) -> tuple[Evidence, ...]:
    """The longest beginning of a passage, in whole sentences, that fits; nothing when not even one does."""
    whole = sentences(item.text)
    for count in range(len(whole) - 1, 0, -1):
        text = " ".join(whole[:count])
        passage = replace(item.passage, text=text) if item.passage else Passage(item.document.id, 0, None, None, text)
        shorter = replace(item, passage=passage)
        if fits(shorter):
            return (shorter,)
    return ()


def _sentences_of_rules(system: str) -> tuple[str, ...]:
    """The sentences of the rules that are long enough to be known again: an answer that repeats one leaks the prompt."""
    return tuple(one for one in re.split(r"(?<=[.:])\s+", system) if len(one.split()) >= 3)
