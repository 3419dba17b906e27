"""Whatever a client sends, where it is read nothing but a value or an S3 error comes out.

`make fuzz-parsers` lets atheris look for more, guided by what the code does with it.
"""

import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from s3gw.s3.errors import S3Error
from tests.unit.entrances import ENTRANCES

# Taken out of the environment: it is no setting of the gateway, which refuses unknown ones.
EXAMPLES = int(os.environ.pop("S3GW_TEST_EXAMPLES", "60"))

every_entrance = pytest.mark.parametrize("name", ENTRANCES)

_pieces = st.one_of(
    st.binary(max_size=6),
    st.sampled_from([b"\x00", b"\r\n", b"<", b"&", b"%", b"%ff", b"=", b"9" * 30, b"-1", b'"']),
)


@st.composite
def spoiled(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A seed with some of it cut out and other bytes put in."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 8)))
        data = data[:start] + draw(_pieces) + data[end:]
    return data


@every_entrance
def test_a_seed_gets_behind_the_first_check(name: str) -> None:
    """At least one of them is taken as it is, or refused for its signature alone."""
    entrance = ENTRANCES[name]
    outcomes = set()
    for seed in entrance.seeds:
        try:
            entrance.read(seed)
        except S3Error as error:
            outcomes.add(error.code)
        else:
            outcomes.add("taken")
    assert outcomes & {"taken", "SignatureDoesNotMatch"}


@every_entrance
def test_nothing_but_s3_errors_comes_out(name: str) -> None:
    entrance = ENTRANCES[name]

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.nested_given]
    )
    @given(st.one_of(spoiled(entrance.seeds), st.binary(max_size=200)))
    def check(data: bytes) -> None:
        with suppress(S3Error):
            entrance.read(data)

    check()
