"""The compose file, the image, their settings and CI, read as text: no engine is needed, and none is asked."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.tools import find_tools
from target.monitoring import JOB

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("service", "prometheus", "alertmanager", "grafana", "retrieval-database")
PINNED = re.compile(r"^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?([-.][a-z0-9.-]+)?$")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file, its merges resolved."""
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    """The instructions of the image, continued lines joined and comments left out."""
    text = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def mounts(compose: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Every mount from the checkout: service, path here, rest."""
    entries = [(name, entry) for name, service in compose["services"].items() for entry in service.get("volumes", ())]
    return [(name, *entry.split(":", 1)) for name, entry in entries if entry.startswith((".", "/"))]


def test_the_services_are_there(compose: dict[str, Any]) -> None:
    """Service, Prometheus, Alertmanager and Grafana start together, the retrieval database only when its profile is asked for."""
    assert tuple(compose["services"]) == SERVICES
    assert [name for name, one in compose["services"].items() if one.get("profiles")] == ["retrieval-database"]


def test_every_port_is_bound_to_loopback(compose: dict[str, Any]) -> None:
    """Nothing that compose publishes can be reached from another machine, and no network mode goes around that."""
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert len(ports) == len(SERVICES)
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    assert not any("network_mode" in service for service in compose["services"].values())


def test_every_mounted_path_exists_and_is_read_only(compose: dict[str, Any]) -> None:
    """A mount of a missing path would become an empty folder of root's; ours all exist, and no container writes to them."""
    found = mounts(compose)
    assert found
    for name, here, rest in found:
        assert here.startswith("./"), f"{name} mounts {here} of the machine"
        assert (ROOT / here).exists(), f"{name} mounts {here}, which does not exist"
        assert rest.endswith(":ro"), f"{name} can write to {here}"


def test_named_volumes_are_declared(compose: dict[str, Any]) -> None:
    """Every named volume that a service uses is declared, and every declared one is used."""
    entries = [entry for service in compose["services"].values() for entry in service.get("volumes", ())]
    assert {entry.split(":")[0] for entry in entries if not entry.startswith((".", "/"))} == set(compose["volumes"])


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    """Every password and secret comes from the environment, and compose stops with a sentence when it is not set."""
    environments = [service.get("environment", {}) for service in compose["services"].values()]
    secret = {
        key: value
        for environment in environments
        for key, value in environment.items()
        if re.search(r"SECRET|PASSWORD|TOKEN|KEY", key) and not key.endswith("_FILE")
    }
    assert {"COURTSIGHT_JWT_SECRET", "GF_SECURITY_ADMIN_PASSWORD"} <= set(secret)
    assert all(re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value) for value in secret.values())
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert re.findall(r"\$\{[A-Z_]+:?-", text) == []


def test_every_variable_stands_in_the_example_without_a_value(compose: dict[str, Any]) -> None:
    """`.env.example` names exactly the variables that compose reads, all of them empty."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{([A-Z_]+)", text)) | {secret["environment"] for secret in compose["secrets"].values()}
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(example) == asked
    assert set(example.values()) == {""}


def test_a_filled_in_environment_file_stays_out_of_git() -> None:
    """`.env` is ignored, `.env.example` is not."""
    git = shutil.which("git")
    assert git is not None
    done = subprocess.run(
        [git, "check-ignore", "--no-index", ".env", ".env.example"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [".env"]


def test_image_tags_are_pinned(compose: dict[str, Any], dockerfile: list[str]) -> None:
    """No image floats: each has a version, and none is `latest`."""
    images = [service["image"] for service in compose["services"].values()]
    images += [line.split()[1] for line in dockerfile if line.startswith("FROM")]
    assert [image for image in images if not PINNED.fullmatch(image)] == []


def test_containers_have_no_rights_to_spare(compose: dict[str, Any]) -> None:
    """Every container has a read-only root, no capabilities, and gains no privileges."""
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service


def test_alertmanager_opens_no_cluster_port(compose: dict[str, Any]) -> None:
    """Without the empty cluster address Alertmanager would listen on every interface of its container."""
    assert "--cluster.listen-address=" in compose["services"]["alertmanager"]["command"]


def test_alertmanagers_secrets_are_the_ones_its_configuration_reads(compose: dict[str, Any]) -> None:
    """Every secret file that the generated configuration names is mounted, and no other."""
    config = (ROOT / "alerts" / "generated" / "alertmanager.yaml").read_text(encoding="utf-8")
    read = set(re.findall(r"/run/secrets/([a-z_]+)", config))
    assert set(compose["services"]["alertmanager"].get("secrets", ())) == read
    others = {"retrieval_database_password"}
    assert set(compose.get("secrets", {})) == read | others


def test_the_service_runs_as_uid_1000(compose: dict[str, Any], dockerfile: list[str]) -> None:
    """Image and compose agree on the user without rights, and nothing after it goes back to root."""
    users = [line for line in dockerfile if line.startswith("USER")]
    assert users == ["USER 1000:1000"]
    assert compose["services"]["service"]["user"] == "1000:1000"
    assert dockerfile.index(users[0]) < next(n for n, line in enumerate(dockerfile) if line.startswith("CMD"))


def test_the_image_installs_only_what_the_lock_holds(dockerfile: list[str]) -> None:
    """The one install checks hashes of the service's own lock, and takes wheels only."""
    installs = [line for line in dockerfile if "pip install" in line]
    assert len(installs) == 1
    assert "--require-hashes -r requirements-service.txt" in installs[0]
    assert "--only-binary :all:" in installs[0]
    assert next(line.split()[-1] for line in dockerfile if line.startswith("FROM")) == "build"


