"""An engine, the images and the running compose file; without an engine the tests skip and say why.

Environment: BASE_IMAGE and POSTGRES_IMAGE as in the compose file; BUILD_WHEELS is a folder with the
packages, for machines without an index. README.md beside this file says how to get all three.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.settings import SERVICES
from local import ports
from local.tokens import TokenIssuer

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "deploy" / "docker" / "compose.yaml"
CONTEXT = ("requirements.lock", "protos", "services", "deploy/docker")
BUILD_S = 900
PROJECT = f"mantle-test-{os.getpid()}"


def run(*command: str | Path, timeout_s: float = 120) -> str:
    """Run a command and return what it printed; its errors are in the failure's text."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, check=False, cwd=ROOT
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout.strip()


@pytest.fixture(scope="session")
def engine() -> None:
    """Skip unless a container engine answers and has compose."""
    if shutil.which("docker") is None:
        pytest.skip("no container engine: the command docker is missing")
    for question in (["docker", "info"], ["docker", "compose", "version"]):
        asked = subprocess.run(question, capture_output=True, text=True, check=False)
        if asked.returncode != 0:
            pytest.skip(f"no container engine: {' '.join(question)}: {asked.stderr.strip()[:200]}")


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> TokenIssuer:
    """Make a key that signs tokens for these containers alone."""
    issuer = TokenIssuer(tmp_path_factory.mktemp("keys"))
    issuer.prepare()
    return issuer


@pytest.fixture(scope="session")
def compose_environment(
    engine: None, issuer: TokenIssuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Give the compose file its variables: fresh passwords, free ports, tokens in a folder."""
    tokens = tmp_path_factory.mktemp("tokens")
    shutil.copy(issuer.keys_file, tokens)
    for service in SERVICES:
        (tokens / f"service-{service}").write_text(issuer.mint(service, ["service"]))
    # The containers read them as another user.
    for path in (*tokens.iterdir(), tokens, tokens.parent, tokens.parent.parent):
        path.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD"):
            patch.setenv(name, secrets.token_urlsafe(18))
        # Fixed ones, because an engine takes another free port at each start.
        taken: list[int] = []
        for service in SERVICES:
            taken.append(ports.choose(None, without=taken))
            patch.setenv(f"{service.upper()}_PORT", str(taken[-1]))
        patch.setenv("MANTLE_TOKENS", str(tokens))
        patch.setenv("MANTLE_IMAGES", "mantle-test")
        yield


@pytest.fixture(scope="session")
def images(engine: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Build the four images as a release does."""
    context = build_context(tmp_path_factory.mktemp("context"))
    options = ["--file", str(context / "deploy" / "docker" / "Dockerfile")]
    if "BASE_IMAGE" in os.environ:
        options += ["--build-arg", f"BASE_IMAGE={os.environ['BASE_IMAGE']}"]
    if "BUILD_WHEELS" in os.environ:
        options += ["--build-arg", "PIP_NO_INDEX=1", "--build-arg", "PIP_FIND_LINKS=/src/wheels"]
    names = {service: f"mantle-test/{service}:dev" for service in SERVICES}
    for service, name in names.items():
        build = ["docker", "build", *options, "--build-arg", f"SERVICE={service}", "--tag", name]
        run(*build, context, timeout_s=BUILD_S)
    return names


def build_context(folder: Path) -> Path:
    """Copy what .dockerignore lets through, and the packages when a folder of them is given."""
    for part in CONTEXT:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".mypy*"))
        else:
            shutil.copy(source, target)
    if "BUILD_WHEELS" in os.environ:
        shutil.copytree(os.environ["BUILD_WHEELS"], folder / "wheels")
    return folder


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    """Name the file that pytest-docker runs."""
    return str(COMPOSE)


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    """Name everything that is started, so that two sessions do not meet."""
    return PROJECT


@pytest.fixture(scope="session")
def docker_setup(images: dict[str, str], compose_environment: None) -> str:
    """Start everything.

    Not with `--wait`, which takes the end of a one-shot migration for a failure.
    """
    return "up --detach --no-build"
