"""Serving a group: the image, the compose file and the proxy, read as their programs read them."""

import re
import shlex
import tomllib

import pytest
import yaml

from tests.places import PROJECT

PINNED = re.compile(r"[\w./-]+:\d+(\.\d+)+[\w.-]*")


def instructions():
    """(word, rest) of every instruction of the Dockerfile, comments and line ends taken off."""
    text = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]


def stages():
    """Instructions by the name of their stage; those before the first under ``""``."""
    found, name = {"": []}, ""
    for word, rest in instructions():
        if word == "FROM":
            name = rest.split(" AS ")[1]
            found[name] = []
        found[name].append((word, rest))
    return found


def compose():
    return yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))


def test_both_stages_start_from_one_pinned_image():
    assert list(stages()) == ["", "build", "app"]
    (argument,) = [rest for word, rest in stages()[""] if word == "ARG"]
    name, image = argument.split("=")
    assert PINNED.fullmatch(image)
    starts = [rest.split(" AS ")[0] for word, rest in instructions() if word == "FROM"]
    assert starts == ["${%s}" % name] * 2  # noqa: UP031  (braces within braces)


def copied():
    """Sources in the checkout of every COPY."""
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            yield from shlex.split(rest)[:-1]


def test_all_that_is_copied_is_there_and_is_let_through():
    ignore = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    sources = set(copied())
    assert "xanes_core" in sources
    for source in sources:
        assert (PROJECT / source).exists(), source
        assert source in allowed
    assert ignore[1] == "*"


def test_what_the_package_takes_along_is_copied():
    travels = re.search(r"TRAVELS = \((.*?)\n\)", (PROJECT / "setup.py").read_text(), re.DOTALL)
    sources = set(copied())
    for pattern in re.findall(r'^    "([^"]+)"', travels[1], re.MULTILINE):
        if pattern.startswith("static/"):  # fetched in the image
            continue
        assert any(pattern == s or pattern.startswith(f"{s}/") for s in sources), pattern


@pytest.mark.parametrize("left_out", ["tests", "docs", "data", "data/feff10", ".git", "static"])
def test_nothing_of_the_development_is_copied(left_out):
    assert left_out not in set(copied())


def test_it_runs_as_nobody_in_particular():
    own = stages()["app"]
    words = [word for word, _ in own]
    (user,) = [rest for word, rest in own if word == "USER"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert not [rest for word, rest in own if word == "RUN" and "pip" in rest]
    (health,) = [rest for word, rest in own if word == "HEALTHCHECK"]
    code = re.search(r'"-c", "(.*)"\]', health)[1]
    compile(code, "healthcheck", "exec")
    assert "_stcore/health" in code
    (entry,) = [rest for word, rest in own if word == "ENTRYPOINT"]
    assert yaml.safe_load(entry)[:4] == ["xanes-explorer", "app", "--host", "0.0.0.0"]


def test_what_is_installed_is_pinned():
    listed = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split("#")[0].strip() for line in listed]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", name) for name in names if name)
    for word, rest in stages()["build"]:
        for package in re.findall(r"pip install ([\w-][^&]*)", rest) if word == "RUN" else ():
            assert re.match(r"-r requirements.txt|--no-deps \.|[\w-]+==[\d.]+ *$", package), package
    viewer = (PROJECT / "xanes_core" / "plots" / "viewer_script.py").read_text(encoding="utf-8")
    npm = re.search(r'_NPM_PACKAGE = "(.+)"', viewer)[1]
    assert any(npm in rest for _, rest in stages()["build"])


def test_the_proxy_alone_is_published_and_to_this_machine():
    services = compose()["services"]
    assert "ports" not in services["app"]
    (published,) = services["proxy"]["ports"]
    assert published.startswith("127.0.0.1:")
    assert services["app"]["read_only"] is True
    assert services["app"]["cap_drop"] == ["ALL"]
    assert {"mem_limit", "cpus", "pids_limit"} <= set(services["app"])
    assert PINNED.fullmatch(services["proxy"]["image"])
    for volume in services["proxy"]["volumes"]:
        source, _, mode = volume.split(":")
        assert (PROJECT / source).is_file()
        assert mode == "ro"


def test_proxy_and_server_agree_on_path_and_ports():
    text = (PROJECT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    code = "\n".join(line.split("#")[0].strip() for line in text.splitlines())
    services = compose()["services"]
    path = services["app"]["environment"]["STREAMLIT_SERVER_BASE_URL_PATH"]
    assert f"location /{path}/ {{" in code
    assert f"proxy_pass http://app:{services['app']['expose'][0]};" in code
    assert f"listen {services['proxy']['ports'][0].split(':')[2]};" in code
    for header in ("Host $http_host", "Upgrade $http_upgrade", "Connection $connection_upgrade"):
        assert f"proxy_set_header {header};" in code
    assert code.count("{") == code.count("}")
    allowed = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    body = int(re.search(r"client_max_body_size (\d+)m;", code)[1])
    assert body > allowed["server"]["maxUploadSize"]


def test_the_server_listens_to_this_machine_unless_told_otherwise():
    config = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    make = (PROJECT / "Makefile").read_text(encoding="utf-8")
    # plainly set: a variable HOST of the shell does not open the app to the network
    assert "\nHOST = 127.0.0.1\n" in make
    assert "--server.address $(HOST)" in make


def test_versions_agree():
    from xanes_core import __version__

    assert compose()["services"]["app"]["image"] == f"xanes-explorer:{__version__}"
