"""What the server runs: the dashboard (``app.py``) behind a guard at its door.

Streamlit looks at the host and the origin of a websocket alone, and leaves the host to a setting
that is empty. Here every request is looked at before anything else sees it, and a message that
would clear the caches of all readers is dropped. ``streamlit run app.py`` works as well, without
this guard; a page then refuses a foreign host itself.
"""

from starlette.middleware import Middleware
from streamlit.starlette import App

from pages.parts.shared.door import Guard

app = App("app.py", middleware=[Middleware(Guard)])
