"""Factor models: the model object, its description in JSON, the solver of users, and the learners of video factors.

`factor_model` is what serves, `description` what ``model.json`` says, `user_solver` the one solver of A u = b in all
tiers, `als` learns. What comes out for a user is the business of `models.inference`.
"""
