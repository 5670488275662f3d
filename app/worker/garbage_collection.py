"""Python's garbage collector, told to look at what changes and not at what stays.

A full collection goes through every object there is: about 100 ms for the modules of a worker alone, in which neither
an event nor a query is answered. What an event leaves behind goes by its reference count, without the collector.
"""

import gc

_YOUNG = 20_000
"""Objects that are made, beyond those that went, before the collector looks: several chunks of records."""


def spare_what_stays() -> None:
    """Leave all objects that exist now to their reference counts; call it when everything long-lived is made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
