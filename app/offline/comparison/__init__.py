"""What two versions would show the same users: computed, and told as text, JSON or one page.

How two lists differ is defined in `models.evaluation`.
"""
