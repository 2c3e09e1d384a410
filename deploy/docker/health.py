"""Ask a server of this container for its health: `python health.py live|ready`; exit code 0 is yes.

Kubernetes asks over gRPC by itself; this is for engines that can only run a command.
"""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ADDRESS = "127.0.0.1:50051"
TIMEOUT_S = 2.0


def main(words: list[str]) -> int:
    """Return 0 when the server says that it serves under the name given."""
    # A proxy of the environment must not stand between a container and itself.
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(ADDRESS, options=options) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=words[0]), timeout=TIMEOUT_S
            )
        except grpc.RpcError as error:
            sys.stderr.write(f"{error.code().name}\n")
            return 1
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
