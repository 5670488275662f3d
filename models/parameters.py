"""Parameters: numbers that people set, each declared once, with its range, its default and what it is for.

A class of parameters is a frozen dataclass; the annotation of a field says what is `Allowed`::

    @dataclass(frozen=True, kw_only=True)
    class Tides(Parameters):
        depth: Annotated[float, Allowed(0, 11_000, "Metres below the surface.")] = 10.0

Options of the command line, keys of files and settings are made from what `parameters_of` returns. Nothing heavy is
imported, so that ``--help`` is quick.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self, get_args, get_type_hints

from models.errors import ParameterInvalid

UNLIMITED: Final = math.inf


@dataclass(frozen=True, slots=True)
class Allowed:
    """The values that a parameter may have, and what it is for.

    Parameters
    ----------
    least, most : float
        Both allowed; `UNLIMITED` where any finite value is.
    help : str
        One sentence for people, with the unit if there is one.
    option : str, optional
        The name that people write, where it is not the field's own.
    """

    least: float
    most: float
    help: str
    option: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a class, with the name of its field and the name of its option."""

    name: str
    option: str
    kind: type[int] | type[float]
    default: int | float
    least: float
    most: float
    help: str

    def check(self, value: object) -> None:
        """Check a value.

        Raises
        ------
        ParameterInvalid
            If it is no number of that kind, not finite, or out of range.
        """
        numbers = (int,) if self.kind is int else (int, float)
        if not isinstance(value, numbers) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise ParameterInvalid(f"{self.name} is {value!r}; use {self.allowed}")
        try:
            is_finite = self.kind is int or math.isfinite(value)
        except OverflowError:  # a whole number beyond every float
            is_finite = False
        if not is_finite:
            raise ParameterInvalid(f"{self.name} is {value!r}; use a finite number")

    @property
    def allowed(self) -> str:
        """The range in words, such as ``a whole number from 1 to 1024``."""
        number = "a whole number" if self.kind is int else "a number"
        return f"{number} from {self.least:g}" + ("" if self.most == UNLIMITED else f" to {self.most:g}")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The base of classes of parameters: what is constructed is within its ranges.

    Raises
    ------
    ParameterInvalid
        A value that its parameter does not allow.
    """

    def __post_init__(self) -> None:
        for parameter in parameters_of(type(self)):
            parameter.check(getattr(self, parameter.name))

    @classmethod
    def chosen(cls, options: Mapping[str, int | float]) -> Self:
        """Make the class of what people chose, by option; what they did not choose has its default."""
        found = {one.name: options[one.option] for one in parameters_of(cls) if one.option in options}
        return cls(**found)


def parameters_of(kind: type[Parameters]) -> tuple[Parameter, ...]:
    """Return the parameters of a class, in the order of their declaration."""
    hints: dict[str, Any] = get_type_hints(kind, include_extras=True)
    found = []
    for field in fields(kind):
        number, allowed = get_args(hints[field.name])
        default: Any = field.default
        option = allowed.option or field.name
        found.append(Parameter(field.name, option, number, default, allowed.least, allowed.most, allowed.help))
    return tuple(found)
