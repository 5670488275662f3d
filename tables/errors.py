"""What can go wrong with stored state.

TableError
├── RowCorrupt          the bytes of a row are not what this code writes
└── RowTooLarge         a row would not fit into one record of the changelog
"""


class TableError(Exception):
    """Base of every error of this package."""


class RowCorrupt(TableError):
    """The bytes of a row are cut, or of a format that this code does not know."""


class RowTooLarge(TableError):
    """A row is larger than one changelog record may be; lower the bounds on history or stored scores."""
