"""Credentials that prove nothing: missing, broken, expired, for others, unsigned, forged."""

from datetime import timedelta
from pathlib import Path

import jwt

from local.tokens import TokenIssuer


def bad_tokens(issuer: TokenIssuer, directory: Path) -> dict[str, str | None]:
    """Return one credential of each kind that a service must refuse, by the kind's name.

    Shape: `directory` gets the key of an issuer that nobody trusts.
    """
    good = issuer.mint("x", ["service", "finance"])
    claims = jwt.decode(good, options={"verify_signature": False})
    header = jwt.get_unverified_header(good)
    head, body, signature = good.split(".")
    stranger = TokenIssuer(directory)
    stranger.prepare()
    other = stranger.mint("x", ["service"])
    return {
        "none": None,
        "empty": "",
        "garbage": "not.a.token",
        "expired": issuer.mint("x", ["service"], lifetime=timedelta(hours=-1)),
        "stranger": other,
        # The foreign key under the name of ours.
        "impostor": ".".join([head, *other.split(".")[1:]]),
        "other_audience": _signed(issuer, claims | {"aud": "others"}, header),
        "unsigned": str(jwt.encode(claims, "", "none", headers={"kid": header["kid"]})),
        # Signed with the public key as if it were a shared secret.
        "confused": str(
            jwt.encode(claims, issuer.keys_file.read_text() * 2, "HS256", {"kid": header["kid"]})
        ),
        "forged": ".".join([head, body, ("B" if signature[0] != "B" else "C") + signature[1:]]),
    }


def _signed(issuer: TokenIssuer, claims: dict[str, object], header: dict[str, object]) -> str:
    pem = (issuer.directory / "signing-key.pem").read_bytes()
    return str(jwt.encode(claims, pem, "ES256", {"kid": str(header["kid"])}))
