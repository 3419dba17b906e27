"""Settings: a TOML file, overridden by S3GW_SECTION__FIELD environment variables.

Parsed once, at start-up (settings_file.py), and passed as values from then on.  Every field's
description is the text of config/s3gw.toml and docs/configuration.md, and names its unit.  An
empty text unsets what may be unset, in the file and in the environment.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from s3gw.operator_settings import Log, Metrics, Tracing
from s3gw.setting_types import (
    SPLIT,
    Bytes,
    File,
    Name,
    Port,
    Seconds,
    SecondsOrZero,
    Secret,
    Section,
    StorageClasses,
    Text,
    Texts,
)

PREFIX = "S3GW_"


class ConfigError(Exception):
    """A setting is wrong; the text is one line that names the key and what to do."""


class Server(Section):
    """How the gateway listens."""

    host: Name = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8333
    """TCP port to listen on."""
    workers: Annotated[int, Field(ge=1)] = 1
    """Worker processes."""
    tls_certificate: File = None
    """PEM file with the server's certificate chain; empty: plain HTTP."""
    tls_key: File = None
    """PEM file with the private key of tls_certificate."""
    tls_key_password_file: File = None
    """File with the passphrase of tls_key."""
    idle_timeout: Seconds = 75
    """Seconds a keep-alive connection may stay silent between two requests."""
    header_timeout: Seconds = 20
    """Seconds a client has to send a complete request header."""
    body_timeout: Seconds = 60
    """Seconds without any progress after which a stalled upload or download is cut."""
    grace: SecondsOrZero = 30
    """Seconds that requests in flight may go on after the port was closed."""
    drain: SecondsOrZero = 0
    """Seconds from SIGTERM until the port is closed, in which `/-/ready` already says no: as long
    as load balancers take to notice."""

    @model_validator(mode="after")
    def _key_has_its_certificate(self) -> "Server":
        if self.tls_key is not None and self.tls_certificate is None:
            raise ValueError("server.tls_certificate is required with server.tls_key")
        return self


class S3(Section):
    """What S3 clients see."""

    region: Name = "RegionOne"
    """Region name that is reported to clients (x-amz-bucket-region, GetBucketLocation)."""
    strict_region: bool = False
    """Refuse signatures made for any other region than `region`."""
    signature_v2: bool = True
    """Accept Signature Version 2 (boto3 still presigns with it on custom endpoints)."""
    domains: Texts = ()
    """Host names under which `<bucket>.<domain>` addresses a bucket; `*` matches one label."""
    public_endpoint: Text = None
    """URL under which clients reach the gateway, if it is not the one that they send as Host."""
    storage_classes: Annotated[StorageClasses, Field(examples=[{"STANDARD_IA": "silver"}])] = {}  # noqa: RUF012 - pydantic copies it
    """Storage classes that a bucket can be made with, and Swift's storage policy for each. STANDARD
    is always one: Swift's default policy, unless it is named here. Clients do not read objects of
    the classes GLACIER and DEEP_ARCHIVE."""
    sse_s3: bool = False
    """Accept `x-amz-server-side-encryption: AES256`: the operator states that Swift encrypts."""
    store_trailing_checksum: bool = False
    """Store checksums that arrive after a large body (one Swift request more per upload)."""


class Limits(Section):
    """What a request may cost."""

    header_size: Bytes = 16 * 1024
    """Bytes of a request's header block."""
    xml_size: Bytes = 4 * 1024 * 1024
    """Bytes of an XML request body."""
    key_size: Annotated[int, Field(gt=0, le=1024)] = 1024
    """Bytes of an object key (Swift's own limit is 1,024)."""
    object_size: Bytes = 5 * 1024**3
    """Bytes of a single PUT or part; Swift's own limit (/info) applies when it is lower."""
    min_part_size: Bytes = 5 * 1024 * 1024
    """Bytes that every part but the last must have when a multipart upload is completed."""
    buffer_size: Annotated[int, Field(ge=0)] = 256 * 1024
    """Bytes up to which a body is read whole before it goes to Swift; larger ones stream."""
    concurrent_requests: Annotated[int, Field(gt=0)] = 1000
    """Requests that a worker serves at a time; above it 503 SlowDown."""
    concurrent_requests_per_key: Annotated[int, Field(gt=0)] = 500
    """Of these, requests with one access key (those without any count as one): nobody can take a
    worker from all others."""


_SERVICE = {
    "auth_type": "password",
    "username": "s3gw",
    "password_file": "/etc/s3gw/password",
    "user_domain_name": "Default",
    "system_scope": "all",
}


