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


class InvalidPolicyDocument(
    S3Error,
    status=400,
    text="The content of the form does not meet the conditions specified in the policy document.",
):
    """A policy that cannot be read."""


class MalformedPOSTRequest(
    S3Error,
    status=400,
    text="The body of your POST request is not well-formed multipart/form-data.",
):
    """A form that is none."""


class MaxPostPreDataLengthExceeded(
    S3Error,
    status=400,
    text="Your POST request fields preceding the upload file were too large.",
):
    """A form whose fields are too large."""
