"""One worker process: its parts, their wiring, Faust's configuration and seam, its place in the group, its health.

`worker` runs it: what is checked before a start (`file_limit`, `membership`), and the process. `factory` is where every
part is made, by the modules that it names; `lifecycle` starts and stops them. `faust_seam` and `assignor` are what is
changed in Faust, `faust_app` its configuration. `reassignment` asks for another assignment where one is wrong.
What the parts do stands in `agents`, `tables` and `models`.
"""
