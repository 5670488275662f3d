"""Where Kafka is and what the topics are called, from the settings."""

from agents.kafka.connection import Connection
from agents.kafka.topics import TopicNames, TopicSpec, topic_specs
from app.settings.settings import Settings


def connection_of(settings: Settings) -> Connection:
    """Return the connection that the settings name."""
    return Connection(settings.kafka.bootstrap)


def topic_names(settings: Settings) -> TopicNames:
    """Return the names of all topics."""
    topics = settings.topics
    return TopicNames(settings.app_id, topics.member_events, topics.catalogue, topics.models)


def specs_of(settings: Settings) -> list[TopicSpec]:
    """Return what every topic must be."""
    return topic_specs(topic_names(settings), settings.topics.partitions)
