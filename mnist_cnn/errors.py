"""Errors that the user can put right. The command line prints their text alone, without a traceback."""


class UserError(ValueError):
    """A mistake in a value, a file or the set-up; the text names the value, what is allowed and the way out."""


class DatasetAbsentError(UserError):
    """Files of a data set are not there and could not be downloaded."""


class DatasetAlteredError(UserError):
    """A file of a data set differs from the published one and could not be replaced."""
