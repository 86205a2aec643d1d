"""Entry of the dashboard: page set-up and navigation, nothing else.

The pages lie in ``dashboard/pages`` and not in a ``pages`` folder beside this file: Streamlit
takes such a folder for an app of its older kind until ``st.navigation`` has run once, and answers
the first deep link after a start with "Page not found". A further page is one more line here.
"""

from pathlib import Path

import streamlit as st

from dashboard.common import plain
from xanes_core.errors import XanesError

# an icon by name would come from a font server; this one comes from here
ICON = Path(__file__).resolve().parent / "dashboard" / "icon.png"
st.set_page_config(page_title="XANES Explorer", page_icon=str(ICON), layout="wide")
st.logo(ICON)
# the default margins leave too little room for two panels side by side
st.html("<style>.stMainBlockContainer {padding-left: 2rem; padding-right: 2rem;}</style>")

PAGES = [
    st.Page("dashboard/pages/predict.py", title="Predict", url_path="predict", default=True),
    st.Page("dashboard/pages/models.py", title="Models", url_path="models"),
]

if __name__ == "__main__":
    page = st.navigation(PAGES)
    try:
        page.run()
    except XanesError as error:
        st.error(plain(error))
