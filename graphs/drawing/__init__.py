"""Pictures of a graph at the level of blocks."""
