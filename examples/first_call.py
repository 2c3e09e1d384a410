"""The first own call: the generated code, grpc, a token. Run it while `make up` is running."""

import json
import sys
from pathlib import Path

import grpc
from mantle.crm.v1 import touchpoint_service_pb2, touchpoint_service_pb2_grpc

local = Path(sys.argv[1] if sys.argv[1:] else "build/local")
port = json.loads((local / "ports.json").read_text())["crm"]
who = [("authorization", "Bearer " + (local / "tokens" / "front_line").read_text())]
with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
    touchpoints = touchpoint_service_pb2_grpc.TouchpointServiceStub(channel)
    request = touchpoint_service_pb2.ListTouchpointsRequest(page_size=20)
    for one in touchpoints.ListTouchpoints(request, metadata=who, timeout=10).touchpoints:
        print(f"{one.touchpoint_id:<14} {one.name_zh} {one.name}")
