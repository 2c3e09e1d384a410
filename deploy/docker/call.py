"""Call an RPC of this container's server as an operator; the token comes on standard input.

`python call.py mantle.events.v1.EventLogService/ListParkedEvents '{"pageSize": 20}' < token`. The
answer is printed as JSON; a refusal is printed as code, reason and message, and the exit code is 1.
No reflection is needed: the contracts are in the image.
"""

import importlib
import pkgutil
import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor

from chassis.rpc.status import read_details

ADDRESS = "127.0.0.1:50051"
TIMEOUT_S = 30.0


def method_named(name: str) -> MethodDescriptor:
    """Find an RPC by its full name, `mantle.events.v1.EventLogService/ListParkedEvents`."""
    service, _, method = name.partition("/")
    package = importlib.import_module(service.rpartition(".")[0])
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name.endswith("_pb2"):
            importlib.import_module(module.name)
    found = descriptor_pool.Default().FindServiceByName(service)
    return found.methods_by_name[method]


def main(words: list[str]) -> int:
    """Send the request that the second word holds as JSON."""
    name, body = words
    method = method_named(name)
    request = json_format.Parse(body, message_factory.GetMessageClass(method.input_type)())
    answer_type = message_factory.GetMessageClass(method.output_type)
    # A proxy of the environment must not stand between a container and itself.
    with grpc.insecure_channel(ADDRESS, options=[("grpc.enable_http_proxy", 0)]) as channel:
        call = channel.unary_unary(
            "/" + name,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer_type.FromString,
        )
        try:
            answer = call(
                request,
                timeout=TIMEOUT_S,
                metadata=(("authorization", f"Bearer {sys.stdin.read().strip()}"),),
            )
        except grpc.RpcError as error:
            reason, _ = read_details(error.trailing_metadata())
            sys.stderr.write(f"{error.code().name} {reason}: {error.details()}\n")
            return 1
    sys.stdout.write(json_format.MessageToJson(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
