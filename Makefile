# make run: set up and start the app.  make test: set up and run every check.
# the first that runs and is new enough: a name on the PATH may be an empty shim
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
PORT ?= 8501
# who can open the app: this machine alone; make run HOST=0.0.0.0 opens it to the network
HOST = 127.0.0.1
JOBS ?= 2
# one thread per process: the matrices are small, and several processes share the cores
export OMP_NUM_THREADS ?= 1

.PHONY: run test setup setup-test browser lint format check wheel bench accuracy crossval train docs pictures clean

run: setup
	$(BIN)/python -m streamlit run app.py --server.address $(HOST) --server.port $(PORT)

test: setup-test lint check

setup: .venv/ready static/3Dmol-min.js

.venv/ready: requirements.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/ready-test: .venv/ready tests/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

# the 3D viewer's script; without it the app falls back to a plainer view, so this may fail
static/3Dmol-min.js: .venv/ready xanes_core/plots/viewer_script.py
	-$(BIN)/python -m xanes_core.plots.viewer_script

setup-test: setup .venv/ready-test browser

# as root, install the browser the page tests drive; otherwise the tests name what is missing
browser:
	@command -v chromium >/dev/null || [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null || \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; }

lint: .venv/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/ready-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: .venv/ready-test
	$(BIN)/python -m pytest -m "not browser" --numprocesses $(JOBS) --dist loadfile
	$(BIN)/python -m pytest -m browser

# a package in dist/ that others install: the app, its pages, models and examples travel in it
wheel: setup
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

bench: .venv/ready
	$(BIN)/python -m xanes_core bench

# its tables in the README and in docs/, from data/
accuracy: .venv/ready
	$(BIN)/python -m xanes_core accuracy --model feff10-3d-ms --jobs $(JOBS) \
		--document README.md --document docs/accuracy.md

crossval: .venv/ready
	$(BIN)/python -m xanes_core crossval --model feff10-3d-ms --jobs $(JOBS)

train: .venv/ready
	$(BIN)/python -m xanes_core train --model feff10-3d-ms --jobs $(JOBS)

.venv/ready-docs: .venv/ready docs/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt
	@touch $@

# the API in build/docs
docs: .venv/ready-docs
	rm -rf build/docs
	$(BIN)/python -m docs.build_api build/docs

# small pictures of the examples, and those of the README, of the app as it is now
pictures: setup-test
	$(BIN)/python -m data.examples.draw_pictures
	$(BIN)/python -m docs.take_pictures

clean:
	rm -rf .venv static build dist *.egg-info .pytest_cache .ruff_cache
