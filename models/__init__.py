"""The mathematics of Nearline and nothing else, the same offline, nearline and online.

Events and histories, strengths, the user solver, scoring, ranking, learners, ranking metrics, and the artifact that
carries a model from the offline jobs to the workers. Functions and frozen objects: no clock, no environment, no
network.

May import numpy, scipy, numba, safetensors, msgspec, fsspec and scikit-learn; never Faust, Kafka, RocksDB, HTTP,
Prometheus, nor another package of this project.
"""
