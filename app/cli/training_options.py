"""The options of `nearline train` that a learner's hyperparameters make."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

from app.offline.training.options import TRAINING_OPTIONS
from models.parameters import UNLIMITED
from models.parameters import Parameter as Declared


def with_training_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb an option for each of `TRAINING_OPTIONS`.

    They stand in the place of the verb's parameter `chosen`, which gets a mapping of them.
    """
    own = signature(verb, eval_str=True)

    @wraps(verb)
    def with_chosen(**given: Any) -> None:
        chosen = {one.option: given.pop(one.option) for one in TRAINING_OPTIONS}
        verb(**given, chosen=chosen)

    shown: list[Parameter] = []
    for parameter in own.parameters.values():
        shown += _options() if parameter.name == "chosen" else [parameter.replace(kind=Parameter.KEYWORD_ONLY)]
    with_chosen.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined]
    return with_chosen


def _options() -> list[Parameter]:
    return [
        Parameter(one.option, Parameter.KEYWORD_ONLY, default=one.default, annotation=_annotation(one))
        for one in TRAINING_OPTIONS
    ]


def _annotation(parameter: Declared) -> Any:
    kind: Any = parameter.kind
    most = None if parameter.most == UNLIMITED else parameter.most
    return Annotated[kind, typer.Option(min=parameter.least, max=most, help=parameter.help)]
