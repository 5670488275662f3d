"""A version as files: their bytes, digests, signature and manifest, and back to a model that is known to work."""
