"""The files of a person with layers of their own, made once."""

import pytest

from tests.models.trusted.saving import install_package, save_project


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A folder with own_layers.py, own_parts.py, and trained models that use them."""
    return save_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A folder that packages are installed in, with own_package, and beside it ``packaged.keras``."""
    return install_package(tmp_path_factory.mktemp("package"))
