"""What is popular: this worker's counts, their publication, and the sum of everybody's.

What counts as popular is defined in `models.feedback`; who is shown it, in `app.query`.
"""
