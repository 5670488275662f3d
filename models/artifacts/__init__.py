"""A version as files: their bytes, digests, signature and manifest, and back to a model that is known to work.

Where the files lie is not known here: `files` says what is asked of that place. The model store, which meets it, is in
`app.publishing`.
"""
