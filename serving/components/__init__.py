"""TFX components that turn models into something to serve."""
