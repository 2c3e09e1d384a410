"""Everything the environment tells a service, read once; a missing name stops the start and is
said.

Every name begins with `MANTLE_` and ends in its unit where it has one. Secrets come from files or
the environment and have no default.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SERVICES = ("planning", "channels", "crm", "settlement")


class SettingWrong(Exception):
    """A setting is missing or cannot be what it says; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold one service's settings; the fields are the environment's names without `MANTLE_`, in
    lower case.

    Shape: `peer_addresses` is service name → gRPC target, from `MANTLE_PLANNING_ADDRESS` and so on.
        `neighbour_addresses` is the same for systems of the company beside the platform, from
        `MANTLE_NEIGHBOUR_ADDRESSES`, for example `supply=dns:///erp:50051`, joined by commas.
    """

    service: str
    instance: str
    database_url: str
    listen_address: str
    peer_addresses: Mapping[str, str]
    token_keys_file: str
    token_issuer: str
    token_audience: str
    service_token_file: str
    time_zone: ZoneInfo
    neighbour_addresses: Mapping[str, str] = field(default_factory=dict)
    clock_file: str = ""
    concurrency: int = 16
    message_size_bytes_max: int = 4 * 1024 * 1024
    reply_keep_days: int = 7
    drain_wait_s: float = 0.0
    stop_grace_s: float = 10.0
    reflection: bool = True
    telemetry_directory: str = ""
    telemetry_endpoint: str = ""
    trace_ratio: float = 1.0
    log_level: str = "INFO"


def read_settings(service: str, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of a service.

    Errors: SettingWrong, naming the first setting that is missing or wrong.
    """
    source = _Source(environment)
    return Settings(
        service=service,
        instance=source.text("INSTANCE", f"{socket.gethostname()}-{os.getpid()}"),
        database_url=source.needed("DATABASE_URL"),
        listen_address=source.needed("LISTEN_ADDRESS"),
        peer_addresses={
            peer: source.needed(f"{peer.upper()}_ADDRESS") for peer in SERVICES if peer != service
        },
        token_keys_file=source.needed("TOKEN_KEYS_FILE"),
        token_issuer=source.needed("TOKEN_ISSUER"),
        token_audience=source.needed("TOKEN_AUDIENCE"),
        service_token_file=source.needed("SERVICE_TOKEN_FILE"),
        time_zone=source.zone("TIME_ZONE"),
        neighbour_addresses=source.addresses("NEIGHBOUR_ADDRESSES"),
        clock_file=source.text("CLOCK_FILE", ""),
        concurrency=int(source.number("CONCURRENCY", 16, low=1, high=256)),
        message_size_bytes_max=int(
            source.number(
                "MESSAGE_SIZE_BYTES_MAX", 4 * 1024 * 1024, low=1024, high=64 * 1024 * 1024
            )
        ),
        reply_keep_days=int(source.number("REPLY_KEEP_DAYS", 7, low=1, high=400)),
        drain_wait_s=source.number("DRAIN_WAIT_S", 0, low=0, high=120),
        stop_grace_s=source.number("STOP_GRACE_S", 10, low=0, high=120),
        reflection=source.text("REFLECTION", "on") == "on",
        telemetry_directory=source.text("TELEMETRY_DIRECTORY", ""),
        telemetry_endpoint=source.text("TELEMETRY_ENDPOINT", ""),
        trace_ratio=source.number("TRACE_RATIO", 1, low=0, high=1),
        log_level=source.text("LOG_LEVEL", "INFO"),
    )


@dataclass(frozen=True, slots=True)
class _Source:
    environment: Mapping[str, str]

    def needed(self, name: str) -> str:
        value = self.environment.get(f"MANTLE_{name}", "")
        if not value:
            raise SettingWrong(f"MANTLE_{name} is missing")
        return value

    def text(self, name: str, default: str) -> str:
        return self.environment.get(f"MANTLE_{name}") or default

    def addresses(self, name: str) -> Mapping[str, str]:
        parts = [part.partition("=") for part in self.text(name, "").split(",") if part.strip()]
        if any(not key.strip() or not address.strip() for key, _, address in parts):
            raise SettingWrong(f"MANTLE_{name} is no list such as name=host:port,name=host:port")
        return {key.strip(): address.strip() for key, _, address in parts}

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        value = self.environment.get(f"MANTLE_{name}") or default
        try:
            number = float(value)
        except ValueError as error:
            raise SettingWrong(f"MANTLE_{name} is no number: {value}") from error
        if not low <= number <= high:
            raise SettingWrong(f"MANTLE_{name} is {value}, outside {low} to {high}")
        return number

    def zone(self, name: str) -> ZoneInfo:
        value = self.needed(name)
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SettingWrong(f"MANTLE_{name} is no time zone: {value}") from error
