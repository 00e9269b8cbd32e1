"""A Vertex AI of one region on the loopback: its messages over gRPC, and as many of its rules as matter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.services.endpoint_service.transports import EndpointServiceGrpcTransport
from google.cloud.aiplatform_v1.services.model_service.transports import ModelServiceGrpcTransport
from google.longrunning import operations_pb2
from google.protobuf.any_pb2 import Any

from serving.vertex.service import VertexService

MODELS = "google.cloud.aiplatform.v1.ModelService"
ENDPOINTS = "google.cloud.aiplatform.v1.EndpointService"


class FakeVertex:
    """What a project has.

    Attributes:
      requests: What changed something, in order.
      models: Resource name to versions, each with its alias.
      endpoints: By resource name.
      slow: Whether operations are done only when asked for again.
      stuck: Whether they are never done.
    """

    def __init__(self):
        self.requests = []
        self.models: dict[str, list[aiplatform_v1.Model]] = {}
        self.endpoints: dict[str, aiplatform_v1.Endpoint] = {}
        self.slow = self.stuck = False
        self._finished: dict[str, operations_pb2.Operation] = {}

    def get_model(self, request, context):
        if request.name not in self.models:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model {request.name}")
        return self.models[request.name][-1]

    def upload_model(self, request, context):
        self.requests.append(request)
        if request.parent_model and request.parent_model not in self.models:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model {request.parent_model}")
        name = request.parent_model or f"{request.parent}/models/{request.model_id}"
        if not request.parent_model and name in self.models:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{name} is there")
        self.models.setdefault(name, []).append(request.model)
        return self._operation(aiplatform_v1.UploadModelResponse(model=name))

    def get_endpoint(self, request, context):
        if request.name not in self.endpoints:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no endpoint {request.name}")
        return self.endpoints[request.name]

    def create_endpoint(self, request, context):
        self.requests.append(request)
        name = f"{request.parent}/endpoints/{request.endpoint_id}"
        self.endpoints[name] = aiplatform_v1.Endpoint(name=name, display_name=request.endpoint.display_name)
        return self._operation(self.endpoints[name])

    def deploy_model(self, request, context):
        self.requests.append(request)
        model, _, alias = request.deployed_model.model.partition("@")
        if not any(alias in version.version_aliases for version in self.models.get(model, [])):
            context.abort(grpc.StatusCode.NOT_FOUND, f"no version {alias} of {model}")
        endpoint = self.endpoints[request.endpoint]
        endpoint.deployed_models.append(request.deployed_model)
        if request.traffic_split:
            split = dict(request.traffic_split)
            if "0" in split:
                split[request.deployed_model.id] = split.pop("0")
            self._split(endpoint, split, context)
        return self._operation(aiplatform_v1.DeployModelResponse(deployed_model=request.deployed_model))

    def update_endpoint(self, request, context):
        self.requests.append(request)
        if list(request.update_mask.paths) != ["traffic_split"]:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "another mask")
        self._split(self.endpoints[request.endpoint.name], dict(request.endpoint.traffic_split), context)
        return self.endpoints[request.endpoint.name]

    def undeploy_model(self, request, context):
        self.requests.append(request)
        endpoint = self.endpoints[request.endpoint]
        there = [model.id for model in endpoint.deployed_models]
        if request.deployed_model_id not in there:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no deployed model {request.deployed_model_id}")
        if len(there) > 1 and endpoint.traffic_split.get(request.deployed_model_id, 0):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "it gets requests")
        del endpoint.deployed_models[there.index(request.deployed_model_id)]
        return self._operation(aiplatform_v1.UndeployModelResponse())

    def get_operation(self, request, context):
        return operations_pb2.Operation(name=request.name) if self.stuck else self._finished[request.name]

    def _split(self, endpoint, split, context):
        there = {model.id for model in endpoint.deployed_models}
        if sum(split.values()) != 100 or not set(split) <= there:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no split of {sorted(there)}: {split}")
        endpoint.traffic_split = split

    def _operation(self, response):
        name = f"operations/{len(self.requests)}"
        packed = Any()
        packed.Pack(type(response).pb(response))
        self._finished[name] = operations_pb2.Operation(name=name, done=True, response=packed)
        return operations_pb2.Operation(name=name) if self.slow or self.stuck else self._finished[name]


@contextmanager
def serve(vertex: FakeVertex, timeout: float = 60.0):
    """Yields our service, connected by Google's own clients and their gRPC to a fake."""
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        (
            _handler(MODELS, vertex, "GetModel", "UploadModel"),
            _handler(
                ENDPOINTS,
                vertex,
                "GetEndpoint",
                "CreateEndpoint",
                "DeployModel",
                "UpdateEndpoint",
                "UndeployModel",
            ),
            grpc.method_handlers_generic_handler(
                "google.longrunning.Operations",
                {
                    "GetOperation": _method(
                        vertex.get_operation, operations_pb2.GetOperationRequest.FromString
                    )
                },
            ),
        )
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield VertexService(
                aiplatform_v1.ModelServiceClient(transport=ModelServiceGrpcTransport(channel=channel)),
                aiplatform_v1.EndpointServiceClient(transport=EndpointServiceGrpcTransport(channel=channel)),
                timeout,
            )
    finally:
        server.stop(0).wait()


def _handler(service, vertex, *names):
    methods = {}
    for name in names:
        request = getattr(aiplatform_v1, f"{name}Request")
        behaviour = getattr(vertex, "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_"))
        methods[name] = _method(behaviour, request.deserialize)
    return grpc.method_handlers_generic_handler(service, methods)


def _method(behaviour, deserialize):
    return grpc.unary_unary_rpc_method_handler(
        behaviour, request_deserializer=deserialize, response_serializer=_serialized
    )


def _serialized(message):
    return (
        message.SerializeToString()
        if hasattr(message, "SerializeToString")
        else type(message).serialize(message)
    )
