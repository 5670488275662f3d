"""Training and measuring one version.

`options` is what people choose, `configuration` all that decides besides the events, `train` learns and stores,
`evaluate` measures, `code_version` says which code it was. The mathematics stands in `models.factorization`.
"""
