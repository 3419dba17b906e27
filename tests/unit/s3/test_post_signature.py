"""Signatures of forms, as botocore makes them."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.auth import HmacV1PostAuth, S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3gw.s3.errors import InvalidArgument, InvalidRequest, SignatureDoesNotMatch
from s3gw.s3.post_signature import read_form_claim
from s3gw.s3.signature import Claim, SignatureRules

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
RULES = SignatureRules("RegionOne")
STRICT = SignatureRules("RegionOne", strict_region=True)


def signed(version: str, region: str = "RegionOne", secret: str = SECRET) -> dict[str, str]:
    """The fields with which botocore signs a policy, by lower-case name."""
    request = AWSRequest(method="POST", url="http://gw.example/bucket")
    request.context["s3-presign-post-policy"] = {"expiration": "2026-01-01T00:00:00Z"}
    credentials = Credentials(KEY, secret)
    signer: Any = HmacV1PostAuth(credentials)
    if version == "v4":
        signer = S3SigV4PostAuth(credentials, "s3", region)
    signer.add_auth(request)
    fields = request.context["s3-presign-post-fields"]
    return {name.lower(): value for name, value in fields.items()}


def claim_of(fields: Mapping[str, str], rules: SignatureRules = RULES) -> Claim:
    found = read_form_claim(fields, rules)
    assert found is not None
    return found


@pytest.mark.parametrize("version", ["v2", "v4"])
class TestBoth:
    """What holds for both versions."""

    def test_what_botocore_signs_is_verified(self, version: str) -> None:
        claim = claim_of(signed(version))
        assert claim.access_key == KEY
        assert claim.verify(SECRET) is None
        assert claim.covers("")
        assert not claim.covers("acl")

    def test_another_secret_or_policy_is_refused(self, version: str) -> None:
        fields = signed(version)
        with pytest.raises(SignatureDoesNotMatch) as refused:
            claim_of(fields).verify("other")
        assert refused.value.details["AWSAccessKeyId"] == KEY
        assert refused.value.details["StringToSign"] == fields["policy"]
        with pytest.raises(SignatureDoesNotMatch):
            claim_of({**fields, "policy": fields["policy"] + " "}).verify(SECRET)

    def test_any_text_may_stand_for_a_signature(self, version: str) -> None:
        name = "signature" if version == "v2" else "x-amz-signature"
        with pytest.raises(SignatureDoesNotMatch):
            claim_of({**signed(version), name: "é\ud800"}).verify(SECRET)

    def test_each_field_is_needed(self, version: str) -> None:
        fields = signed(version)
        for name in fields:
            less = {key: value for key, value in fields.items() if key != name}
            for form in (less, {**less, name: ""}) if name != "policy" else (less,):
                with pytest.raises(InvalidArgument) as refused:
                    read_form_claim(form, RULES)
                assert refused.value.details["ArgumentName"].lower() == name
                assert "must contain a field named" in refused.value.message

    def test_no_secret_or_signature_is_in_a_repr(self, version: str) -> None:
        fields = signed(version)
        text = repr(claim_of(fields))
        assert fields.get("x-amz-signature", fields.get("signature", "?")) not in text
        assert SECRET not in text


def test_a_form_without_any_is_anonymous() -> None:
    assert read_form_claim({"key": "k"}, RULES) is None


def test_a_policy_that_nobody_signed_is_no_anonymous_form() -> None:
    with pytest.raises(InvalidArgument) as refused:
        read_form_claim({"policy": "e30="}, RULES)
    assert refused.value.details["ArgumentName"] == "AWSAccessKeyId"


def test_a_key_of_version_2_beside_version_4_does_not_count() -> None:
    fields = {**signed("v2"), **signed("v4")}
    claim = claim_of(fields)
    assert claim.verify(SECRET) is None
    with pytest.raises(InvalidArgument):
        read_form_claim({**signed("v2"), "x-amz-date": "20260101T000000Z"}, RULES)


def test_version_2_can_be_switched_off() -> None:
    with pytest.raises(InvalidRequest):
        read_form_claim(signed("v2"), SignatureRules("RegionOne", signature_v2=False))


def test_the_region_counts_only_where_it_is_to() -> None:
    fields = signed("v4", region="elsewhere")
    assert claim_of(fields).verify(SECRET) is None
    with pytest.raises(InvalidArgument) as refused:
        read_form_claim(fields, STRICT)
    assert refused.value.details["Region"] == "RegionOne"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-algorithm", "AWS4-HMAC-SHA1"),
        ("x-amz-credential", KEY),
        ("x-amz-credential", f"{KEY}/20260101/r/ec2/aws4_request"),
        ("x-amz-credential", f"{KEY}/19990101/r/s3/aws4_request"),
        ("x-amz-date", "today"),
    ],
)
def test_what_is_out_of_form_is_an_argument(name: str, value: str) -> None:
    with pytest.raises(InvalidArgument):
        read_form_claim({**signed("v4"), name: value}, RULES)
