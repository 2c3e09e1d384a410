"""Local tokens: the services' own verifier accepts them, and only as long as they say."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.errors import Unauthenticated
from chassis.rpc.access import Tokens
from local.tokens import AUDIENCE, ISSUER, ROOT_UNIT_ID, TokenIssuer, person_roles


@pytest.fixture
def issuer(tmp_path: Path) -> TokenIssuer:
    issuer = TokenIssuer(tmp_path / "keys")
    issuer.prepare()
    return issuer


def verifier(issuer: TokenIssuer) -> Tokens:
    return Tokens(str(issuer.keys_file), issuer=ISSUER, audience=AUDIENCE)


def test_a_service_accepts_a_minted_token(issuer: TokenIssuer) -> None:
    token = issuer.mint("li", ["finance", "supply"], unit_id="u1")

    caller = verifier(issuer).caller(f"Bearer {token}")

    assert (caller.subject, caller.roles, caller.unit_id) == ("li", {"finance", "supply"}, "u1")


def test_an_expired_token_is_refused(issuer: TokenIssuer) -> None:
    token = issuer.mint("li", ["finance"], lifetime=timedelta(minutes=-1))

    with pytest.raises(Unauthenticated):
        verifier(issuer).caller(f"Bearer {token}")


def test_a_token_of_another_key_is_refused(issuer: TokenIssuer, tmp_path: Path) -> None:
    other = TokenIssuer(tmp_path / "other")
    other.prepare()

    with pytest.raises(Unauthenticated):
        verifier(issuer).caller(f"Bearer {other.mint('li', ['finance'])}")


def test_the_key_stays_when_it_is_prepared_again(issuer: TokenIssuer) -> None:
    token = issuer.mint("li", ["finance"])
    issuer.prepare()

    assert verifier(issuer).caller(f"Bearer {token}").subject == "li"


def test_each_role_and_each_service_has_a_private_token_file(
    issuer: TokenIssuer, tmp_path: Path
) -> None:
    folder = tmp_path / "tokens"
    issuer.write_token_files(folder, ["planning"])
    callers = {
        path.name: verifier(issuer).caller(f"Bearer {path.read_text()}")
        for path in folder.iterdir()
    }

    assert set(callers) == {"service-planning", *person_roles()}
    assert callers["service-planning"].is_service
    assert callers["finance"].unit_id == ROOT_UNIT_ID
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_signing_key_is_readable_by_its_owner_alone(issuer: TokenIssuer) -> None:
    key = issuer.directory / "signing-key.pem"

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "PRIVATE" not in issuer.keys_file.read_text()
    assert '"d"' not in issuer.keys_file.read_text()
