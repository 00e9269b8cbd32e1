"""The steps of the pipeline and what feeds them, part by part."""
