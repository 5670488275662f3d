"""The endpoints: one handler a call, the table of routes, OpenAPI, and what handlers share."""
