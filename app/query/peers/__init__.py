"""Other workers: which of them to ask about a user who is elsewhere (`router`), and asking (`client`)."""
