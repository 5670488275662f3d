"""Golden outputs: what fixed users see of a fixed model, so that no change of the code alters it unnoticed.

``store`` holds a version as the artifact code wrote it once, ``events.jsonl`` what the users did, named by what they
stand for, ``catalogue.jsonl`` the titles, and ``lists.json`` the lists that production gave. Only the last is computed:
``python -m tests.golden`` says what differs, ``python -m tests.golden --write`` takes it over.
"""
