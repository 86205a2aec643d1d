"""The numbers people quote from a spectrum, each with its uncertainty."""


def features_table(prediction, axis):
    """Later."""


def summary_columns(prediction):
    """Later."""
    return {}
