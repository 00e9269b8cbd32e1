"""What callers of the gateway send and get; its OpenAPI document derives from these models."""
