"""A cluster of its own for each test."""

from tests.support.cluster.fixtures import cluster, s3_cluster

__all__ = ["cluster", "s3_cluster"]
