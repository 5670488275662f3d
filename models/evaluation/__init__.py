"""How good lists are and how two versions differ: ranking metrics, prequential and held-out measurement, comparisons.

Functions of lists, models and histories. Reading files and printing reports is done in `app.offline`.
"""
