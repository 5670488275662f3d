"""One worker process: its parts, their wiring, Faust's configuration and seam, its place in the group, its health.

`factory` is where every part is made. What the parts do stands in `agents`, `tables` and `models`.
"""