class Identity(Section):
    """How access keys become callers."""

    provider: Literal["keystone", "static"] = "keystone"
    """Where credentials come from: `keystone` (EC2 credentials) or `static` (a file of keys)."""
    auth_url: Annotated[Text, Field(examples=["https://keystone.example.com/v3"])] = None
    """Keystone's URL (provider keystone)."""
    service: Annotated[dict[str, Any], Field(examples=[_SERVICE], repr=False)] = {}  # noqa: RUF012 - pydantic copies it
    """The service user's login: `auth_type` (default `password`) and that keystoneauth1 plugin's
    options; `password_file` reads the password from a file. A system-scoped user with the roles
    reader and service is enough."""
    ca_file: File = None
    """PEM file with the authorities that signed Keystone's certificate; empty: the system's."""
    static_file: File = None
    """TOML file of access keys (provider static)."""
    secret_ttl: Seconds = 60
    """Seconds a secret read from Keystone is trusted: a deleted key works at most this long."""
    negative_ttl: SecondsOrZero = 10
    """Seconds an unknown access key stays unknown without asking Keystone again."""
    stale_ttl: SecondsOrZero = 600
    """Seconds beyond secret_ttl that secrets go on working while Keystone does not answer."""
    refetch_interval: SecondsOrZero = 5
    """Least seconds between two reads of one secret because a signature did not match."""
    unknown_key_rate: Annotated[float, Field(gt=0)] = 10
    """Look-ups of access keys not seen before, per second and worker; above it 503 SlowDown."""
    token_margin: SecondsOrZero = 120
    """Seconds before its expiry at which a user's token is renewed in the background."""
    timeout: Seconds = 20
    """Seconds to wait for an answer of Keystone."""
    threads: Annotated[int, Field(gt=0)] = 16
    """Keystone requests a worker makes at a time."""

    @model_validator(mode="after")
    def _provider_has_its_settings(self) -> "Identity":
        if self.provider == "keystone" and not self.auth_url:
            raise ValueError("identity.auth_url is required with identity.provider = 'keystone'")
        if self.provider == "static" and self.static_file is None:
            raise ValueError("identity.static_file is required with identity.provider = 'static'")
        return self


class Swift(Section):
    """How the gateway reaches Swift."""

    region: Text = None
    """Region of the object-store endpoint in the catalog; empty: the first one."""
    interface: Literal["public", "internal", "admin"] = "public"
    """Interface of the object-store endpoint in the catalog."""
    service_type: Name = "object-store"
    """Service type of Swift in the catalog."""
    storage_url_template: Text = None
    """Storage URL with {project_id}, for clusters whose catalog is wrong or absent."""
    ca_file: File = None
    """PEM file with the authorities that signed Swift's certificate; empty: the system's."""
    connect_timeout: Seconds = 5
    """Seconds to wait for a connection to Swift."""
    timeout: Seconds = 60
    """Seconds without any byte from Swift after which a request to it fails."""
    connections: Annotated[int, Field(ge=0)] = 0
    """Connections to Swift a worker may hold; 0: no limit but the concurrent requests."""

    @field_validator("storage_url_template")
    @classmethod
    def _template_has_no_other_field(cls, template: str | None) -> str | None:
        if template is not None:
            try:
                template.format(project_id="p")
            except (KeyError, IndexError, ValueError) as error:
                raise ValueError("only the field {project_id} may occur in it") from error
        return template


Networks = Annotated[tuple[IPvAnyNetwork, ...], SPLIT]


class Proxy(Section):
    """A proxy before the gateway."""

    trusted: Networks = ()
    """Addresses and networks (`10.0.0.0/8`) of proxies whose X-Forwarded-Host, -Port and -Proto
    are believed: they must set these headers themselves and pass none that a client sent. Their
    X-Forwarded-For, to which they add, tells the log whose requests they are."""


class Buckets(Section):
    """Whose buckets are, and what is remembered of them."""

    global_names: bool = False
    """One name, one bucket for all projects, as on AWS; strangers and anonymous callers can then
    reach buckets whose ACLs let them. Needs access.service. Off: names are each project's own,
    and nobody reaches another project's buckets."""

    facts_ttl: SecondsOrZero = 10
    """Seconds a bucket's facts are cached; they serve speed only, never a destructive decision."""


_ACCESS_SERVICE = {
    "auth_type": "password",
    "username": "s3gw",
    "password_file": "/etc/s3gw/password",
    "user_domain_name": "Default",
    "project_name": "service",
    "project_domain_name": "Default",
}


_LEAST_SECRET = 32


