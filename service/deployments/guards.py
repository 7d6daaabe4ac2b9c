"""Reads what a deployment does not answer: the rules of its guard, and the words that tell law from other fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from service.chat.domain import Domain, Elsewhere
from service.chat.guard import Aid, Refusal, Refusals
from service.chat.lexicon import Lexicon, lexicon
from service.chat.urgent import Emergencies, Emergency
from service.deployments.reading import read_yaml
from service.errors import ConfigurationError
from service.strictness import describe, nearest

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Answers(_Strict):
    id: Text
    en: Text


class _Aid(_Strict):
    words: Text
    answers: _Answers


class _Rule(_Strict):
    reason: Literal["unsafe", "injection"]
    all: list[Text] = Field(default_factory=list)
    unless: list[Text] = Field(default_factory=list)
    marks: list[Text] = Field(default_factory=list)
    answers: _Answers
    aids: list[_Aid] = Field(default_factory=list)


class _Emergency(_Strict):
    all: list[Text] = Field(min_length=1)
    unless: list[Text] = Field(default_factory=list)
    answers: _Answers


class _Elsewhere(_Strict):
    all: list[Text] = Field(min_length=1)
    beside: list[Text] = Field(default_factory=list)
    numbers: int = Field(default=0, ge=0)


class _Domain(_Strict):
    answer_from: float = Field(gt=0, le=1)
    elsewhere: list[_Elsewhere] = Field(default_factory=list)
    foreign: list[Text] = Field(min_length=1)
    legal: list[Text] = Field(min_length=1)


class _File(_Strict):
    words: dict[str, list[Text]]
    rules: list[_Rule] = Field(min_length=1)
    emergencies: list[_Emergency] = Field(default_factory=list)
    domain: _Domain

    @model_validator(mode="after")
    def _groups_exist(self) -> _File:
        for place, rule in enumerate(self.rules):
            if not rule.all and not rule.marks:
                raise ValueError(f"rules.{place}: neither `all` nor `marks`, so nothing could meet it")
            self._known(f"rules.{place}", (*rule.all, *rule.unless, *(aid.words for aid in rule.aids)))
        for place, danger in enumerate(self.emergencies):
            self._known(f"emergencies.{place}", (*danger.all, *danger.unless))
            if any(word.endswith("*") for word in self.words[danger.all[0]]):
                raise ValueError(
                    f"emergencies.{place}: its first group {danger.all[0]!r} holds a beginning (`*`); write its words out"
                )
        for place, kind in enumerate(self.domain.elsewhere):
            self._known(f"domain.elsewhere.{place}", (*kind.all, *kind.beside))
        return self

    def _known(self, where: str, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.words:
                near = nearest(name, self.words)
                hint = f" (did you mean {near!r}?)" if near else ""
                raise ValueError(f"{where}: no group of words {name!r}{hint}")


@dataclass(frozen=True, slots=True)
class Guards:
    """The rules in the order in which they are tried, what is said first to who is in danger, and the words of the field."""

    refusals: Refusals
    emergencies: Emergencies
    domain: Domain


def load_guards(path: Path) -> Guards:
    """Read the guards of a deployment.

    Raises:
        ConfigurationError: in one line, what is wrong and where.
    """
    try:
        return _made(_File.model_validate(read_yaml(path, "guards")))
    except ValidationError as error:
        raise ConfigurationError(f"guards {path}: {describe(error, _File)}") from error


def _made(file: _File) -> Guards:
    groups = {name: lexicon(entries) for name, entries in file.words.items()}

    def pooled(names: Iterable[str]) -> Lexicon:
        return lexicon(entry for name in names for entry in file.words[name])

    refusals = tuple(
        Refusal(
            reason=rule.reason,
            groups=tuple(groups[name] for name in rule.all),
            unless=pooled(rule.unless),
            marks=tuple(mark.lower() for mark in rule.marks),
            answers={"id": rule.answers.id, "en": rule.answers.en},
            aids=tuple(Aid(groups[aid.words], {"id": aid.answers.id, "en": aid.answers.en}) for aid in rule.aids),
        )
        for rule in file.rules
    )
    elsewhere = tuple(
        Elsewhere(tuple(groups[name] for name in kind.all), _words(groups, kind.beside), kind.numbers)
        for kind in file.domain.elsewhere
    )
    domain = Domain(lexicon(file.domain.foreign), lexicon(file.domain.legal), file.domain.answer_from, elsewhere)
    emergencies = tuple(
        Emergency(
            tuple(groups[name] for name in danger.all),
            pooled(danger.unless),
            {"id": danger.answers.id, "en": danger.answers.en},
        )
        for danger in file.emergencies
    )
    return Guards(Refusals(refusals), Emergencies(emergencies), domain)


def _words(groups: Mapping[str, Lexicon], names: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*(groups[name].words for name in names))
