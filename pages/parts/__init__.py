"""Streamlit side of XANES Explorer: reads widgets, calls ``xanes_core``, shows."""
