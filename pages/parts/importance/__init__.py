"""Parts of the pages Feature importance and Spectral windows."""
