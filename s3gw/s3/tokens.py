"""Continuation tokens: a marker in a form that clients hand back untouched.

The rule: a token is urlsafe base64 without padding, so that it also survives clients that put
it into a query without encoding it; each marker has exactly one token.
"""

from base64 import b64decode, urlsafe_b64encode

from s3gw.s3.errors import InvalidArgument


def encode_token(marker: str) -> str:
    """The token of a (non-empty) marker."""
    return urlsafe_b64encode(marker.encode("utf-8")).rstrip(b"=").decode("ascii")


def decode_token(token: str) -> str:
    """The marker of a token; raises InvalidArgument if we cannot have made it."""
    try:
        marker = b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True).decode("utf-8")
    except ValueError:
        marker = ""
    if not marker or encode_token(marker) != token:
        raise InvalidArgument(
            "The continuation token provided is incorrect", ArgumentName="continuation-token"
        )
    return marker
