"""Training and measuring one version."""
