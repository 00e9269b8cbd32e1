"""A server that speaks TensorFlow Serving's gRPC and REST, for development, tests and small loads."""
