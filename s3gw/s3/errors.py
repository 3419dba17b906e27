"""The error catalogue: one class a code, its HTTP status and its default text.

Raised anywhere on the road, rendered in one place.  Details are the XML elements that follow
Message: `raise InvalidArgument("…", ArgumentName="max-keys", ArgumentValue=value)`.
Texts are those recorded from AWS; codes are listed in
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from typing import ClassVar


class S3Error(Exception):
    """An S3 error answer: code, HTTP status, message and further XML elements."""

    status: ClassVar[int] = 500
    text: ClassVar[str] = ""

    def __init_subclass__(cls, *, status: int, text: str) -> None:
        cls.status = status
        cls.text = text

    def __init__(self, message: str | None = None, /, **details: object) -> None:
        super().__init__(message or self.text)
        self.message = message or self.text
        self.details = {name.replace("_", "-"): str(value) for name, value in details.items()}
        self.headers: list[tuple[str, str]] = []
        """Headers that go with the answer, beside those of every answer."""
        self.close = False
        """The connection cannot be used again (a body was not read to its end)."""

    @property
    def code(self) -> str:
        """The S3 error code: the name of the class."""
        return type(self).__name__


class AccessDenied(S3Error, status=403, text="Access Denied"): ...


class AccessControlListNotSupported(S3Error, status=400, text="The bucket does not allow ACLs"): ...


class AuthorizationHeaderMalformed(
    S3Error,
    status=400,
    text=(
        "The authorization header is malformed; the authorization header requires three "
        "components: Credential, SignedHeaders, and Signature."
    ),
): ...


class AuthorizationQueryParametersError(
    S3Error,
    status=400,
    text=(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, "
        "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
        "X-Amz-Expires parameters."
    ),
): ...


class BadDigest(
    S3Error, status=400, text="The Content-MD5 you specified did not match what we received."
): ...


class BadRequest(S3Error, status=400, text="Bad Request"): ...


class BrokenMPU(S3Error, status=409, text="Multipart upload has broken segment data."): ...


class BucketAlreadyExists(
    S3Error,
    status=409,
    text=(
        "The requested bucket name is not available. The bucket namespace is shared by "
        "all users of the system. Please select a different name and try again."
    ),
): ...


class BucketAlreadyOwnedByYou(
    S3Error,
    status=409,
    text=("Your previous request to create the named bucket succeeded and you already own it."),
): ...


class BucketNotEmpty(S3Error, status=409, text="The bucket you tried to delete is not empty"): ...


class EntityTooLarge(
    S3Error, status=400, text="Your proposed upload exceeds the maximum allowed size"
): ...


class EntityTooSmall(
    S3Error, status=400, text="Your proposed upload is smaller than the minimum allowed size"
): ...


class IllegalVersioningConfigurationException(
    S3Error,
    status=400,
    text="The Versioning configuration specified in the request is invalid.",
): ...


class IncompleteBody(
    S3Error,
    status=400,
    text=("You did not provide the number of bytes specified by the Content-Length HTTP header"),
): ...


class InternalError(
    S3Error, status=500, text="We encountered an internal error. Please try again."
): ...


class InvalidAccessKeyId(
    S3Error, status=403, text="The AWS Access Key Id you provided does not exist in our records."
): ...


class InvalidArgument(S3Error, status=400, text="Invalid Argument"): ...


class InvalidBucketName(S3Error, status=400, text="The specified bucket is not valid."): ...


class InvalidDigest(S3Error, status=400, text="The Content-MD5 you specified was invalid."): ...


class InvalidLocationConstraint(
    S3Error, status=400, text="The specified location-constraint is not valid"
): ...


class InvalidPart(
    S3Error,
    status=400,
    text=(
        "One or more of the specified parts could not be found.  The part may not have "
        "been uploaded, or the specified entity tag may not match the part's entity tag."
    ),
): ...


class InvalidPartNumber(
    S3Error, status=416, text="The requested partnumber is not satisfiable"
): ...


class InvalidPartOrder(
    S3Error,
    status=400,
    text=("The list of parts was not in ascending order. Parts must be ordered by part number."),
): ...


class InvalidRange(S3Error, status=416, text="The requested range is not satisfiable"): ...


class InvalidRequest(S3Error, status=400, text="Invalid Request"): ...


class InvalidStorageClass(
    S3Error, status=400, text="The storage class you specified is not valid"
): ...


class InvalidTag(S3Error, status=400, text="The tag provided was not a valid tag."): ...


class InvalidURI(S3Error, status=400, text="Couldn't parse the specified URI."): ...


class KeyTooLongError(S3Error, status=400, text="Your key is too long"): ...


class MalformedACLError(
    S3Error,
    status=400,
    text=(
        "The XML you provided was not well-formed or did not validate against our published schema"
    ),
): ...


class MalformedTrailerError(
    S3Error,
    status=400,
    text=(
        "The request contained trailing data that was not well-formed or did not conform "
        "to our published schema."
    ),
): ...


class MalformedXML(
    S3Error,
    status=400,
    text=(
        "The XML you provided was not well-formed or did not validate against our published schema"
    ),
): ...


class MaxMessageLengthExceeded(S3Error, status=400, text="Your request was too big."): ...


class MetadataTooLarge(
    S3Error, status=400, text="Your metadata headers exceed the maximum allowed metadata size"
): ...


class MethodNotAllowed(
    S3Error, status=405, text="The specified method is not allowed against this resource."
): ...


class MissingContentLength(
    S3Error, status=411, text="You must provide the Content-Length HTTP header."
): ...


class MissingSecurityHeader(
    S3Error, status=400, text="Your request was missing a required header"
): ...


class NoSuchBucket(S3Error, status=404, text="The specified bucket does not exist"): ...


class NoSuchBucketPolicy(S3Error, status=404, text="The bucket policy does not exist"): ...


class NoSuchCORSConfiguration(
    S3Error, status=404, text="The CORS configuration does not exist"
): ...


class NoSuchKey(S3Error, status=404, text="The specified key does not exist."): ...


class NoSuchLifecycleConfiguration(
    S3Error, status=404, text="The lifecycle configuration does not exist"
): ...


class NoSuchObjectLockConfiguration(
    S3Error, status=404, text="The specified object does not have a ObjectLock configuration"
): ...


class NoSuchPublicAccessBlockConfiguration(
    S3Error, status=404, text="The public access block configuration was not found"
): ...


class NoSuchTagSet(S3Error, status=404, text="The TagSet does not exist"): ...


class NoSuchUpload(
    S3Error,
    status=404,
    text=(
        "The specified upload does not exist. The upload ID may be invalid, or the "
        "upload may have been aborted or completed."
    ),
): ...


class NoSuchVersion(S3Error, status=404, text="The specified version does not exist."): ...


class NoSuchWebsiteConfiguration(
    S3Error, status=404, text="The specified bucket does not have a website configuration"
): ...


class NotImplemented(
    S3Error, status=501, text="A header you provided implies functionality that is not implemented"
): ...


class ObjectLockConfigurationNotFoundError(
    S3Error, status=404, text="Object Lock configuration does not exist for this bucket"
): ...


class OperationAborted(
    S3Error,
    status=409,
    text=(
        "A conflicting conditional operation is currently in progress against this "
        "resource. Please try again."
    ),
): ...


class PreconditionFailed(
    S3Error, status=412, text="At least one of the pre-conditions you specified did not hold"
): ...


class QuotaExceeded(
    S3Error, status=403, text="The quota of the account or the bucket is exhausted."
): ...


class ReplicationConfigurationNotFoundError(
    S3Error, status=404, text="The replication configuration was not found"
): ...


class RequestHeaderSectionTooLarge(
    S3Error, status=400, text="Your request header section exceeds the maximum allowed size."
): ...


class RequestTimeout(
    S3Error,
    status=400,
    text=(
        "Your socket connection to the server was not read from or written to within the "
        "timeout period."
    ),
): ...


class RequestTimeTooSkewed(
    S3Error,
    status=403,
    text="The difference between the request time and the current time is too large.",
): ...


class ServerSideEncryptionConfigurationNotFoundError(
    S3Error, status=404, text="The server side encryption configuration was not found"
): ...


class ServiceUnavailable(S3Error, status=503, text="Please reduce your request rate."): ...


class SignatureDoesNotMatch(
    S3Error,
    status=403,
    text=(
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    ),
): ...


class SlowDown(S3Error, status=503, text="Please reduce your request rate."): ...


class UnexpectedContent(S3Error, status=400, text="This request does not support content"): ...


class UnresolvableGrantByEmailAddress(
    S3Error,
    status=400,
    text="The e-mail address you provided does not match any account on record.",
): ...


class XAmzContentSHA256Mismatch(
    S3Error,
    status=400,
    text="The provided 'x-amz-content-sha256' header does not match what was computed.",
):
    pass
