#!/usr/bin/env python3
"""Talks to a daemon with no copy of its protos, by server reflection alone.

usage: reflection.py ADDRESS RESOURCE NAMESPACE NAME

ADDRESS is unix:PATH or HOST:PORT (with the token in DAYMARK_TOKEN). Lists the
services, then reads one object's status, and prints both as JSON.
"""

import json
import os
import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)


def main() -> None:
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    address, resource, namespace, name = sys.argv[1:]
    metadata = []
    if token := os.environ.get("DAYMARK_TOKEN"):
        metadata.append(("authorization", f"Bearer {token}"))
    # For a unix socket grpcio would send its path as the authority, which is no
    # valid one to the daemon's HTTP/2 library.
    options = [("grpc.default_authority", "localhost")]
    with grpc.insecure_channel(address, options=options) as channel:
        channel = grpc.intercept_channel(channel, WithMetadata(metadata))
        reflection = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(reflection)
        method = pool.FindServiceByName("daymark.v1.StatusService").FindMethodByName("GetStatus")
        request = json_format.ParseDict(
            {"ref": {"resource": resource, "namespace": namespace, "name": name}},
            GetMessageClass(method.input_type)(),
        )
        call = channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        status = json_format.MessageToDict(call(request, timeout=30))["status"]
        print(json.dumps({"services": sorted(reflection.get_services()), "status": status}, indent=2))


class WithMetadata(
    grpc.UnaryUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds metadata to every call, the reflection stream's included."""

    def __init__(self, metadata):
        self._metadata = metadata

    def _with_metadata(self, details):
        return details._replace(metadata=list(details.metadata or []) + self._metadata)

    def intercept_unary_unary(self, continuation, details, request):
        return continuation(self._with_metadata(details), request)

    def intercept_stream_stream(self, continuation, details, requests):
        return continuation(self._with_metadata(details), requests)


if __name__ == "__main__":
    main()
