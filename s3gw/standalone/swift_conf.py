"""Swift's configuration files, with the reason of each setting that is not the default.

The rule: what a client can notice stays at Swift's defaults, which is what clusters have;
what is set makes one device on one machine behave.  The exception is
slo.rate_limit_under_size, without which reading back small parts takes minutes.
"""

from s3gw.standalone.directory import Layout, write_private
from s3gw.standalone.state import REGION, State

STORAGE = ("account", "container", "object")
SECOND_POLICY = "Policy-1"
"""Another storage policy than the default one, on the same device."""

_SWIFT = """\
[swift-hash]
swift_hash_path_prefix = {hash_prefix}
swift_hash_path_suffix = {hash_suffix}
[storage-policy:0]
name = Policy-0
default = yes
[storage-policy:1]
name = {second_policy}
"""

_DEFAULT = """\
[DEFAULT]
swift_dir = swift
devices = node
recon_cache_path = cache
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
db_preallocation = off
log_name = {name}
log_level = {log_level}
"""

# The default timeouts (0.5 s to connect, 3 s a node, 1 s a container update) turn a busy
# machine into listings that lag.
_STORAGE = (
    _DEFAULT
    + """\
[pipeline:main]
pipeline = healthcheck {name}-server
[filter:healthcheck]
use = egg:swift#healthcheck
[app:{name}-server]
use = egg:swift#{name}
conn_timeout = 10
node_timeout = 60
container_update_timeout = 30
replication_concurrency = 0
[{name}-updater]
"""
)

# One device must never be error-limited away.
_PROXY_APP = """\
[app:proxy-server]
use = egg:swift#proxy
# /info is one registry a process, and the two proxies share a process
disallowed_sections = {hidden}
account_autocreate = true
conn_timeout = 10
node_timeout = 60
recoverable_node_timeout = 60
error_suppression_limit = 1000000000
error_suppression_interval = 1
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
paste.filter_factory = s3gw.standalone.swift_cache:filter_factory
"""

_EXPIRER = (
    _DEFAULT
    + """\
[object-expirer]
concurrency = 4
[pipeline:main]
pipeline = catch_errors cache proxy-server
"""
    + _PROXY_APP
)

_PROXY = (
    _DEFAULT
    + """\
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk tempurl \
{auth} staticweb copy container-quotas account-quotas slo dlo versioned_writes symlink \
proxy-logging proxy-server
"""
    + _PROXY_APP
    + """\
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
[filter:formpost]
use = egg:swift#formpost
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {auth_url}
auth_url = {auth_url}
auth_type = password
username = swift
password = {password}
user_domain_id = default
project_domain_id = default
project_name = service
delay_auth_decision = true
include_service_catalog = false
service_token_roles_required = true
service_token_roles = service
cache = swift.cache
[filter:keystoneauth]
use = egg:swift#keystoneauth
reseller_prefix = AUTH
operator_roles = admin, member
project_reader_roles = reader
reseller_admin_role = ResellerAdmin
[filter:staticweb]
use = egg:swift#staticweb
[filter:copy]
use = egg:swift#copy
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:account-quotas]
use = egg:swift#account_quotas
[filter:slo]
use = egg:swift#slo
# else, after the tenth, segments under 1 MiB are read at one a second
rate_limit_under_size = 0
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
[filter:s3api]
use = egg:swift#s3api
location = {region}
# tests and benchmarks complete uploads of many small parts
min_segment_size = 1
[filter:s3token]
use = egg:swift#s3token
reseller_prefix = AUTH_
delay_auth_decision = true
auth_uri = {auth_url}
http_timeout = 30
secret_cache_duration = 60
auth_url = {auth_url}
auth_type = password
username = swift
password = {password}
user_domain_id = default
system_scope = all
"""
)

_HIDDEN = "swift.valid_api_versions"  # what Swift hides by default
# authtoken comes before s3api: after s3token it would wipe the identity again.
_PROXIES = {
    "proxy": ("formpost authtoken keystoneauth", f"{_HIDDEN}, s3api"),
    "s3api": ("authtoken s3api s3token keystoneauth", _HIDDEN),
}


def write(layout: Layout, state: State, *, auth_url: str) -> None:
    """Write swift.conf and one file a server; their paths are relative to the directory."""
    salts = {"hash_prefix": state.hash_prefix, "hash_suffix": state.hash_suffix}
    texts = {"swift": _SWIFT.format(**salts, second_policy=SECOND_POLICY)}
    for name in STORAGE:
        texts[name] = _STORAGE.format(name=name, log_level="WARNING")
    texts["expirer"] = _EXPIRER.format(name="expirer", log_level="WARNING", hidden=_HIDDEN)
    for name, (auth, hidden) in _PROXIES.items():
        texts[name] = _PROXY.format(
            name=name,
            log_level="INFO",  # the access log
            auth=auth,
            hidden=hidden,
            auth_url=auth_url,
            password=state.passwords["swift"],
            region=REGION,
        )
    for name, text in texts.items():
        write_private(layout.swift / f"{name}.conf", text)
