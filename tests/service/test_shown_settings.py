"""`python -m service settings` shows what a start would take, and no secret."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from service.__main__ import main
from service.masking import MASK, without_passwords
from service.settings import Settings

SECRET = "0b7d-91ac-e5f2-44d8-6c3b-a2f0-77"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("COURTSIGHT_")]:
        monkeypatch.delenv(name)


def shown(capsys: pytest.CaptureFixture[str], status: int = 0) -> tuple[dict[str, tuple[Any, str]], dict[str, Any]]:
    """Value and source by variable, and the whole answer."""
    assert main(["settings", "--json"]) == status
    answer = json.loads(capsys.readouterr().out)
    return {one["variable"]: (one["value"], one["source"]) for one in answer["settings"]}, answer


def test_every_setting_is_shown_with_value_and_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Defaults, variables and files are told apart, and none is left out."""
    (tmp_path / "token").write_text("wq83nfkd92mxzp40\n")
    monkeypatch.setenv("COURTSIGHT_JWT_SECRET", SECRET)
    monkeypatch.setenv("COURTSIGHT_METRICS_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("COURTSIGHT_WORKERS", "2")
    values, answer = shown(capsys)
    assert set(values) == {f"COURTSIGHT_{name.upper()}" for name in Settings.model_fields}
    assert values["COURTSIGHT_WORKERS"] == (2, "environment")
    assert values["COURTSIGHT_DRAIN_SECONDS"] == (30, "default")
    assert values["COURTSIGHT_ENVIRONMENT"] == ("production", "default")
    assert values["COURTSIGHT_JWT_SECRET"] == (MASK, "environment")
    assert values["COURTSIGHT_METRICS_TOKEN"] == (MASK, "file")
    assert values["COURTSIGHT_METRICS_TOKEN_FILE"] == (str(tmp_path / "token"), "environment")
    assert values["COURTSIGHT_SENTRY_DSN"] == (None, "default")
    assert answer["production_refuses"] == []


@pytest.mark.parametrize("form", [["settings"], ["settings", "--json"]])
def test_no_secret_and_no_length_of_one_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    """Secrets of every kind, keys of providers and passwords inside addresses leave only the mask."""
    hidden = {
        "COURTSIGHT_JWT_SECRET": SECRET,
        "COURTSIGHT_REDIS_URL": "redis://:k29dmw02nslq@cache.example/0",
        "COURTSIGHT_DATABASE_URL": "postgresql://cs:p28xnq02mdkw@db.example/cs",
        "COURTSIGHT_SENTRY_DSN": "https://publickey77@errors.example/1",
        "COURTSIGHT_METRICS_TOKEN": "wq83nfkd92mxzp40",
        "COURTSIGHT_GEMINI_API_KEY": "gk-83jdn20xmw94",
        "COURTSIGHT_OTLP_ENDPOINT": "https://tenant:zx93kd02mqpw@collector.example/v1/traces?key=uw82nd",
    }
    for name, value in hidden.items():
        monkeypatch.setenv(name, value)
    main(form)
    printed = capsys.readouterr().out
    for word in (
        SECRET, "k29dmw02nslq", "p28xnq02mdkw", "publickey77", "wq83nfkd92mxzp40", "gk-83jdn20xmw94", "zx93kd02mqpw", "uw82nd",
    ):  # fmt: skip
        assert word not in printed
    assert "*" * (len(MASK) + 1) not in printed
    assert all(name in printed for name in hidden)
    assert f"{MASK}@collector.example" in printed


def test_all_that_production_refuses_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In development the list is a warning; production ends with status 2, and shows the settings all the same."""
    monkeypatch.setenv("COURTSIGHT_JWT_SECRET", "a" * 32)
    monkeypatch.setenv("COURTSIGHT_LOG_LEVEL", "debug")
    monkeypatch.setenv("COURTSIGHT_TRACE_CONTENT", "true")
    monkeypatch.setenv("COURTSIGHT_REDIS_URL", "redis://cache.example/0")
    monkeypatch.setenv("COURTSIGHT_TRUSTED_PROXIES", "everybody")
    monkeypatch.setenv("COURTSIGHT_DEPLOYMENT", "no-such-deployment")
    wanted = ("LOG_LEVEL", "TRACE_CONTENT", "JWT_SECRET", "REDIS_URL", "TRUSTED_PROXIES", "no-such-deployment")
    for environment, status in (("development", 0), ("production", 2), (None, 2)):
        if environment is None:
            monkeypatch.delenv("COURTSIGHT_ENVIRONMENT")
        else:
            monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", environment)
        values, answer = shown(capsys, status)
        refused = "\n".join(answer["production_refuses"])
        assert [word for word in wanted if word not in refused] == []
        assert values["COURTSIGHT_LOG_LEVEL"] == ("debug", "environment")
        assert values["COURTSIGHT_ENVIRONMENT"] == (
            environment or "production",
            "environment" if environment else "default",
        )


def test_what_cannot_be_read_at_all_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value of the wrong kind names its variable and ends with status 2."""
    monkeypatch.setenv("COURTSIGHT_WORKERS", "many")
    assert main(["settings"]) == 2
    assert "COURTSIGHT_WORKERS" in capsys.readouterr().err


def test_variables_that_nothing_reads_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable of another program is told by its name alone, without its value."""
    monkeypatch.setenv("COURTSIGHT_JWT_SECRET", SECRET)
    monkeypatch.setenv("COURTSIGHT_BILLING_DEPARTMENT", "unknown-value")
    _, answer = shown(capsys)
    assert answer["ignored"] == ["COURTSIGHT_BILLING_DEPARTMENT"]
    assert "unknown-value" not in json.dumps(answer)


@pytest.mark.parametrize("form", [["settings"], ["settings", "--json"], ["serve", "--port", "0"]])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("JWT_SECRET_FILE", "{secret}"),
        ("JWT_SECRET_FILE", "/{secret}/x"),
        ("METRICS_TOKEN_FILE", "{secret}{secret}{secret}{secret}{secret}{secret}{secret}{secret}{secret}"),
        ("OPENAI_API_KEY_FILE", "{secret}"),
        ("DATABASE_URL_FILE", "postgresql://cs:{secret}@db.example/cs"),
        ("DATABASE", "postgresql://cs:{secret}@db.example/cs"),
        ("CORS_ORIGINS", "https://a.example,https://cs:{secret}@page.example"),
        ("TRUSTED_PROXIES", "http://cs:{secret}@10.0.0.7"),
        ("DEPLOYMENT", "https://cs:{secret}@files.example/x.yaml"),
        ("PROVIDERS", "https://cs:{secret}@models.example/v1"),
    ],
)
def test_a_secret_in_the_wrong_variable_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: list[str], variable: str, value: str
) -> None:
    """Whoever mixes up two variables reads which one is wrong, and nobody reads the secret in the log of the start."""
    monkeypatch.setenv("COURTSIGHT_JWT_SECRET", "f4a0-" + SECRET)
    if variable.startswith("JWT"):
        monkeypatch.delenv("COURTSIGHT_JWT_SECRET")
    if variable.startswith("OPENAI"):
        monkeypatch.setenv("COURTSIGHT_PROVIDERS", "openai")
    monkeypatch.setenv(f"COURTSIGHT_{variable}", value.format(secret=SECRET))
    main(form)
    printed = "".join(capsys.readouterr())
    assert variable.removesuffix("_FILE") in printed
    assert SECRET not in printed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://tenant:zx93@collector.example/v1?key=uw82", f"https://{MASK}@collector.example/v1"),
        ("https://tenant:z/x@93@collector.example/v1#uw82", f"https://{MASK}@collector.example/v1"),
        ("tenant:zx93@collector.example:4318", f"{MASK}@collector.example:4318"),
        ("postgresql:/cs:zx93@db.example/cs", f"postgresql:/{MASK}@db.example/cs"),
        ("host=db user=cs password=zx93", f"host=db user=cs password={MASK}"),
        ("X: 'https://cs:zx93@page.example' is none: write", f"X: 'https://{MASK}@page.example' is none: write"),
        ("account 'ana@court.example' exists", "account 'ana@court.example' exists"),
        ("/run/secrets/jwt: no such file", "/run/secrets/jwt: no such file"),
        ("https://collector.example:4318/v1/traces", "https://collector.example:4318/v1/traces"),
    ],
)
def test_passwords_go_and_the_rest_stays(text: str, shown: str) -> None:
    """Addresses lose user, password, query and fragment; what only looks like one stays as it is."""
    assert without_passwords(text) == shown


def test_a_file_that_is_missing_is_named_where_its_folder_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator reads which file was not mounted."""
    monkeypatch.setenv("COURTSIGHT_JWT_SECRET_FILE", str(tmp_path / "jwt"))
    assert main(["settings"]) == 2
    assert f"COURTSIGHT_JWT_SECRET_FILE: {tmp_path / 'jwt'}: No such file" in "".join(capsys.readouterr())
