"""What is installed and how it is brought in: locks with hashes, nothing that runs at start, nothing that loads code out of data (LLM04)."""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = sorted(ROOT.glob("requirements*.txt"))
ALLOWED_AT_START = frozenset({"distutils-precedence", "a1_coverage"})
"""Files that every Python process runs: setuptools' own, and coverage's, which waits for a variable of its own. An editable install adds one."""
OF_THE_PROJECT = re.compile(r"__editable__\.courtsight-[0-9.]+|_virtualenv")
LOADS_CODE = frozenset({"pickle", "cPickle", "marshal", "shelve", "dill", "jsonpickle", "joblib", "cloudpickle"})
RUNS_TEXT = frozenset({"eval", "exec", "compile", "__import__"})


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted((ROOT / "service").rglob("*.py")):
        yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))


def test_every_dependency_is_locked_by_version_and_hash() -> None:
    """LiteLLM #24518, a hijacked release: each line of each lock names one version and SHA-256 sums, and no address."""
    assert LOCKS
    for lock in LOCKS:
        text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
        entries = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert entries
        for entry in entries:
            assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,_-]+\])?==[^ ;]+", entry), (lock.name, entry[:60])
            assert "--hash=sha256:" in entry, (lock.name, entry[:60])
            assert "://" not in entry


def strangers(folder: Path) -> set[str]:
    names = {file.stem for file in folder.glob("*.pth")}
    return {name for name in names - ALLOWED_AT_START if not OF_THE_PROJECT.fullmatch(name)}


def test_nothing_unknown_runs_when_python_starts() -> None:
    """LiteLLM #24518, a `.pth` file stole secrets at every start: only files of the allow-list lie in the environment."""
    assert strangers(Path(sysconfig.get_path("purelib"))) == set()


def test_a_file_that_runs_at_start_is_seen(tmp_path: Path) -> None:
    """The same look finds a planted one."""
    (tmp_path / "litellm_init.pth").write_text("import os\n", encoding="utf-8")
    (tmp_path / "distutils-precedence.pth").write_text("", encoding="utf-8")
    assert strangers(tmp_path) == {"litellm_init"}


def test_no_data_is_ever_loaded_as_code() -> None:
    """LangGraph CVE-2026-27794, pickle out of a cache: the service imports no such module, calls no `eval`, and reads YAML by safe loaders."""
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert not {name.name.partition(".")[0] for name in node.names} & LOADS_CODE, file
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in LOADS_CODE, file
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in RUNS_TEXT, (file, node.lineno)
            if isinstance(node, ast.ClassDef):
                loaders = [name for base in node.bases if "Loader" in (name := ast.unparse(base))]
                assert all("SafeLoader" in name for name in loaders), (file, node.lineno)


def test_no_shell_and_no_check_of_certificates_is_switched_off() -> None:
    """No call anywhere in the service says `shell=True`, `verify=False` or `ssl=False`, nor takes an unverified TLS context."""
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
                said = (node.arg, node.value.value)
                assert said not in {("shell", True), ("verify", False), ("ssl", False), ("verify_signature", False)}, (file, node.value.lineno)  # fmt: skip
            assert not (isinstance(node, ast.Attribute) and node.attr in {"_create_unverified_context", "CERT_NONE"}), (
                file
            )


@pytest.mark.parametrize(
    "workflow", sorted((ROOT / ".github" / "workflows").glob("*.y*ml")), ids=lambda file: file.name
)
def test_a_workflow_pins_what_it_runs_and_may_only_read(workflow: Path) -> None:
    """Trivy CVE-2026-33634, a scanner's own tags were hijacked: actions by commit, no text of a pull request in a shell, no token kept."""
    text = workflow.read_text(encoding="utf-8")
    used = re.findall(r"uses:\s*(\S+)", text)
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in used)
    assert "pull_request_target" not in text
    assert not re.search(r"run:[^\n]*\$\{\{", text)
    assert text.count("persist-credentials: false") == text.count("actions/checkout@")
    assert re.search(r"^permissions:\n  contents: read$", text, re.MULTILINE)
