"""One service as a process of this machine: started, asked whether it is ready, ended."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

from local import processes
from local.errors import ServiceFailed
from local.places import REPOSITORY
from local.processes import ProcessRecord

CHECK_WAIT_S = 1.0
# A service that is not there yet is asked again soon; gRPC's own pause would be a second and more.
CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 100),
)


class ServiceProcess:
    """Run `python -m <service>`.

    Shape: what it writes goes to its log; it has a session of its own, so that Ctrl-C in the
        terminal reaches only the platform, which then ends it in order.
    """

    def __init__(
        self, name: str, *, address: str, environment: Mapping[str, str], log: Path
    ) -> None:
        """Prepare; nothing runs yet."""
        self.name = name
        self._address = address
        self._environment = dict(environment)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it is not ready yet when this returns."""
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.name],
                cwd=REPOSITORY,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        """Ask the service whether it serves.

        Errors: ServiceFailed when the process ended.
        """
        self.require_alive()
        with grpc.insecure_channel(self._address, options=CHANNEL_OPTIONS) as channel:
            request = health_pb2.HealthCheckRequest(service="ready")
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                reply = check(request, timeout=CHECK_WAIT_S)
            except grpc.RpcError:
                return False
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)

    def require_alive(self) -> None:
        """Return while the process runs.

        Errors: ServiceFailed, with the end of its log.
        """
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise ServiceFailed(self.name, f"ended with code {code}", self._log)

    def late(self, wait_s: float) -> ServiceFailed:
        """Return the error that says that it was not ready in time."""
        return ServiceFailed(self.name, f"was not ready within {wait_s:.0f} s", self._log)

    def record(self) -> ProcessRecord | None:
        """Return the record of the running process, or None."""
        if self._process is None or self._process.poll() is not None:
            return None
        return processes.record(self.name, self._process.pid)

    def kill(self) -> None:
        """End the process at once, without a chance to say goodbye."""
        running = self.record()
        if running is not None:
            processes.stop([running], ((signal.SIGKILL, 5.0),))
        self.forget()

    def forget(self) -> None:
        """Take note that the process was ended on purpose."""
        if self._process is not None:
            self._process.wait()
        self._process = None
