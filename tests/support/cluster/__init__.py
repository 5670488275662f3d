"""Workers as processes on a real broker: their cluster, what is sent to them, and the oracle that judges them."""
