"""A measured or computed spectrum over the prediction."""


def measured_sidebar():
    """Later."""


def measured_curve(prediction):
    """Later."""


def misfit_line(prediction, measured):
    """Later."""
