"""Records of the topics `models` and `models-rejected`: what is announced, and what was rejected and why.

Nothing is sent or fetched here: `agents.rollout` and `app.publishing` do.
"""
