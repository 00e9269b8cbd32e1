"""The typed client of a model server: gRPC or REST, waiting or awaited, without TensorFlow."""

from serving.client.async_grpc_client import AsyncGrpcClient
from serving.client.async_recommender_client import AsyncRecommenderClient
from serving.client.async_rest_client import AsyncRestClient
from serving.client.call import Outputs
from serving.client.controls import Controls
from serving.client.errors import (
    BadRequestError,
    DeadlineError,
    NotServedError,
    ServingCallError,
    UnavailableError,
)
from serving.client.grpc_client import GrpcClient
from serving.client.history import History
from serving.client.micro_batcher import MicroBatcher
from serving.client.options import ClientOptions, RetryPolicy, Tls
from serving.client.reason import Reason
from serving.client.recommendation import Recommendation, Recommendations
from serving.client.recommender_client import RecommenderClient
from serving.client.rest_client import RestClient
from serving.client.user_history import PastItem, UserHistory

__all__ = [
    "AsyncGrpcClient",
    "AsyncRecommenderClient",
    "AsyncRestClient",
    "BadRequestError",
    "ClientOptions",
    "Controls",
    "DeadlineError",
    "GrpcClient",
    "History",
    "MicroBatcher",
    "NotServedError",
    "Outputs",
    "PastItem",
    "Reason",
    "Recommendation",
    "Recommendations",
    "RecommenderClient",
    "RestClient",
    "RetryPolicy",
    "ServingCallError",
    "Tls",
    "UnavailableError",
    "UserHistory",
]
