"""Settings come from the environment, and wrong ones stop the start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.settings import Settings, load_settings

GOOD = "0b7d-91ac-e5f2-44d8-6c3b-a2f0-77"
DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"COURTSIGHT_{name.upper()}", raising=False)


@pytest.mark.parametrize("secret", ["", "short", "x" * 31])
def test_a_missing_or_short_secret_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """The message names the variable and how to make a secret."""
    monkeypatch.setenv("COURTSIGHT_JWT_SECRET", secret)
    with pytest.raises(ConfigurationError, match=r"COURTSIGHT_JWT_SECRET .*token_urlsafe"):
        _ = load_settings().signing_secret


def test_production_refuses_a_secret_that_is_not_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty-two times the same letter is long and no secret."""
    monkeypatch.setenv("COURTSIGHT_JWT_SECRET", "a" * 32)
    with pytest.raises(ConfigurationError, match="not random"):
        _ = load_settings().signing_secret


@pytest.mark.parametrize("written", ["{}\n", "\ufeff{}\r\n", " {}\t \r\n\r\n"])
def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str) -> None:
    """The file's content counts without the line break at its end, and without the mark that editors of Windows put before it."""
    (tmp_path / "secret").write_bytes(written.format(GOOD).encode())
    monkeypatch.setenv("COURTSIGHT_JWT_SECRET_FILE", str(tmp_path / "secret"))
    assert load_settings().signing_secret == GOOD


def test_a_missing_secret_file_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is not there names its variable."""
    monkeypatch.setenv("COURTSIGHT_JWT_SECRET_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="COURTSIGHT_JWT_SECRET_FILE"):
        load_settings()


@pytest.mark.parametrize("name", ["JWT_SECRET", "REDIS_URL", "METRICS_TOKEN"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "bytes"])
def test_a_secret_comes_from_a_file_that_can_be_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, kind: str
) -> None:
    """A pipe, which gives its text to one worker once and waits without end, a folder, and what is no text are told with their mend."""
    file = tmp_path / "secret"
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case _:
            file.write_bytes(b"\xff" * 40)
    monkeypatch.setenv(f"COURTSIGHT_{name}_FILE", str(file))
    told = "is no UTF-8 text; write the secret" if kind == "bytes" else f"into the variable COURTSIGHT_{name}"
    with pytest.raises(ConfigurationError, match=f"COURTSIGHT_{name}_FILE: .*{told}"):
        load_settings()


@pytest.mark.parametrize(("name", "value"), [("LOG_LEVEL", "debug"), ("TRACE_EXPORT", "stderr")])
def test_production_refuses_conveniences(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What only makes development easier stops a production start and starts in development."""
    monkeypatch.setenv(f"COURTSIGHT_{name}", value)
    with pytest.raises(ConfigurationError, match=f"{name}={value} is for development"):
        load_settings()
    monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", "development")
    assert load_settings().environment == "development"


def test_production_is_the_default() -> None:
    """Forgetting to say which environment it is gives the strict one."""
    assert load_settings().environment == "production"


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is almost a setting's says which one was meant; a name of somebody else's is let be."""
    monkeypatch.setenv("COURTSIGHT_STATUTES", "somewhere")
    load_settings()
    monkeypatch.setenv("COURTSIGHT_DATABSE", "x")
    with pytest.raises(ConfigurationError, match="did you mean COURTSIGHT_DATABASE"):
        load_settings()


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is no number names the variable."""
    monkeypatch.setenv("COURTSIGHT_DATABASE_TIMEOUT_SECONDS", "soon")
    with pytest.raises(ConfigurationError, match="COURTSIGHT_DATABASE_TIMEOUT_SECONDS"):
        load_settings()


def test_every_setting_stands_in_the_docs() -> None:
    """The page lists every variable with its default, and no variable that does not exist."""
    lines = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `COURTSIGHT_")]
    documented = {line.split("`")[1]: line for line in lines}
    assert set(documented) == {f"COURTSIGHT_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = "–" if field.default is None else f"`{field.default}`"
        assert f"| {default} |" in documented[f"COURTSIGHT_{name.upper()}"]


def test_the_retrieval_database_comes_from_a_file_and_stands_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its address is a secret like any other: read from a file, not shown, given once, and never beside a corpus of files."""
    file = tmp_path / "url"
    file.write_text("postgresql://reader:hunter2@host/name\n", encoding="utf-8")
    monkeypatch.setenv("COURTSIGHT_RETRIEVAL_DATABASE_URL_FILE", str(file))
    settings = load_settings()
    assert settings.retrieval_database_url is not None
    assert settings.retrieval_database_url.get_secret_value() == "postgresql://reader:hunter2@host/name"
    assert "hunter2" not in repr(settings)
    for name, value in (("RETRIEVAL_DATABASE_URL", "postgresql://host/name"), ("CORPUS", str(tmp_path))):
        with monkeypatch.context() as also:
            also.setenv(f"COURTSIGHT_{name}", value)
            with pytest.raises(ConfigurationError, match="keep one") as refused:
                load_settings()
            assert "hunter2" not in str(refused.value)
