"""Build step: the dashboard, the models and the examples travel in the wheel.

In a checkout they lie at its top, where ``make run`` starts the app. A wheel holds packages alone,
so they go into a folder of the package, where ``xanes_core.files.PROJECT`` finds them.
"""

from pathlib import Path
from shutil import rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
FOLDER = "xanes_core/_app"
#: What travels. The training data do not: ``xanes_core.files.project_data`` says so.
TRAVELS = (
    "app.py",
    ".streamlit/config.toml",
    "pages/**/*.py",
    "pages/**/*.css",
    "pages/**/*.js",
    "pages/**/*.png",
    "pages/**/*.css",
    "models/*/*",
    "data/examples/index.json",
    "data/examples/*.extxyz",
    "data/examples/pictures/*.svg",
    "data/stories/*.toml",
    "data/stories/theory.json",
    "data/library/theory.npz",
    "static/3Dmol*",  # there once the app was set up; the app does without it
)


class BuildWithApp(build_py):
    """Put the app into the package that is built; an editable install finds it in the checkout."""

    def run(self) -> None:
        """Build as ever, then add what travels."""
        if self.editable_mode:
            super().run()
            return
        # a file that has moved must not travel on from the folder of an older build
        rmtree(Path(self.build_lib) / "xanes_core", ignore_errors=True)
        super().run()
        for source in self._app():
            target = Path(self.build_lib, FOLDER, source.relative_to(ROOT))
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Files of the wheel."""
        app = [str(Path(self.build_lib, FOLDER, path.relative_to(ROOT))) for path in self._app()]
        return super().get_outputs(include_bytecode) + ([] if self.editable_mode else app)

    @staticmethod
    def _app() -> list[Path]:
        return [path for pattern in TRAVELS for path in sorted(ROOT.glob(pattern))]


setup(cmdclass={"build_py": BuildWithApp})
