"""Factor models: the model object, its description in JSON, the solver of users, and the learners of video factors.

`factor_model` is what serves, `model_id` its identity, `model_description` what ``model.json`` says (`ranker`: what it
may say about ranking), `user_solver` the one solver of A u = b in all tiers. `learner` is the protocol of learners,
`hyperparameters` what they are told, `als` learns. What comes out for a user is the business of `models.inference`.
"""
