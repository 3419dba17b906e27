"""What a client was told, and what Swift holds, in forms that a test compares."""

from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import pytest
import swiftclient
from botocore.exceptions import ClientError

_NAMESPACE = b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def refusal(call: Any, **arguments: Any) -> tuple[int, str, str]:
    """Status, code and message of the error that a boto3 call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status, answer["Error"]["Code"], answer["Error"].get("Message", "")


def document(body: bytes) -> ET.Element:
    """An answer's document without its namespace."""
    return ET.fromstring(body.replace(_NAMESPACE, b"", 1))  # noqa: S314 - our own gateway's answer


def is_there(swift: swiftclient.Connection, container: str, name: str | None = None) -> bool:
    """Whether Swift has the container, or the object."""
    try:
        if name is None:
            swift.head_container(container)
        else:
            swift.head_object(container, name)
    except swiftclient.ClientException as error:
        if error.http_status != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


def held(swift: swiftclient.Connection, container: str, name: str) -> dict[str, str]:
    """An object's headers as Swift sends them: swiftclient would decode their names."""
    parts = urlsplit(swift.url)
    with closing(HTTPConnection(parts.netloc)) as connection:
        path = f"{parts.path}/{quote(container)}/{quote(name)}"
        connection.request("HEAD", path, headers={"X-Auth-Token": swift.token})
        pairs = connection.getresponse().getheaders()
    return {name.lower(): value.encode("latin-1").decode() for name, value in pairs}


def names(swift: swiftclient.Connection, container: str) -> list[str]:
    """The names of all the container's objects, in order."""
    return [entry["name"] for entry in swift.get_container(container, full_listing=True)[1]]
