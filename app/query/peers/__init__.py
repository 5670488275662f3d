"""Other workers: which to ask about a user (`router`), asking (`client`), erasures that they apply (`erasures`)."""
