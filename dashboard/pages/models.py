"""Models: what each shipped model was trained on and how well it does."""

import streamlit as st

st.markdown("#### Models")
