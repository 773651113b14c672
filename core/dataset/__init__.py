"""Many samples: read bit by bit, run through a model in batches, and reduced while they stream."""
