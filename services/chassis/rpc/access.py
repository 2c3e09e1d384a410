"""Who a token speaks for. The identity provider's token is the authority; only verifying is done
here."""

import json
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import jwt

from chassis.errors import PermissionDenied, Unauthenticated
from chassis.rpc.methods import Method
from chassis.scope import SERVICE_ROLE, Caller

ALGORITHMS = ["ES256", "EdDSA", "RS256"]
LEEWAY_S = 5
CACHE_SIZE_MAX = 10_000
KEYS_CHECK_S = 5.0
SUBJECT_LENGTH_MAX = 200

log = logging.getLogger(__name__)


class RoleForbids(PermissionDenied):
    """None of the caller's roles may call this method."""

    reason = "ROLE_FORBIDS"

    def __init__(self, subject: str, method: str) -> None:
        """Name the caller and the method."""
        super().__init__(f"no role of {subject} may call {method}", subject=subject, method=method)


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    expiry_s: float


class Tokens:
    """Verify bearer tokens against a JWKS file.

    Shape: signature, issuer, audience and expiry are checked once per token; the answer is kept
    until the token expires or the keys change. Units: the file is looked at every 5 s at most.
    """

    def __init__(self, keys_file: str, *, issuer: str, audience: str) -> None:
        """Read the keys; a missing or broken file stops the start."""
        self._path = Path(keys_file)
        self._issuer = issuer
        self._audience = audience
        self._lock = threading.Lock()
        self._cache: dict[str, _Known] = {}
        self._checked_s = 0.0
        self._version = (0, 0)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._reload()

    def caller(self, authorization: str | None) -> Caller:
        """Return the caller that an `authorization` header proves.

        Errors: Unauthenticated, always with the same sentence, so that nothing is learnt from
        trying.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("a bearer token is needed")
        if time.monotonic() - self._checked_s > KEYS_CHECK_S:
            self._renew()
        found = self._cache.get(token)
        if found is None:
            found = self._verified(token)
            with self._lock:
                if len(self._cache) >= CACHE_SIZE_MAX:
                    self._cache.clear()
                self._cache[token] = found
        if found.expiry_s < time.time() - LEEWAY_S:
            raise Unauthenticated("the token is not valid")
        return found.caller

    def _renew(self) -> None:
        """Take over changed keys; a file that is being written leaves the old ones in force."""
        try:
            self._reload()
        except (OSError, ValueError, jwt.PyJWTError) as error:
            self._checked_s = time.monotonic()
            log.warning("keys not read; the old ones hold", extra={"error": type(error).__name__})

    def _reload(self) -> None:
        stat = self._path.stat()
        version = (stat.st_mtime_ns, stat.st_size)
        with self._lock:
            if version != self._version:
                keys = jwt.PyJWKSet.from_dict(json.loads(self._path.read_text())).keys
                self._keys = {key.key_id or "": key for key in keys}
                self._version = version
                self._cache.clear()
            self._checked_s = time.monotonic()

    def _verified(self, token: str) -> _Known:
        try:
            key = self._keys[jwt.get_unverified_header(token).get("kid", "")]
            claims = jwt.decode(
                token,
                key=key,
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
            roles = frozenset(str(role) for role in claims.get("roles", []))
            subject = str(claims["sub"])[:SUBJECT_LENGTH_MAX]
            unit_id = str(claims.get("unit_id", ""))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise Unauthenticated("the token is not valid") from error
        return _Known(Caller(subject, roles, unit_id, subject), float(claims["exp"]))


def admit(method: Method, caller: Caller) -> None:
    """Refuse a caller that no role of the method's contract covers.

    Errors: RoleForbids.
    """
    if method.roles and not method.roles & caller.roles:
        raise RoleForbids(caller.subject, method.name)


def behind(caller: Caller, actor: str | None) -> Caller:
    """Return the caller with the person behind it, whom only a service may name; for audit
    alone."""
    if SERVICE_ROLE in caller.roles and actor:
        return Caller(caller.subject, caller.roles, caller.unit_id, actor[:SUBJECT_LENGTH_MAX])
    return caller
