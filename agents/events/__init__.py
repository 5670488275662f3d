"""The path of the member events: take a partition over, fetch, cut into chunks, decode, apply, make durable, in order.

`reader` drives it: `source` is what it reads, `takeover` says from where on, `lag` how far it is, `open_transactions`
what holds it up. `chunk_agent` is the Faust agent at its end, `member_events` turns events into rows and erasures into
tombstones, `dead_letters` carries what breaks the contract. Which rows there are of a user, and who may write them, is
the business of `agents.users`.
"""
