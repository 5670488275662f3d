"""The mathematics of Nearline and nothing else, the same offline, nearline and online.

Names and events, histories, confidences, the user solver, scoring, learners, ranking metrics, and the artifact that
carries a model from the offline jobs to the workers. Functions and frozen objects: no clock, no environment, no
network, no storage. Artifacts are bytes, read and written through a protocol that others implement; only numba keeps
what it compiled in files of its own.

May import numpy, scipy, numba, safetensors, msgspec and scikit-learn; never Faust, Kafka, RocksDB, fsspec, HTTP,
Prometheus, nor another package of this project.
"""
