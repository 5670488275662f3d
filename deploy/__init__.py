"""Running Nearline: the entry scripts, the Kafka launcher, the demonstration and its data.

``deploy/demo`` and ``deploy/test`` set the checkout up by themselves (``deploy/setup``). This package may import
``app`` and everything below it; nothing imports ``deploy`` except the tests.
"""
