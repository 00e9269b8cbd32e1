"""From raw tables to the pipeline's input, by workers that hold one shard of the people at a time."""
