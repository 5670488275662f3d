"""The demonstration: the whole system on real ratings, from an empty broker to lists that follow what people do.

``python -m deploy.demonstration`` (``./deploy/demo`` sets the checkout up first). It works as a stranger would, with
the command line, the topics and HTTP; only the long loops with a progress bar call `app.offline` themselves.

`scenario` is what happens, in order. `arguments` are its options; `deployment` is where it happens: folder, names,
settings; `processes` are the workers and the command line; `feed` makes the records; `view` asks workers. The `steps`
are made of `replay`, `latency`, `person`, `parity` and `quality`; `terminal`, `summary` and `serving` are what is seen
of it.
"""
