"""Operations that are told from others, so that they can be refused and never mistaken."""

from typing import NoReturn

from s3gw.call import Call
from s3gw.s3.errors import NotImplemented


async def upload_part_copy(call: Call) -> NoReturn:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html."""
    del call
    raise NotImplemented(Header="x-amz-copy-source")
