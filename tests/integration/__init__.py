"""Tests on a real Kafka broker: workers as processes, plain clients, an oracle that replays the events."""
