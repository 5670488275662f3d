"""The changelog of the users table: making a table complete from it, mending it, and copies of a table.

What a row means is not known here, nor which event changed it: `agents.users` and `agents.events` do.
"""
