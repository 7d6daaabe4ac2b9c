"""The compose file, the image, their settings and CI, read as text: no engine is needed, and none is asked."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from harness.compose_secrets import BY_HAND, make
from harness.tools import find_tools
from service.settings import Settings, load_settings
from target.monitoring import JOB

ROOT = Path(__file__).resolve().parents[2]
SERVICES = (
    *("service", "database", "redis"),
    *("prometheus", "alertmanager", "jaeger", "grafana"),
    "retrieval-database",
)
STORED = ("database", "redis")
"""What only the service may reach."""
SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|KEY|_URL_")
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
    """The service, its databases and what watches it start together, the retrieval database only when its profile is asked for."""
    assert tuple(compose["services"]) == SERVICES
    assert [name for name, one in compose["services"].items() if one.get("profiles")] == ["retrieval-database"]


def test_every_port_is_bound_to_loopback(compose: dict[str, Any]) -> None:
    """Nothing that compose publishes can be reached from another machine, and no network mode goes around that."""
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert {name for name, service in compose["services"].items() if "ports" not in service} == set(STORED)
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


def test_only_the_service_reaches_the_databases(compose: dict[str, Any]) -> None:
    """They stand in a network without a way out, and nobody but the service has a foot in it."""
    assert compose["networks"]["storage"] == {"internal": True}
    inside = {name for name, service in compose["services"].items() if "storage" in service["networks"]}
    assert inside == {"service", *STORED}
    assert all(compose["services"][name]["networks"] == ["storage"] for name in STORED)


def test_every_secret_is_a_file_of_its_own(compose: dict[str, Any]) -> None:
    """No variable holds a secret or a default for one; a read-only container takes secrets from files alone, and each is used."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert "$" not in text
    variables = {
        key for service in compose["services"].values() for key in service.get("environment", {}) if SECRET.search(key)
    }
    assert {"COURTSIGHT_JWT_SECRET_FILE", "GF_SECURITY_ADMIN_PASSWORD__FILE"} <= variables
    assert all(key.endswith("_FILE") for key in variables)
    assert compose["secrets"] == {name: {"file": f"./secrets/{name}"} for name in compose["secrets"]}
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", ())}
    assert used == set(compose["secrets"])


def test_every_secret_that_is_read_is_mounted(compose: dict[str, Any]) -> None:
    """What variables and mounted files of a container name below /run/secrets is exactly what the container is given."""
    for name, service in compose["services"].items():
        sources = [str(service.get("environment", {}))]
        for owner, here, _ in mounts(compose):
            if owner == name and (ROOT / here).is_file():
                sources.append((ROOT / here).read_text(encoding="utf-8"))
        read = set(re.findall(r"/run/secrets/([a-z_]+)", "\n".join(sources)))
        assert read == set(service.get("secrets", ())), name


def test_the_secrets_are_the_ones_that_are_made(compose: dict[str, Any], tmp_path: Path) -> None:
    """`harness/compose_secrets.py` makes or asks for each secret that compose mounts, and makes no other."""
    make(tmp_path / "secrets")
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert made | set(BY_HAND) == set(compose["secrets"])
    assert made.isdisjoint(BY_HAND)


