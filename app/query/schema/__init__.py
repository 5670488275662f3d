"""What goes into the query view and what comes out, as types: parsed and bounded requests, answers.

Nothing is decided here about users, videos or lists.
"""
