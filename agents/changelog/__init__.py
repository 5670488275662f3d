"""The changelog of the users table: making a table complete from it, mending it, and copies of a table."""
