"""The `s3gw` command."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import anyio
import click

from s3gw import __version__
from s3gw.config import ConfigError, Settings
from s3gw.identity.model import IdentityRefused, IdentityUnavailable
from s3gw.s3.errors import S3Error
from s3gw.settings_file import load
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

if TYPE_CHECKING:
    from s3gw.jobs.segments import Report, Tally

_USAGE = 2
"""Exit code for a setting that is wrong."""

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file (TOML); config/s3gw.toml is a commented sample.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="s3gw")
def main() -> None:
    """The S3 front door of OpenStack Swift."""


@main.command()
@_CONFIG
@click.option("--host", help="Address to listen on, instead of the setting server.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of server.port.")
@click.option("--workers", type=click.IntRange(1), help="Instead of server.workers.")
def serve(config: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Run the gateway in front of Keystone and Swift.

    Every setting can also come from the environment: S3GW_SECTION__FIELD.  A setting that is
    wrong ends it with exit code 2 and one line that names the setting.
    """
    settings = _load(config)
    from s3gw import server  # noqa: PLC0415 - `s3gw --help` need not load the gateway

    given = {"host": host, "port": port, "workers": workers}
    overrides = {name: value for name, value in given.items() if value is not None}
    if overrides:
        changed = settings.server.model_copy(update=overrides)
        settings = settings.model_copy(update={"server": changed})
    try:
        anyio.run(_rehearse, settings)
        # uvicorn raises Ctrl-C anew when it has stopped as it should.
        with suppress(KeyboardInterrupt):
            server.serve(settings)
    except ConfigError as error:
        _fail(error)


@main.command()
@_CONFIG
def check(config: Path | None) -> None:
    """Test whether all that production needs is there.

    Keystone, the service user's rights, the clock, Swift and its middlewares.  It changes
    nothing.  Exit code 0: nothing fails; 1: what is marked FAIL does; 2: a setting is wrong.
    """
    from s3gw.app import clock  # noqa: PLC0415 - as in serve
    from s3gw.identity.check import check as look  # noqa: PLC0415

    findings = anyio.run(look, _load(config), clock)
    marks = {True: ("ok  ", "green"), False: ("FAIL", "red"), None: ("warn", "yellow")}
    for finding in findings:
        mark, colour = marks[finding.ok]
        seen = ": ".join(filter(None, (finding.title, finding.detail)))
        click.echo(f"{click.style(mark, fg=colour)}  {seen}")
        if finding.advice:
            click.echo(f"      → {finding.advice}")
    if any(finding.ok is False for finding in findings):
        sys.exit(1)


@main.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    help="Directory that keeps everything between runs; made when it is absent.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the gateway.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8333,
    show_default=True,
    help="TCP port of the gateway; 0 picks a free one.",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a JSON file (mode 0600) with all addresses and keys when everything answers.",
)
@click.option("--with-s3api", is_flag=True, help="Also start a Swift proxy with Swift's s3api.")
@click.option(
    "--fsync/--no-fsync",
    default=True,
    show_default=True,
    help="Whether Swift syncs to disk; --no-fsync is for tests.",
)
def standalone(
    *,
    data: Path,
    host: str,
    port: int,
    ready_file: Path | None,
    with_s3api: bool,
    fsync: bool,
) -> None:
    """Run Keystone, Swift and the gateway on this machine.

    Prints the endpoint, an access key and lines to paste for S3 clients; Ctrl-C stops it.
    """
    from s3gw.standalone import StandaloneOptions, launch  # noqa: PLC0415 - as in serve

    options = StandaloneOptions(
        data=data,
        host=host,
        port=port,
        ready_file=ready_file,
        with_s3api=with_s3api,
        fsync=fsync,
    )
    sys.exit(launch(options))


@main.group()
def jobs() -> None:
    """Work beside the gateway."""


@jobs.command("register-buckets")
@_CONFIG
@click.option("--dry-run", is_flag=True, help="Change nothing, only tell.")
def register_buckets(config: Path | None, *, dry_run: bool) -> None:
    """Enter the buckets that the cluster already has into the registry of names.

    For the day on which buckets.global_names is turned on.  The user of [access.service] needs
    Swift's reseller-admin role.  Exit code 1: names clash, which people have to settle.
    """
    from s3gw.app import clock  # noqa: PLC0415 - as in serve
    from s3gw.jobs.register_buckets import register_buckets as register  # noqa: PLC0415

    with _Bars() as bars, _told():
        progress = partial(bars.show, "accounts")
        given = partial(register, _load(config), clock, dry_run=dry_run, progress=progress)
        report = anyio.run(given)
    for bucket, accounts in sorted(report.clashes.items()):
        click.echo(f"clash        {bucket}: {', '.join(accounts)}")
    for bucket in report.left_behind:
        click.echo(f"left behind  {bucket}")
    would = "would be entered" if dry_run else "entered"
    click.echo(
        f"{report.accounts} accounts: {len(report.entered)} buckets {would}, {report.known} were "
        f"there, {len(report.clashes)} clash, {len(report.left_behind)} entries without a bucket"
    )
    if report.clashes:
        sys.exit(1)


