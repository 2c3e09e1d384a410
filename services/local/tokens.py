"""Credentials for the local platform, from a key that is made here and trusted nowhere else.

In production the identity provider issues tokens and publishes its keys; the services verify both
in the same way and do not know the difference.
"""

import base64
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mantle.options.v1 import options_pb2

from local.private import write_private

ISSUER = "https://mantle.local"
AUDIENCE = "mantle"
ALGORITHM = "ES256"
SERVICE_ROLE = "service"
# The unit that people belong to unless a caller says otherwise: the root of the demo's
# organisation.
ROOT_UNIT_ID = "hq"
LIFETIME = timedelta(days=7)


def person_roles() -> list[str]:
    """Return the names of all roles that people can have, in the contract's order."""
    roles = options_pb2.DESCRIPTOR.enum_types_by_name["Role"].values
    names = [role.name.removeprefix("ROLE_").lower() for role in roles]
    return [name for name in names if name not in ("unspecified", SERVICE_ROLE)]


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Sign tokens with the key of one directory.

    Shape: `directory` holds `signing-key.pem`, readable by its owner alone, and the public
        `jwks.json`.
    """

    directory: Path

    @property
    def keys_file(self) -> Path:
        """Return the file with the public keys, which the services verify with."""
        return self.directory / "jwks.json"

    def prepare(self) -> None:
        """Make the key at the first call, and publish it; later calls keep it."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._key_file.exists():
            pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            write_private(self._key_file, pem.decode())
        if not self.keys_file.exists():
            self.keys_file.write_text(json.dumps({"keys": [self._public_key()]}, indent=2) + "\n")

    def mint(
        self,
        subject: str,
        roles: Sequence[str],
        *,
        unit_id: str = "",
        lifetime: timedelta = LIFETIME,
    ) -> str:
        """Return a signed token.

        Shape: `roles` are lower-case names of the contract's roles; a service has no unit.
        """
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "roles": list(roles),
            "unit_id": unit_id,
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
        }
        return jwt.encode(claims, self._private_key(), ALGORITHM, {"kid": self._key_id()})

    def write_token_files(self, directory: Path, services: Sequence[str]) -> None:
        """Write one token a service and one a role of people, each into a file of its own.

        Shape: `service-<service>` and `<role>`, readable by the owner alone, without a line end.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for service in services:
            write_private(directory / f"service-{service}", self.mint(service, [SERVICE_ROLE]))
        for role in person_roles():
            write_private(directory / role, self.mint(role, [role], unit_id=ROOT_UNIT_ID))

    @property
    def _key_file(self) -> Path:
        return self.directory / "signing-key.pem"

    def _private_key(self) -> ec.EllipticCurvePrivateKey:
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    def _key_id(self) -> str:
        """Return the key's thumbprint (RFC 7638): the same key has the same id everywhere."""
        public = self._numbers()
        canonical = json.dumps(public, separators=(",", ":"), sort_keys=True)
        digest = hashlib.sha256(canonical.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _public_key(self) -> dict[str, str]:
        return self._numbers() | {"kid": self._key_id(), "alg": ALGORITHM, "use": "sig"}

    def _numbers(self) -> dict[str, str]:
        public = self._private_key().public_key()
        return dict(jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True))
