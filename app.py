"""Home, the first page: what the app does, shown on a structure that turns beside its spectrum.

Streamlit finds the pages in the folder ``pages`` by itself, so that a deep link works on the first
request after a start; ``st.navigation`` beside such a folder would answer it with "Page not found".
A link to this address that names a structure leads on to Predict, as it always did.
"""

import streamlit as st

from pages.parts.home.invitation import drop_zone, example_pictures, living_example
from pages.parts.home.lessons import lessons
from pages.parts.home.subject import home_subject
from pages.parts.shared.page import page

PREDICT = "pages/predict.py"


def main() -> None:
    """Show the page."""
    subject = home_subject()
    living_example(subject)
    drop_zone()
    example_pictures()
    lessons(subject)


if __name__ == "__main__":
    if st.query_params:
        st.switch_page(PREDICT, query_params=dict(st.query_params))
    with page("Home", "XANES Explorer"):
        main()
