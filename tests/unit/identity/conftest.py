"""What the tests of identity share."""

from collections.abc import Iterator

import pytest

from tests.unit.identity.stub import Stub, serving


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A Keystone of canned answers."""
    with serving() as made:
        yield made
