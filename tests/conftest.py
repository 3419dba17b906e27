"""What every test shares."""

import pytest

pytest_plugins = ("tests.functional.fixtures",)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
