"""Entry: sends the reader to the first page, nothing else.

Streamlit finds the pages in the folder ``pages`` by itself, so that a deep link works on the first
request after a start; ``st.navigation`` beside such a folder would answer it with "Page not found".
"""

import streamlit as st

from pages.parts.shared.page import PAGES

if __name__ == "__main__":
    st.switch_page(PAGES[0].script, query_params=dict(st.query_params))
