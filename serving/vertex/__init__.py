"""A bundle's versions on an endpoint of Vertex AI."""
