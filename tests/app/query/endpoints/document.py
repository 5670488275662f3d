"""The OpenAPI document of all routes."""

import msgspec

from app.query.endpoints.openapi import openapi_document
from app.query.endpoints.routes import ROUTES

DOCUMENT = msgspec.json.decode(openapi_document(ROUTES))
