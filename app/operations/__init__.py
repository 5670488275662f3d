"""What an operator or a producer does beside the workers: send events, dead letters, check, compare and copy state."""
