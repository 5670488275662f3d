"""Settings: what they are, where their values come from, and what follows from them alone.

`settings` declares every setting with its bounds, `sources` reads environment, files and secrets, `topics` names the
topics and the broker that follow. The only room that reads the environment. No part of the system is made here.
"""
