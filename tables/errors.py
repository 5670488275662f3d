"""What can go wrong with stored state.

TableError
├── RowCorrupt          the bytes of a row are not what this code writes
│   └── NewerFormat         they are what a later release writes
├── RowTooLarge         a row would not fit into one record of the changelog
├── ChangelogShrunk     the changelog has lost records that a database holds
├── FolderInUse         another process works on a data folder
├── ForeignFolder       a data folder belongs to another application, or to another number of partitions
├── StateUnusable       a checkpoint or a data folder is not what was asked for
└── PartitionError      RocksDB answered for a partition's folder with an error of its own
    ├── PartitionCorrupt    its files are torn or rotten; the changelog holds what they held
    ├── PartitionLocked     another process, or another thread of this one, has it open
    ├── OutOfFiles          the process, or the machine, may not open one more file; nothing is wrong with the disk
    └── DiskFailed          the disk does not read or write; nothing is wrong with what is stored
"""


class TableError(Exception):
    """Base of every error of this package."""


class RowCorrupt(TableError):
    """The bytes of a row are cut, or of a format that this code does not know."""


class NewerFormat(RowCorrupt):
    """A row, or a position, is of a format that a later release writes; the text says which."""


class RowTooLarge(TableError):
    """A row is larger than one changelog record may be; lower the bounds on history or stored scores."""


class ChangelogShrunk(TableError):
    """The broker put new records at changelog offsets that a database holds already."""


class FolderInUse(TableError):
    """Another process works on this data folder."""


class ForeignFolder(TableError):
    """A data folder was made by another application id, number of partitions, or format."""


class StateUnusable(TableError):
    """A checkpoint, or a data folder to be filled from one, is not what it must be."""


class PartitionError(TableError):
    """RocksDB could not do what it was asked with a partition's folder, for a reason that this code does not know."""


class PartitionCorrupt(PartitionError):
    """Files of a partition's folder are missing, cut, or hold other bytes than were written."""


class PartitionLocked(PartitionError):
    """A partition's folder is open elsewhere."""


class OutOfFiles(PartitionError):
    """The process, or the whole machine, has as many files and sockets open as it may."""


class DiskFailed(PartitionError):
    """The disk is full, or cannot be read or written."""
