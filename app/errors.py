"""Failures that a person is told of in a sentence: those of jobs, of publishing and of operations."""


class JobFailed(Exception):
    """A job cannot do what it was asked; the message says what was found and what to do."""


class JobsInvalid(Exception):
    """The jobs file is refused; the message has one sentence a line, each with the job and the field."""
