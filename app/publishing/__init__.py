"""From a stored version to the one that serves: the model store, fetching and verifying, announcing, older versions.

Learning a version is not done here (`app.offline`), nor taking one in (`agents.rollout`).
"""
