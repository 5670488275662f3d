"""The written contract of the topics, for producers and consumers in any language.

``member-event.schema.json`` (JSON Schema 2020-12) and ``asyncapi.json`` (AsyncAPI 3.0) are generated from the types
that decode the topics; a test holds files and types equal, and ``python -m app.contract`` writes the files anew. May
import `models`.
"""

from app.contract.documents import asyncapi, contract_files, event_schema

__all__ = ["asyncapi", "contract_files", "event_schema"]
