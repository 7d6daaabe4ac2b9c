"""The secrets of docker-compose.yml: made once, readable by containers alone, and never at odds with each other."""

from __future__ import annotations

import hashlib
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.compose_secrets import BY_HAND, make

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_random_ones_are_made_and_the_rest_is_asked_for(folder: Path) -> None:
    """Each password is its own, long and random; what only a person knows is named with the file that lacks it."""
    left = make(folder)
    made = contents(folder)
    random = [text for name, text in made.items() if name.endswith(("password", "secret", "token"))]
    assert len(random) == len(set(random)) == 6
    assert all(len(text) >= 43 for text in random)
    assert len(left) == len(BY_HAND)
    assert all(any(str(folder / name) in sentence for sentence in left) for name in BY_HAND)


def test_the_folder_is_closed_and_the_files_can_be_read_in_containers(folder: Path) -> None:
    """Other users of the machine do not get into the folder; a container's user can read a file that is mounted alone."""
    folder.mkdir(mode=0o755)
    make(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


def test_a_second_run_changes_nothing(folder: Path) -> None:
    """Secrets in use are never replaced; when all are there nothing is left to do."""
    make(folder)
    for name in BY_HAND:
        (folder / name).write_text("http://127.0.0.1:9/", encoding="utf-8")
    before = contents(folder)
    assert make(folder) == []
    assert contents(folder) == before


def test_addresses_hold_the_passwords_that_the_databases_know(folder: Path) -> None:
    """The service's addresses carry the passwords; Redis is told the digest of its own, and shuts out whoever has no name."""
    make(folder)
    made = contents(folder)
    assert f":{made['database_password']}@database:5432/courtsight" in made["database_url"]
    password = made["redis_url"].removeprefix("redis://courtsight:").removesuffix("@redis:6379/0")
    assert made["redis_users"].startswith("user default off\n")
    assert f" #{hashlib.sha256(password.encode()).hexdigest()} " in made["redis_users"]
    assert password not in made["redis_users"]


def test_a_removed_half_is_made_to_fit_the_other(folder: Path) -> None:
    """Redis' list of users is made again for the password in its address; a new database password that the address lacks is named."""
    make(folder)
    before = contents(folder)
    (folder / "redis_users").unlink()
    (folder / "database_password").unlink()
    left = make(folder)
    assert (folder / "redis_users").read_text(encoding="utf-8") == before["redis_users"]
    assert [sentence for sentence in left if "does not fit" in sentence] == [
        f"{folder / 'database_url'} does not fit the other secrets: remove it and run this again"
    ]


def test_the_command_runs_on_the_systems_python(tmp_path: Path) -> None:
    """With the standard library alone it makes the secrets beside itself, names what is missing, and ends with 2."""
    (tmp_path / "harness").mkdir()
    shutil.copy(ROOT / "harness" / "compose_secrets.py", tmp_path / "harness")
    command = [sys.executable, "-I", "-S", str(tmp_path / "harness" / "compose_secrets.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == len(BY_HAND)
    assert (tmp_path / "secrets" / "jwt_secret").is_file()
