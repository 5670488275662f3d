"""The way from records to durable rows within a test: a changelog in memory, and all other parts as in a worker."""
