"""The bill of materials: every package that the locks name, as CycloneDX JSON, with the sums that pip checks.

    python -m harness.sbom [--into FILE]

From the lock files alone, and so the same bytes on every machine but for licences, which only the metadata of an installed package
tells: who has not installed a package, or has another version, gets none for it. A package that the service needs to run is `required`;
what only tests, measures and develops is `excluded`, CycloneDX's word for what is not shipped.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from slo.errors import EvidenceError
from slo.evidence import write_atomically
from slo.quantities import how_many

ROOT = Path(__file__).resolve().parents[1]
SPEC_VERSION = "1.6"
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z,_-]+\])?==(?P<version>[^ ;]+)(?: ; (?P<marker>.*?))? +--hash")
_SUM = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_LONGEST_LICENCE = 80
"""Older packages put the whole text of their licence where its name belongs."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock: its sums are those of all files that may be installed, a wheel for each platform and the source."""

    name: str
    version: str
    marker: str
    sums: tuple[str, ...]


def locked(text: str) -> list[Locked]:
    """The packages of a lock file, by name.

    Raises:
        ValueError: a line names no version, or no sum.
    """
    lines = text.replace("\\\n", " ").splitlines()
    found = [_locked(line) for line in lines if line.strip() and not line.startswith("#")]
    return sorted(found, key=lambda one: one.name)


def _locked(line: str) -> Locked:
    entry = _ENTRY.match(line)
    if entry is None:
        raise ValueError(f"no package with version and sum: {line[:60]!r}; lock it again (CONTRIBUTING.md)")
    return Locked(entry["name"], entry["version"], entry["marker"] or "", tuple(sorted(_SUM.findall(line))))


def licence_of(named: metadata.PackageMetadata) -> str:
    """What a package says of its licence in a few words, empty when it says nothing: SPDX, else classifiers, else free text."""
    for expression in named.get_all("License-Expression") or ():
        return str(expression)
    classifiers = [
        one.rpartition(" :: ")[2] for one in named.get_all("Classifier") or () if one.startswith("License ::")
    ]
    told = " AND ".join(one for one in classifiers if one != "OSI Approved") or "".join(named.get_all("License") or ())
    return told if "\n" not in told and len(told) <= _LONGEST_LICENCE else ""


def installed_licences(packages: Iterable[Locked]) -> dict[str, tuple[str, bool]]:
    """Licence by package, and whether it is an SPDX expression, of those that are installed in the very version."""
    found = {}
    for package in packages:
        try:
            told = metadata.metadata(package.name)
        except metadata.PackageNotFoundError:
            continue
        if told["Version"] == package.version and (licence := licence_of(told)):
            found[package.name] = (licence, "License-Expression" in told)
    return found


def bill(
    project: Mapping[str, Any],
    packages: Iterable[Locked],
    shipped: frozenset[str],
    licences: Mapping[str, tuple[str, bool]],
) -> dict[str, Any]:
    """The bill as CycloneDX has it. Without a moment or a serial number: the same locks give the same bill."""
    components = [_component(one, licences.get(one.name), shipped=one.name in shipped) for one in packages]
    own = {"type": "application", "bom-ref": project["name"], "name": project["name"], "version": project["version"]}
    needed = [one["bom-ref"] for one in components if one["scope"] == "required"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {"component": own},
        "components": components,
        "dependencies": [{"ref": project["name"], "dependsOn": needed}],
    }


def _component(one: Locked, licence: tuple[str, bool] | None, *, shipped: bool) -> dict[str, Any]:
    place = f"pkg:pypi/{one.name}@{one.version}"
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": place,
        "name": one.name,
        "version": one.version,
        "scope": "required" if shipped else "excluded",
        "purl": place,
        "hashes": [{"alg": "SHA-256", "content": content} for content in one.sums],
    }
    if licence:
        name, is_spdx = licence
        made["licenses"] = [{"expression": name}] if is_spdx else [{"license": {"name": name}}]
    if one.marker:
        made["properties"] = [{"name": "courtsight:installed-where", "value": one.marker}]
    return made


def main(arguments: list[str] | None = None) -> int:
    """Write the bill of this tree; 0, or 2 with one line on standard error when it cannot be written."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--into", type=Path, help="a file; standard output without")
    options = parser.parse_args(arguments)
    packages = locked((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    shipped = frozenset(one.name for one in locked((ROOT / "requirements-service.txt").read_text(encoding="utf-8")))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    written = (
        json.dumps(bill(project, packages, shipped, installed_licences(packages)), indent=1, ensure_ascii=False) + "\n"
    )
    if options.into is None:
        sys.stdout.write(written)
        return 0
    try:
        write_atomically(options.into, written.encode())
    except EvidenceError as error:
        sys.stderr.write(f"{error}; name another file with INTO=\n")
        return 2
    sys.stdout.write(f"{how_many(len(packages), 'package')}, {len(shipped)} of them shipped: {options.into}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
