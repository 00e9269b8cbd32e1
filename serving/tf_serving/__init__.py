"""What configures TensorFlow Serving, or our own server in its place."""
