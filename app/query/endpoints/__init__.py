"""The endpoints: a handler for each call, in `…_calls` by what the path names, and the table of them all (`routes`).

Where a user is kept (`locating`), lists from other workers (`peer_lists`), `openapi` and what handlers are given
(`running_view`) stand beside them. Which videos a list holds is decided in `lists`, not here.
"""
