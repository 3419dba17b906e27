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
from keystoneauth1 import session
from keystoneauth1.identity import v3

from tests.functional.stack import Stack

_NAMESPACE = b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def swift_as(stack: Stack, name: str, password: str, project_id: str) -> swiftclient.Connection:
    """Swift's own client, with the own token of a user of a project."""
    login = v3.Password(
        auth_url=stack.keystone.auth_url,
        username=name,
        password=password,
        project_id=project_id,
        user_domain_id="default",
    )
    with closing(session.Session(auth=login)) as user:
        token = user.get_token()
    url = stack.swift.storage_url.removesuffix(stack.project.id) + project_id
    return swiftclient.Connection(preauthurl=url, preauthtoken=token)


def swift_of(stack: Stack) -> swiftclient.Connection:
    """Swift as the stack's user."""
    return swift_as(stack, stack.user.name, stack.user.password, stack.project.id)


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
