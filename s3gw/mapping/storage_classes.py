"""Storage classes of S3 as storage policies of Swift.

The rule: a policy is a container's, from its making to its end.  So a bucket has one class, which
is chosen when it is made, and all its objects and parts have that class.  `table`: the setting
s3.storage_classes, S3 class to Swift policy.
https://docs.openstack.org/swift/latest/overview_policies.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
"""

from collections.abc import Mapping

from s3gw.s3.errors import InvalidArgument, InvalidStorageClass

HEADER = "x-amz-storage-class"
STANDARD = "STANDARD"
"""Every bucket's class that no other one in the table fits."""


def class_of(policy: str, table: Mapping[str, str]) -> str:
    """The class of a container with that policy; Swift's names of policies know no case."""
    found = (name for name, of_class in table.items() if of_class.lower() == policy.lower())
    return next(found, STANDARD)


def policy_for(storage_class: str | None, table: Mapping[str, str]) -> str | None:
    """The policy of a bucket that is made with the class; None: Swift's default one.

    Raises InvalidStorageClass.
    """
    wanted = STANDARD if storage_class is None else storage_class
    if wanted not in table and wanted != STANDARD:
        raise InvalidStorageClass(StorageClassRequested=wanted)
    return table.get(wanted)


def split_constraint(constraint: str | None, region: str) -> tuple[str | None, str | None]:
    """Region and storage class of a LocationConstraint: `region`, `region:CLASS` or `:CLASS`.

    Most clients have no other way to say with what class a bucket is to be made.
    """
    if constraint is None or constraint == region:
        return constraint, None
    place, colon, storage_class = constraint.rpartition(":")
    return (place or None, storage_class) if colon else (constraint, None)


def wanted_class(header: str | None, constrained: str | None) -> str | None:
    """The class that a CreateBucket asks for; raises InvalidArgument if it asks for two."""
    if header is not None and constrained is not None and header != constrained:
        raise InvalidArgument(
            "The storage class differs from that of the LocationConstraint.",
            ArgumentName=HEADER,
            ArgumentValue=header,
        )
    return constrained if header is None else header