_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def _age(text: str) -> timedelta:
    """A time span such as `7d`, `12h`, `30m` or `45s`."""
    match = re.fullmatch("([0-9]{1,6})([dhms])", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a number with d, h, m or s behind it.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@jobs.command("collect-segments")
@_CONFIG
@click.option("--dry-run", is_flag=True, help="Delete nothing, only tell.")
@click.option(
    "--older-than",
    type=_age,
    metavar="AGE",
    default="7d",
    show_default=True,
    help="Leave uploads that have anything younger (d, h, m or s).",
)
@click.option("--bucket", help="Free parts of this bucket only.")
@click.option("--access-key", help="Work in this key's own account only, with its own login.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
def collect_segments(
    *,
    config: Path | None,
    dry_run: bool,
    older_than: timedelta,
    bucket: str | None,
    access_key: str | None,
    yes: bool,
) -> None:
    """Delete parts of multipart uploads that no object and no open upload needs.

    Prints what was found, asks, and looks once more after a minute before it deletes anything.
    Without --access-key it works in the accounts of all projects, where the user of
    [access.service] needs Swift's reseller-admin role, or of all keys in identity.static_file.
    Exit code 1: something could not be looked at, or deleted, and stays.
    """
    from s3gw.app import clock  # noqa: PLC0415 - as in serve
    from s3gw.jobs.collect_segments import collect_segments as collect  # noqa: PLC0415
    from s3gw.jobs.segments import Options  # noqa: PLC0415

    options = Options(older_than, bucket, access_key, dry_run)

    with _Bars() as bars, _told():

        def agrees(report: "Report") -> bool:
            bars.close()
            _tell_found(report)
            return yes or click.confirm("Delete them?")

        given = partial(collect, _load(config), clock, options, bars.show, agrees)
        report = anyio.run(given)
    if dry_run or not report.found:
        _tell_found(report)
    click.echo(
        f"{report.accounts} accounts: {_quantity(report.deleted)} deleted; {report.open} uploads "
        f"are open, {report.young} too young, {len(report.versioned)} buckets keep versions"
    )
    for place, reason in sorted(report.failed.items()):
        click.echo(f"failed     {place}: {reason}")
    if report.failed:
        sys.exit(1)


def _tell_found(report: "Report") -> None:
    for place, tally in sorted(report.found.items()):
        click.echo(f"not needed {place}: {_quantity(tally)}")
    for place in sorted(report.versioned):
        click.echo(f"versioned  {place}: nothing is freed")


def _quantity(tally: "Tally") -> str:
    return f"{tally.objects} objects of {tally.uploads} uploads, {tally.size} bytes"


class _Bars:
    """Progress bars on standard error, one after the other."""

    def __init__(self) -> None:
        self._label = ""
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def show(self, label: str, done: int, total: int) -> None:
        """Show how much of how much is done, of what the label says."""
        if label != self._label or self._bar is None:
            self.close()
            self._label = label
            self._bar = click.progressbar(length=total, label=label, file=sys.stderr)
            self._bar.__enter__()
        self._bar.length = total
        self._bar.update(done - self._bar.pos)

    def close(self) -> None:
        """End the bar, before something else is printed."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


@contextmanager
def _told() -> Iterator[None]:
    """What stops a job is one line."""
    try:
        yield
    except ConfigError as error:
        _fail(error)
    except (IdentityRefused, IdentityUnavailable, SwiftStatus, SwiftUnreachable, S3Error) as error:
        click.echo(f"s3gw: {error}", err=True)
        sys.exit(1)


@main.command()
def operations() -> None:
    """Print the table of operations (Markdown)."""
    from s3gw import reference  # noqa: PLC0415 - as in serve

    click.echo(reference.operations_table(), nl=False)


@main.command()
@click.option("--tables", is_flag=True, help="Print Markdown tables instead of TOML.")
def settings(*, tables: bool) -> None:
    """Print the commented settings file, all defaults."""
    from s3gw import reference  # noqa: PLC0415 - as in serve

    text = reference.settings_tables() if tables else reference.settings_sample()
    click.echo(text, nl=False)


async def _rehearse(settings: Settings) -> None:
    """Make, and close, what each worker will make: a wrong setting shows here, as one line."""
    from s3gw.app import create_app, open_transport  # noqa: PLC0415 - as in serve

    try:
        swift = open_transport(settings)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"swift.ca_file: {settings.swift.ca_file}: {error}") from error
    try:
        app = create_app(settings, lambda _: swift)
        async with app.router.lifespan_context(app):
            pass
    finally:
        await swift.aclose()


def _load(config: Path | None) -> Settings:
    try:
        return load(config)
    except ConfigError as error:
        _fail(error)


def _fail(error: ConfigError) -> NoReturn:
    click.echo(f"s3gw: {error}", err=True)
    sys.exit(_USAGE)
