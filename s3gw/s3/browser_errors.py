"""The page of the error catalogue that only browsers meet: preflights and form uploads.

See s3gw.s3.errors.
"""

from s3gw.s3.errors import S3Error


class AccessForbidden(
    S3Error,
    status=403,
    text=(
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution "
        "of Origin, request method / Access-Control-Request-Method or "
        "Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
    ),
):
    """The answer to a preflight that no rule matches."""
