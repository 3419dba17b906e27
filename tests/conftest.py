"""What every test shares."""

import pytest
from hypothesis import settings

pytest_plugins = ("tests.functional.fixtures",)

# A deadline says nothing of the code, and much of how busy the machine is.
settings.register_profile("no deadline", settings(), deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
