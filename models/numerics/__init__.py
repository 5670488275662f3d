"""Arrays in, arrays out: compiled loops, normal equations, selection of the best, dot products, tensors as bytes.

Nothing here knows users, events or versions. A kernel that another room needs is called from there, never compiled into
it: numba would not notice its change.
"""
