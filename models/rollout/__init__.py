"""Records of the topics `models` and `models-rejected`: what is announced, and what was rejected and why."""
