"""What ends a process that no longer makes progress, or is cut off, and what looks after it while it does.

`exit_status` leaves with the right exit status, `background` keeps the tasks; the guards watch the process, the event
loop, the disk and the work. What the work is, they are told. `lease` says how long a worker may act as a member of its
group: writes, answers and readiness ask it.
"""