class Access(Section):
    """Who may see what."""

    mode: Literal["swift", "s3"] = "swift"
    """`swift`: bucket ACLs are Swift's container ACLs and Swift enforces them. `s3`: S3's own
    ACLs, also of single objects, enforced by the gateway; needs access.service with Swift's
    reseller-admin role, and access.acl_key."""
    unenforceable_acl: Literal["accept", "reject"] = "accept"
    """What becomes of an object's ACL that grants more, or less, than the bucket's does (mode
    swift): `accept` it without effect and log a warning, or `reject` the request."""
    public_listings: bool = False
    """A bucket that grants READ to all users lets them list it, too (mode swift), and not only
    read its objects."""
    service: Annotated[dict[str, Any], Field(examples=[_ACCESS_SERVICE], repr=False)] = {}  # noqa: RUF012 - pydantic copies it
    """The login of the gateway's own user in Swift, scoped to a project, whose account holds the
    names of all buckets: a keystoneauth1 plugin's options as in identity.service (it may be the
    same user), auth_url is identity.auth_url if absent. Mode s3 needs Swift's reseller-admin
    role."""
    acl_key: Secret = None
    """The secret with which the gateway vouches for the ACLs that it keeps in Swift (mode s3): 32
    characters or more, the same for all gateways of a cluster. Without it no ACL written with it
    grants anything."""
    acl_key_file: File = None
    """File with the secret of acl_key, instead of it."""
    acl_key_previous: Secret = None
    """A former acl_key, whose ACLs still count."""
    acl_key_previous_file: File = None
    """File with the secret of acl_key_previous, instead of it."""

    @property
    def acl_keys(self) -> tuple[bytes, ...]:
        """The secrets that ACLs may be vouched for with, first the one for new ones.

        Raises ConfigError.
        """
        given = (
            ("acl_key", self.acl_key, self.acl_key_file),
            ("acl_key_previous", self.acl_key_previous, self.acl_key_previous_file),
        )
        keys = {
            name: key if file is None else read_secret(f"access.{name}_file", file)
            for name, key, file in given
        }
        for name, key in keys.items():
            if key is not None and len(key) < _LEAST_SECRET:
                raise ConfigError(f"access.{name}: has less than {_LEAST_SECRET} characters")
        return tuple(key.encode("utf-8") for key in keys.values() if key is not None)

    @model_validator(mode="after")
    def _mode_has_its_key(self) -> "Access":
        if self.acl_key is not None and self.acl_key_file is not None:
            raise ValueError("access.acl_key and access.acl_key_file exclude each other")
        if self.acl_key_previous is not None and self.acl_key_previous_file is not None:
            raise ValueError("access.acl_key_previous and its file exclude each other")
        if self.mode == "s3" and self.acl_key is None and self.acl_key_file is None:
            raise ValueError(
                "access.acl_key (or acl_key_file) is required with access.mode = 's3': "
                "32 random characters or more, as `openssl rand -hex 32` makes them"
            )
        return self


_Method = Literal["GET", "PUT", "POST", "DELETE", "HEAD"]
Methods = Annotated[tuple[_Method, ...], SPLIT, Field(min_length=1)]
_Pattern = Annotated[str, Field(pattern=r"^[^*]*\*?[^*]*$")]
Patterns = Annotated[tuple[_Pattern, ...], SPLIT]


class Cors(Section):
    """What pages of other origins may do in buckets that have no CORS rules of their own."""

    allowed_origins: Patterns = ()
    """Origins such as `https://www.example.com`; one `*` in each stands for anything. None: only
    the buckets' own rules count, and those only with buckets.global_names in preflights."""
    allowed_methods: Methods = ("GET", "HEAD", "PUT", "POST", "DELETE")
    """Methods that their pages may use."""
    allowed_headers: Patterns = ("*",)
    """Headers that their pages may send; one `*` in each stands for anything."""
    expose_headers: Texts = ("ETag", "x-amz-request-id", "x-amz-id-2", "x-amz-version-id")
    """Headers of an answer that their pages may read."""
    max_age: Annotated[int, Field(ge=0)] = 3000
    """Seconds for which browsers may remember the answer to a preflight."""


class Jobs(Section):
    """What becomes of parts that nobody needs any more."""

    min_age: SecondsOrZero = 3600
    """Seconds that every part of an upload must be old before an overwrite or a delete frees it."""


class Settings(BaseSettings):
    """All settings of a gateway."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        enable_decoding=False,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    server: Server = Server()
    s3: S3 = S3()
    limits: Limits = Limits()
    identity: Identity
    swift: Swift = Swift()
    proxy: Proxy = Proxy()
    buckets: Buckets = Buckets()
    access: Access = Access()
    cors: Cors = Cors()
    jobs: Jobs = Jobs()
    metrics: Metrics = Metrics()
    tracing: Tracing = Tracing()
    log: Log = Log()

    @model_validator(mode="after")
    def _service_user_is_there(self) -> "Settings":
        if not self.access.service and self.buckets.global_names:
            raise ValueError("access.service is required with buckets.global_names = true")
        if not self.access.service and self.access.mode == "s3":
            raise ValueError("access.service is required with access.mode = 's3'")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what the file says (which arrives as init values)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def read_secret(key: str, path: Path) -> str:
    """The secret in a file, without the line end; raises ConfigError naming the setting."""
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{key}: {path} cannot be read: {reason}") from error
