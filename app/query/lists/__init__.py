"""Which videos a user is shown: stored lists, lists solved on the spot, popular ones, cut to the context.

HTTP is not known here: no request object, no status.
"""