def test_the_service_accepts_the_settings_of_compose(
    compose: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the secrets as they are made, production finds every variable of compose right and no secret weak."""
    folder = tmp_path / "secrets"
    make(folder)
    given = compose["services"]["service"]["environment"]
    for key, value in given.items():
        monkeypatch.setenv(key, str(value).replace("/run/secrets", str(folder)))
    settings = load_settings()
    assert settings.environment == "production"
    assert settings.weaknesses() == []
    assert settings.workers > 1
    for url, service in ((settings.database_url, "database"), (settings.redis_url, "redis")):
        assert url is not None
        assert urlsplit(url.get_secret_value()).hostname == service
    assert urlsplit(settings.otlp_endpoint or "").hostname == "jaeger"


def test_the_example_of_an_environment_file_names_settings_alone() -> None:
    """Every variable in `.env.example` is a setting or the key of a provider as a file; nothing is set and no secret is there."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert all(not line or line.startswith("#") for line in text.splitlines())
    example = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert len(example) >= 5
    for name, value in example.items():
        key = name.endswith("_API_KEY_FILE")
        assert key or name.removeprefix("COURTSIGHT_").lower() in Settings.model_fields, name
        assert not SECRET.search(name) or (name.endswith("_FILE") and value.startswith("/run/secrets/")), name


def test_what_people_say_and_secrets_stay_out_of_git() -> None:
    """`.env`, every secret and the database of a service that was started here are ignored, `.env.example` is not."""
    git = shutil.which("git")
    assert git is not None
    database = str(Settings.model_fields["database"].default)
    private = [".env", "secrets/jwt_secret", database, f"{database}-wal", f"{database}-shm"]
    done = subprocess.run(
        [git, "check-ignore", "--no-index", ".env.example", *private],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == private
    tracked = subprocess.run([git, "ls-files", *private], cwd=ROOT, capture_output=True, text=True, check=True)
    assert tracked.stdout == ""


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


def test_the_health_checks_ask_the_service_itself(compose: dict[str, Any], dockerfile: list[str]) -> None:
    """The image asks whether it lives, compose whether it is ready, both on the port that the service is started with."""
    check = next(line for line in dockerfile if line.startswith("HEALTHCHECK"))
    command = next(line for line in dockerfile if line.startswith("CMD"))
    asked = re.findall(
        r"http://127\.0\.0\.1:(\d+)(/[a-z/]+)", check + " ".join(compose["services"]["service"]["healthcheck"]["test"])
    )
    assert asked == [("8000", "/health/live"), ("8000", "/health/ready")]
    assert '"--port", "8000"' in command


def test_a_stopping_service_has_time_to_answer(compose: dict[str, Any]) -> None:
    """Compose waits longer before it kills than answers get after SIGTERM; the database gets as long."""
    drain = Settings.model_fields["drain_seconds"].default + Settings.model_fields["drain_delay_seconds"].default
    for name in ("service", "database"):
        assert int(compose["services"][name]["stop_grace_period"].removesuffix("s")) > drain


def test_the_service_waits_for_its_database_and_not_for_redis(compose: dict[str, Any]) -> None:
    """A start without its database ends; Redis may be away at any time."""
    waits = compose["services"]["service"]["depends_on"]
    assert waits == {"database": {"condition": "service_healthy"}, "redis": {"condition": "service_started"}}
    assert {"database", "redis", "service"} <= {
        name for name, service in compose["services"].items() if "healthcheck" in service
    }


def test_the_workers_leave_connections_to_spare(compose: dict[str, Any]) -> None:
    """All workers together, and two new ones during a reload, need no more connections than the database gives the service's role."""
    script = (ROOT / "deploy" / "postgres" / "store.sql").read_text(encoding="utf-8")
    limit = re.search(r"CONNECTION LIMIT (\d+)", script)
    assert limit is not None
    workers = int(compose["services"]["service"]["environment"]["COURTSIGHT_WORKERS"]) + 2
    assert workers * Settings.model_fields["database_connections"].default <= int(limit[1])


def test_redis_has_a_bound_and_asks_for_names(compose: dict[str, Any]) -> None:
    """What it may hold is bounded, stays below the container's memory, and goes oldest first; users come from the secret alone."""
    text = (ROOT / "deploy" / "redis" / "redis.conf").read_text(encoding="utf-8")
    said = dict(line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert said["maxmemory-policy"] == "allkeys-lru"
    memory = compose["services"]["redis"]["deploy"]["resources"]["limits"]["memory"]
    assert int(said["maxmemory"].removesuffix("mb")) < int(memory.removesuffix("m"))
    assert said["aclfile"] == "/run/secrets/redis_users"
    assert not {"requirepass", "user"} & set(said)


def test_the_images_settings_are_ones_that_the_service_knows(compose: dict[str, Any], dockerfile: list[str]) -> None:
    """Every COURTSIGHT_ variable of image and compose is a setting: a typo would be ignored silently."""
    used = set(re.findall(r"COURTSIGHT_[A-Z_]+", "\n".join(dockerfile))) | set(
        compose["services"]["service"]["environment"]
    )
    assert {name for name in used if name.removeprefix("COURTSIGHT_").lower() not in Settings.model_fields} == set()


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


def test_prometheus_may_read_the_metrics_and_keeps_their_exemplars(
    prometheus: dict[str, Any], compose: dict[str, Any]
) -> None:
    """It shows the token that the service asks for, and keeps what joins a bucket with a trace."""
    (job,) = (job for job in prometheus["scrape_configs"] if job["job_name"] == JOB)
    token = compose["services"]["service"]["environment"]["COURTSIGHT_METRICS_TOKEN_FILE"]
    assert job["authorization"] == {"credentials_file": token}
    assert prometheus["storage"]["exemplars"]["max_exemplars"] > 0
    assert "--enable-feature=exemplar-storage" in compose["services"]["prometheus"]["command"]


def test_the_job_is_the_one_that_the_spec_selects() -> None:
    """The spec, the local stack and compose call the service by one job name; another would leave every SLI without data."""
    spec = yaml.safe_load((ROOT / "slo" / "specs" / "courtsight.yaml").read_text(encoding="utf-8"))
    assert spec["selector"] == {"job": JOB}


def test_promtool_accepts_the_configuration_as_mounted(tmp_path: Path) -> None:
    """With the generated rules where compose mounts them, promtool reads configuration and rules without a complaint."""
    promtool = find_tools(ROOT).promtool
    assert promtool is not None, "make setup fetches it"
    text = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    make(tmp_path / "secrets")
    (tmp_path / "prometheus.yml").write_text(text.replace("/run", str(tmp_path)), encoding="utf-8")
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


def test_an_exemplar_leads_to_its_trace(compose: dict[str, Any]) -> None:
    """Grafana opens the trace id of an exemplar in the Jaeger of compose, where the service's traces go."""
    files = (ROOT / "dashboards" / "provisioning" / "datasources").glob("*.y*ml")
    sources = [source for file in files for source in yaml.safe_load(file.read_text(encoding="utf-8"))["datasources"]]
    by_type = {source["type"]: source for source in sources}
    assert by_type["jaeger"]["url"] == "http://jaeger:16686"
    assert by_type["prometheus"]["jsonData"]["exemplarTraceIdDestinations"] == [
        {"name": "trace_id", "datasourceUid": by_type["jaeger"]["uid"]}
    ]
    assert compose["services"]["jaeger"]["image"].startswith("jaegertracing/jaeger:2.")


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
