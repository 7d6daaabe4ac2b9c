"""Reads and writes the model behind confidence: weights with the day, the half and the sets that they were fitted to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from service.chat.confidence import FEATURES, Calibration
from service.deployments.reading import read_yaml
from service.errors import ConfigurationError
from service.strictness import describe

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_HEAD = """# What confidence is reckoned from: a logistic model of the features that service/chat/confidence.py lists. No role and no bonus stand in it.
# Written by `python -m service confidence-eval --fit` (docs/confidence.md); `sets` are what it was fitted to, with the hashes of the files.
"""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class FittedSet(_Strict):
    """A set of questions that the weights were fitted to: its name, how many questions of the half, and a hash of its files."""

    name: Text
    questions: int = Field(ge=1)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]


class CalibrationFile(_Strict):
    """The wire form."""

    fitted: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    half: Literal["dev", "final", "all"]
    sets: list[FittedSet] = Field(min_length=1)
    intercept: float = Field(ge=-100, le=100)
    weights: dict[str, Annotated[float, Field(ge=-100, le=100)]]

    @model_validator(mode="after")
    def _features_are_known(self) -> CalibrationFile:
        if wrong := set(self.weights) ^ set(FEATURES):
            raise ValueError(f"weights must be exactly {', '.join(FEATURES)} (not: {', '.join(sorted(wrong))})")
        return self


def load_calibration(path: Path) -> Calibration:
    """Read a calibration.

    Raises:
        ConfigurationError: in one line, what is wrong and where.
    """
    try:
        file = CalibrationFile.model_validate(read_yaml(path, "calibration"))
    except ValidationError as error:
        raise ConfigurationError(f"calibration {path}: {describe(error, CalibrationFile)}") from error
    told = ", ".join(f"{one.name} ({one.questions}, sha256 {one.sha256})" for one in file.sets)
    return Calibration(file.intercept, file.weights, f"{file.fitted}, half {file.half}: {told}")


def calibration_text(file: CalibrationFile) -> str:
    """The YAML of a calibration."""
    return _HEAD + yaml.safe_dump(file.model_dump(), sort_keys=False, allow_unicode=True, width=120)