def test_the_image_holds_the_service_and_nothing_else(dockerfile: list[str]) -> None:
    """What is copied from the checkout is the lock and the service; the ignore file lets nothing else through."""
    copied = [line.split()[1] for line in dockerfile if line.startswith("COPY") and "--from" not in line]
    assert copied == ["requirements-service.txt", "service"]
    ignore = (ROOT / "deploy" / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in ignore if line.startswith("!")] == ["!requirements-service.txt", "!service"]
    assert "*" in ignore


def test_the_health_check_asks_whether_it_lives(compose: dict[str, Any], dockerfile: list[str]) -> None:
    """Image and compose probe `/health/live` on the port that the service is started with."""
    check = next(line for line in dockerfile if line.startswith("HEALTHCHECK"))
    command = next(line for line in dockerfile if line.startswith("CMD"))
    asked = re.findall(
        r"http://127\.0\.0\.1:(\d+)(/[a-z/]+)", check + " ".join(compose["services"]["service"]["healthcheck"]["test"])
    )
    assert asked == [("8000", "/health/live")] * 2
    assert '"--port", "8000"' in command


def test_the_images_settings_are_ones_that_the_service_knows(compose: dict[str, Any], dockerfile: list[str]) -> None:
    """Every COURTSIGHT_ setting of image and compose stands in the HTTP contract: a typo would be ignored silently."""
    contract = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")
    used = set(re.findall(r"COURTSIGHT_[A-Z_]+", "\n".join(dockerfile))) | set(
        compose["services"]["service"]["environment"]
    )
    assert {name for name in used if name not in contract} == set()


@pytest.fixture(scope="module")
def prometheus() -> dict[str, Any]:
    """The Prometheus configuration of compose."""
    loaded = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_prometheus_scrapes_the_service_under_the_rules_job(
    prometheus: dict[str, Any], compose: dict[str, Any]
) -> None:
    """The job has the name that the rules select, at least three scrapes a minute, and a target that is a compose service."""
    jobs = {job["job_name"]: job for job in prometheus["scrape_configs"]}
    assert jobs[JOB]["scrape_interval"] == "10s"
    targets = [target for job in jobs.values() for entry in job["static_configs"] for target in entry["targets"]]
    assert {target.split(":")[0] for target in targets} <= {*compose["services"], "localhost"}
    assert jobs[JOB]["static_configs"] == [{"targets": ["service:8000"]}]


def test_the_job_is_the_one_that_the_spec_selects() -> None:
    """The spec, the local stack and compose call the service by one job name; another would leave every SLI without data."""
    spec = yaml.safe_load((ROOT / "slo" / "specs" / "courtsight.yaml").read_text(encoding="utf-8"))
    assert spec["selector"] == {"job": JOB}


def test_promtool_accepts_the_configuration_as_mounted(tmp_path: Path) -> None:
    """With the generated rules where compose mounts them, promtool reads configuration and rules without a complaint."""
    promtool = find_tools(ROOT).promtool
    assert promtool is not None, "make setup fetches it"
    shutil.copy(ROOT / "deploy" / "prometheus" / "prometheus.yml", tmp_path)
    shutil.copytree(ROOT / "alerts" / "generated", tmp_path / "rules")
    done = subprocess.run(
        [str(promtool), "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules.yaml" in done.stdout


def test_grafana_finds_its_boards_where_they_are_mounted(compose: dict[str, Any]) -> None:
    """The provider of the provisioning reads the folder that compose mounts the generated boards to."""
    paths = {
        rest.split(":")[0]
        for name, here, rest in mounts(compose)
        if name == "grafana" and here == "./dashboards/generated"
    }
    files = list((ROOT / "dashboards" / "provisioning").rglob("*.y*ml"))
    loaded = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    providers = [provider for config in loaded for provider in config.get("providers", ())]
    assert {provider["options"]["path"] for provider in providers} == paths


def test_grafanas_datasource_is_composes_prometheus(compose: dict[str, Any]) -> None:
    """The provisioned datasource speaks to the Prometheus of compose by its service name."""
    files = (ROOT / "dashboards" / "provisioning" / "datasources").glob("*.y*ml")
    loaded = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    urls = [source["url"] for config in loaded for source in config["datasources"] if source["type"] == "prometheus"]
    assert urls == ["http://prometheus:9090"]
    assert "prometheus" in compose["services"]


def test_ci_runs_the_test_command_with_pinned_actions() -> None:
    """The workflow runs `.ci/run` on every supported Python, pins each action by commit, and may only read."""
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert all(re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    assert workflow["permissions"] == {"contents": "read"}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == re.findall(r"Python :: (3\.\d+)", project)


def test_pre_commit_uses_the_locked_tools() -> None:
    """Every hook is local and runs from the environment of the lock: nothing is fetched from elsewhere."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert all(hook["entry"].startswith(".venv/bin/") for repo in config["repos"] for hook in repo["hooks"])
