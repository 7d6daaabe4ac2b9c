"""`courtsight slo import` and `export`: what is printed, written and refused, and what the exit status says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.slo_commands.import_ import spec_text
from slo.exchange.drafts import Sheet
from slo.exchange.read import import_specs
from slo.load import SPECS_FOLDER, load_spec, parse_spec
from slo.window_table import load_policy

CASES = Path(__file__).resolve().parents[1] / "slo" / "exchange" / "cases"
SHOP = SPECS_FOLDER / "examples" / "shop.yaml"


def case(name: str) -> str:
    return str(CASES / name)


def test_a_spec_is_printed_and_findings_stay_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Without -o the spec alone stands on standard output, ready for a file; findings and their numbers go to standard error."""
    assert main(["slo", "import", case("openslo-occurrences.yaml")]) == 0
    said = capsys.readouterr()
    assert parse_spec(said.out.encode(), "printed").slo("orders").title == "Orders taken"
    assert "  # What customers pay for." in said.out.splitlines()
    assert "approximated: " in said.err
    assert said.err.endswith("1 carried, 2 approximated, 0 lost\n")


def test_a_spec_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-o writes a file that loads; one that is there is left alone without --force."""
    target = tmp_path / "specs" / "shop.yaml"
    arguments = [
        "slo",
        "import",
        case("sloth-events.yaml"),
        "-o",
        str(target),
        "--owner",
        "web-team",
        "--window",
        "28d",
    ]
    assert main(arguments) == 0
    spec = load_spec(target)
    assert (spec.owner, spec.window) == ("web-team", 28 * 86400)
    target.write_text("mine", encoding="utf-8")
    assert main(arguments) == 2
    assert "is there already" in capsys.readouterr().err
    assert target.read_text(encoding="utf-8") == "mine"
    assert main([*arguments, "--force"]) == 0


def test_strict_tells_losses_by_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    """--strict ends with 1 when something was lost, and not for what is only approximated."""
    assert main(["slo", "import", case("sloth-events.yaml"), "--strict"]) == 1
    assert main(["slo", "import", case("openslo-occurrences.yaml"), "--strict"]) == 0
    assert "lost: " in capsys.readouterr().err


def test_nothing_carried_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of which no SLO can be carried leaves no spec, and says so."""
    assert main(["slo", "import", case("openslo-foreign-sources.yaml"), "-o", str(tmp_path / "x.yaml")]) == 1
    assert "nothing is written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_several_services_make_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder takes a spec of each service; one file cannot."""
    files = [case("openslo-occurrences.yaml"), case("openslo-by-reference.yaml")]
    assert main(["slo", "import", *files, "-o", str(tmp_path / "one.yaml")]) == 2
    assert "there are 2 services" in capsys.readouterr().err
    assert main(["slo", "import", *files, "-o", str(tmp_path / "specs"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert sorted(said["specs"]) == ["shop", "till"]
    assert {entry["fate"] for entry in said["findings"]} == {"carried", "approximated", "lost"}
    assert sorted(path.name for path in (tmp_path / "specs").iterdir()) == ["shop.yaml", "till.yaml"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such.yaml"], "cannot be read"),
        ([str(SHOP)], "is neither OpenSLO v1 nor Sloth's"),
        ([case("sloth-events.yaml"), "--from", "openslo"], "has no apiVersion"),
        ([case("sloth-events.yaml"), "--owner", "Web Team"], "write lower-case words"),
        ([case("sloth-events.yaml"), "--window", "soon"], "is no duration"),
    ],
)
def test_wrong_input_is_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of no known format and options that no spec could take end with 2, and nothing is written."""
    assert main(["slo", "import", *arguments]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


def test_a_folder_without_specs_is_wrong_input(tmp_path: Path) -> None:
    """An empty folder is no silent success."""
    assert main(["slo", "import", str(tmp_path)]) == 2


def test_export_and_import_meet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What export writes into a folder is read from it by import, and comes back with the same objectives."""
    assert main(["slo", "export", str(SHOP), "-o", str(tmp_path / "openslo"), "--strict"]) == 0
    assert main(["slo", "import", str(tmp_path / "openslo"), "-o", str(tmp_path / "back.yaml"), "--strict"]) == 0
    assert load_spec(tmp_path / "back.yaml").slos == load_spec(SHOP).slos
    capsys.readouterr()
    assert main(["slo", "diff", str(SHOP), str(tmp_path / "back.yaml")]) == 0


def test_export_leaves_what_another_service_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of several services loses none of them: it took a second export for a new name of the first, and removed that."""
    folder, other = tmp_path / "openslo", tmp_path / "other.yaml"
    other.write_text(SHOP.read_text(encoding="utf-8").replace("service: shop", "service: bakery"), encoding="utf-8")
    assert main(["slo", "export", str(SHOP), "-o", str(folder)]) == 0
    assert main(["slo", "export", str(other), "-o", str(folder)]) == 2
    assert "were not generated from this service's spec: shop.openslo.yaml" in capsys.readouterr().err
    assert main(["slo", "export", str(other), "-o", str(folder), "--force"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["bakery.openslo.yaml", "shop.openslo.yaml"]


def test_exports_of_several_services_come_back_in_one_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is whole in itself, though all call targets, policies and some SLOs alike; one service that stands there twice is still told."""
    specs = sorted({*SPECS_FOLDER.glob("*.yaml"), SHOP})
    assert len(specs) > 1
    for number, spec in enumerate(specs):
        assert main(["slo", "export", str(spec), "-o", str(tmp_path / f"exported/{number}")]) == 0
    assert main(["slo", "import", str(tmp_path / "exported"), "-o", str(tmp_path / "specs"), "--strict"]) == 0
    assert ", 0 approximated, 0 lost" in capsys.readouterr().err.splitlines()[-1]
    for path in specs:
        spec = load_spec(path)
        again = load_spec(tmp_path / "specs" / f"{spec.service}.yaml")
        assert (again.slos, again.owner) == (spec.slos, spec.owner)
    twice = tmp_path / "exported/twice"
    assert main(["slo", "export", str(SHOP), "-o", str(twice)]) == 0
    capsys.readouterr()
    assert main(["slo", "import", str(tmp_path / "exported"), "-o", str(tmp_path / "other")]) == 2
    assert "there is another Service 'shop'" in capsys.readouterr().err


def test_an_export_in_several_files_is_read_together(tmp_path: Path) -> None:
    """Where nothing is called alike, references lead from file to file as before."""
    assert main(["slo", "export", str(SHOP), "-o", str(tmp_path)]) == 0
    written, rest = tmp_path / "shop.openslo.yaml", tmp_path / "rest.yaml"
    documents = written.read_text(encoding="utf-8").split("---\n")
    first = [one for one in documents if "kind: SLO\n" in one or "kind: Service\n" in one]
    written.write_text("---\n".join(first), encoding="utf-8")
    rest.write_text("---\n".join(one for one in documents if one not in first), encoding="utf-8")
    assert main(["slo", "import", str(written), str(rest), "-o", str(tmp_path / "shop.yaml"), "--strict"]) == 0


def test_export_prints_documents_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Without -o the documents are printed; --json gives objects and findings."""
    assert main(["slo", "export", str(SHOP)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("# Generated from the SLO spec of shop")
    assert "approximated: " in said.err
    assert main(["slo", "export", str(SHOP), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {entry["kind"] for entry in found["objects"]} == {"Service", "AlertNotificationTarget", "AlertPolicy", "SLO"}
    assert [entry["fate"] for entry in found["findings"]] == ["approximated"]


def test_what_is_written_is_what_was_read() -> None:
    """The text of an imported spec, comments and all, is the spec that was checked; names of files cannot break out of the comment."""
    sheets: list[Sheet] = []
    for path in sorted(CASES.iterdir()):
        sheets += import_specs([(path.name, path.read_bytes())], load_policy()).sheets
    assert len(sheets) >= 10
    for sheet in sheets:
        assert parse_spec(spec_text(sheet, ["a\nb: c.yaml"]).encode(), "x").slos == sheet.spec.slos
