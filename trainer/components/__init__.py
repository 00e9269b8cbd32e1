"""TFX components that train."""
