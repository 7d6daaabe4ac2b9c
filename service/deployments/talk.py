"""Reads what a deployment says to greetings, thanks and questions about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from service.chat.language import Language
from service.chat.smalltalk import Remark, SmallTalk
from service.deployments.reading import read_yaml
from service.errors import ConfigurationError
from service.strictness import describe
from service.text import words

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Spoken(_Strict):
    id: Text
    en: Text


class _Said(_Strict):
    id: list[Text] = Field(default_factory=list)
    en: list[Text] = Field(default_factory=list)


class _Remark(_Strict):
    name: _Spoken
    again: bool = False
    said: _Said
    answers: _Spoken


class _Wordless(_Strict):
    name: _Spoken
    answers: _Spoken


class _File(_Strict):
    fillers: list[Text]
    remarks: list[_Remark] = Field(min_length=1)
    wordless: _Wordless


def load_talk(path: Path) -> SmallTalk:
    """Read what is said to talk that is no question.

    Raises:
        ConfigurationError: in one line, what is wrong and where.
    """
    try:
        file = _File.model_validate(read_yaml(path, "small talk"))
    except ValidationError as error:
        raise ConfigurationError(f"small talk {path}: {describe(error, _File)}") from error
    return SmallTalk(
        remarks=tuple(
            Remark(_spoken(one.name), _phrases(one.said), _spoken(one.answers), again=one.again) for one in file.remarks
        ),
        fillers=frozenset(word for entry in file.fillers for word in words(entry)),
        wordless=Remark(_spoken(file.wordless.name), {}, _spoken(file.wordless.answers)),
    )


def _phrases(said: _Said) -> dict[Language, frozenset[tuple[str, ...]]]:
    return {
        "id": frozenset(tuple(words(entry)) for entry in said.id),
        "en": frozenset(tuple(words(entry)) for entry in said.en),
    }


def _spoken(text: _Spoken) -> dict[Language, str]:
    return {"id": text.id, "en": text.en}
