"""The command line: `flowdiag diagnose | flows | explain | capture | demo | iam-policy`.

Exit codes: 0 reachable, 1 blocked or broken, 2 usage (and anything a person can mend), 3 inconclusive, 4 partial.
Of `flows`: 0 records were found, or silence is worth something; 3 nothing is known.
"""

from __future__ import annotations

import io
import json
import os
import pkgutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from flowdiag.error import FlowdiagError

_PLACES = """A folder or file of flow log records, or cloudwatch:LOG-GROUP, s3://BUCKET/PREFIX, athena:DATABASE.TABLE (or
athena: alone) or flow-log:ID in AWS; none reads none. Without it, those that watch the path (live)."""
_SPOOL = 1 << 20
"""Characters of an answer that are held in memory before a file takes them."""
EXIT_CODES = {"reachable": 0, "blocked": 1, "broken": 1, "inconclusive": 3, "partial": 4}


class Told(click.ClickException):
    """A FlowdiagError on its way to the terminal: its sentence, exit code 2, no traceback."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the sentence to standard error."""
        click.echo(f"flowdiag: {self.message}", err=True)


class Fault(Told):
    """A fault of flowdiag's own: its exit code is no verdict's (EX_SOFTWARE of sysexits.h)."""

    exit_code = 70


class Commands(click.Group):
    """A group whose commands turn what a person can mend into one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; FlowdiagError becomes Told."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except FlowdiagError as error:
            raise Told(_one_line(str(error))) from None
        except OSError as error:
            raise Told(f"the answer could not be written or a file not be read ({error.strerror or error})") from None
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise Fault(_one_line(f"this is a fault of flowdiag ({said}): report it with the question and a capture")) from error


def _one_line(text: str) -> str:
    """Names and tags may hold anything; what a terminal would take as a command or a new line is left out."""
    from flowdiag.picture import clean

    return clean(text)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flowdiag")
def main() -> None:
    """Why can't SOURCE reach DESTINATION on PORT?

    Reads AWS (or a folder of saved describe JSON) and VPC flow logs, and explains what stands in the way.
    Nothing in AWS is ever changed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal or pipe that knows no ✓ shows \u2713 instead of a traceback
            stream.reconfigure(errors="backslashreplace")


def _surfaces() -> list[str]:
    """Every surface, found by its file name as `render.surfaces` does, without what importing that package costs."""
    folder = str(Path(__file__).parent / "render")
    return sorted(module.name for module in pkgutil.iter_modules([folder]) if not module.name.startswith("_"))


def _shown(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how an answer is shown."""
    surface = click.option(
        "--format", "surface", type=click.Choice(_surfaces()), default="text", show_default=True, help="How to show the answer."
    )
    return surface(click.option("--no-colour", is_flag=True, help="Plain text even on a terminal.")(command))


def _with(command: Callable[..., Any], *options: Callable[..., Any]) -> Callable[..., Any]:
    """The command with options that help shows in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def _ends(command: Callable[..., Any]) -> Callable[..., Any]:
    """The two ends and the port."""
    return _with(
        command,
        click.argument("source"),
        click.argument("destination"),
        click.argument("port", required=False),
    )


def _evidence(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what an answer is taken from, shared by the commands that ask a question."""
    return _with(
        command,
        click.option("--source-port", metavar="PORT", help="The client's port; without it, the range its system picks from."),
        click.option("--profile", help="AWS profile to read with: live, or flow logs in AWS."),
        click.option(
            "--region", help="AWS Region to start in: live, or of flow logs in AWS; else the profile's or the snapshot's one."
        ),
        click.option(
            "--accounts", metavar="FILE", help="TOML file of other accounts and Regions to read: live, or flow logs there."
        ),
        click.option("--snapshot", metavar="DIR", help="Answer from this folder of saved JSON instead of live AWS."),
        click.option("--flow-logs", metavar="PLACE", help=_PLACES),
        click.option("--log-format", metavar="FORMAT", help="LogFormat of flow log files without a line of field names."),
        click.option("--yes", is_flag=True, help="Agree to read more than 10 GB of flow logs."),
        click.option("--at", metavar="TIME", help="The time it failed, UTC: 2026-11-23T12:04Z."),
        click.option("--window", metavar="SPAN", help="How far to look back from --at (or now): 30m, 2h. Default 1h with --at."),
        click.option("--rules", metavar="DIR", help="A folder of your own decision tables."),
    )


@main.command(short_help="Explain why SOURCE can or cannot reach DESTINATION on PORT.")
@_ends
@click.option("--protocol", default="tcp", show_default=True, help="tcp, udp, icmp, icmpv6 or an IANA number.")
@_evidence
@_shown
def diagnose(surface: str, no_colour: bool, profile: str | None, **asked: Any) -> None:
    """Explain why SOURCE can or cannot reach DESTINATION on PORT.

    \b
    SOURCE and DESTINATION are an instance or interface id, a private or public
    address, a Name tag, the name, ARN or endpoint of a service (a Lambda function,
    a database, a load balancer …), a DNS name, or the word internet; where one fits
    several, write vpc-0a1/10.0.2.20, eni-0a1/10.0.2.20, or rds:orders-db.

    \b
    Examples:
      flowdiag diagnose web-1 db-1 5432
      flowdiag diagnose eni-0a1 10.0.2.20 5432 --snapshot ticket-1432
      flowdiag diagnose 10.0.1.10 internet 443 --at 2026-11-23T12:04Z --flow-logs logs/
      flowdiag diagnose web-1 db-1 --protocol icmp --format markdown

    \b
    Exit codes: 0 reachable, 1 blocked or broken, 2 usage, 3 inconclusive, 4 partial.
    """
    from flowdiag.diagnosis import diagnose as answer

    _show(answer(**asked, session=_session_for(profile, asked)), surface, no_colour)


@main.command(short_help="List the flow log records of SOURCE and DESTINATION.")
@_ends
@click.option("--protocol", help="tcp, udp, icmp, icmpv6 or an IANA number. Without it, every protocol.")
@_evidence
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Conversations to show, the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document with every record.")
@click.option("--parquet", metavar="FILE", help="Write every record to this new Parquet file too.")
def flows(limit: int, as_json: bool, parquet: str | None, profile: str | None, **asked: Any) -> None:
    """List and sum up the flow log records of SOURCE and DESTINATION, both ways, wherever they pass.

    \b
    The ends are named as for diagnose. PORT is DESTINATION's: a service of SOURCE is
    found with the ends swapped. Without PORT every port counts. A row is a
    conversation: all records of one interface with the same addresses and ports,
    protocol, action and reject-reason. Times are UTC, ±60 s. request is what goes
    from SOURCE towards DESTINATION, reply the way back.

    \b
    Examples:
      flowdiag flows web-1 db-1 --flow-logs logs/ --snapshot ticket-1432
      flowdiag flows web-1 db-1 5432 --at 2026-11-23T12:04Z --window 30m
      flowdiag flows web-1 internet 443 --json
      flowdiag flows web-1 db-1 --parquet web-db.parquet

    \b
    Exit codes: 0 records were found, or their absence is worth something,
    2 usage, 3 nothing is known: nobody listened, or it could not be read.
    """
    from flowdiag import listing
    from flowdiag.flows import flow_records

    found = flow_records(**asked, session=_session_for(profile, asked))
    if parquet is not None and not as_json:
        found.write_parquet(parquet)
    if as_json:
        with tempfile.SpooledTemporaryFile(_SPOOL, "w+", encoding="utf-8") as document:
            listing.write_json(found, document.write, parquet)  # whole, or not at all
            document.seek(0)
            for piece in iter(lambda: document.read(_SPOOL), ""):
                click.echo(piece, nl=False)
    else:
        click.echo(listing.text(found, limit))
    if parquet is not None:
        click.echo(f"every record is in {parquet}", err=True)
    sys.exit(0 if found.answered else EXIT_CODES["inconclusive"])


@main.command(short_help="Print the manual page of a rule code, or list all codes.")
@click.argument("code", required=False)
@click.option("--rules", metavar="DIR", help="A folder of your own decision tables.")
def explain(code: str | None, rules: str | None) -> None:
    """Print the manual page of a rule CODE such as SG102; without CODE, list all codes."""
    from flowdiag.table import Rules, manual

    tables = Rules.load(rules)
    click.echo(manual(tables, code.strip().upper()) if code else "\n".join(f"{c}  {h}" for c, h in tables.headlines()))


@main.command(short_help="Save what a question, or a whole VPC, needs into a folder.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("source", required=False)
@click.argument("destination", required=False)
@click.argument("port", required=False)
@click.option("--vpc", metavar="VPC-ID", multiple=True, help="Save everything of this VPC; may be given several times.")
@click.option("--protocol", default="tcp", show_default=True, help="tcp, udp, icmp, icmpv6 or an IANA number.")
@click.option("--profile", help="AWS profile to read with.")
@click.option("--region", help="AWS Region to start in.")
@click.option("--accounts", metavar="FILE", help="TOML file of other accounts and Regions to read.")
def capture(
    folder: Path,
    source: str | None,
    destination: str | None,
    port: str | None,
    vpc: tuple[str, ...],
    protocol: str,
    profile: str | None,
    region: str | None,
    accounts: str | None,
) -> None:
    """Read from AWS what a question (SOURCE DESTINATION PORT) or a whole VPC needs, and save it in FOLDER.

    \b
    The folder answers the same question offline, and is what a bug report needs:
      flowdiag capture ticket-1432 web-1 db-1 5432
      flowdiag capture prod-vpc --vpc vpc-0a1
      flowdiag diagnose web-1 db-1 5432 --snapshot ticket-1432
    """
    from flowdiag.access import Access
    from flowdiag.gather import gather, gather_vpcs
    from flowdiag.question import ask
    from flowdiag.reading import witnesses
    from flowdiag.table import Rules

    if bool(source and destination) == bool(vpc) or (vpc and source):
        raise FlowdiagError("capture needs either SOURCE and DESTINATION (and PORT) or --vpc: give one of the two")
    access = Access(_session(profile), region=region, accounts=accounts)
    with click.progressbar(length=1, label="reading AWS", file=sys.stderr, show_eta=False) as bar:
        if source and destination:
            collector = gather(ask(source, destination, port, protocol), Rules.load(), access, _advance(bar), besides=witnesses)
        else:
            collector = gather_vpcs(vpc, access, _advance(bar))
    collector.snapshot.save(folder)
    _tell_capture(collector, folder)


def _advance(bar: Any) -> Callable[[int, int], None]:
    def advance(done: int, wanted: int) -> None:
        bar.length = max(done + wanted, 1)
        bar.update(done - bar.pos)

    return advance


def _tell_capture(collector: Any, folder: Path) -> None:
    counts = [_counted(number, kind.replace("_", " ")) for kind, number in collector.snapshot.counts().items() if number]
    cost = f"{_counted(len(collector.calls), 'call')}, {_counted(collector.rounds, 'round')}"
    click.echo(f"saved {', '.join(counts) or 'nothing'} in {folder} ({cost})")
    for unread in collector.snapshot.refused:
        click.echo(
            f"not read: {unread.query.kind.replace('_', ' ')} {unread.query.value}: {unread.reason} {unread.action}", err=True
        )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


@main.command(short_help="Run the bundled example; no AWS account is needed.")
@_shown
def demo(surface: str, no_colour: bool) -> None:
    """Explain the bundled example: a Lambda function that cannot reach its database on 3306."""
    from flowdiag.demo import QUESTION, folder
    from flowdiag.diagnosis import diagnose as answer

    told = answer(*QUESTION, snapshot=folder(), flow_logs=folder() / "flow-logs")
    _show(told, surface, no_colour, code=False)
    if surface == "text":
        click.echo(f"\nfiles read, of {folder()}")
        for name in told.files:
            click.echo(f"  {name}" if (folder() / name).exists() else f"  flow-logs/{name}")


@main.command(name="iam-policy", short_help="Print the minimal read-only IAM policy.")
def iam_policy() -> None:
    """Print the IAM policy that allows every call flowdiag can make, and no other."""
    from flowdiag.policy import iam_policy as policy

    click.echo(json.dumps(policy(), indent=2))


def _session_for(profile: str | None, asked: Mapping[str, Any]) -> Any:
    """The session of a question, None where AWS is not read; then options that are for reading it are refused."""
    from flowdiag.logs import in_aws

    reads_aws = asked["snapshot"] is None or in_aws(asked["flow_logs"] or "")
    if not reads_aws and (profile or asked["region"] or asked["accounts"]):
        way = "leave them out with --snapshot, or name a place in AWS with --flow-logs"
        raise FlowdiagError(f"--profile, --region and --accounts are for reading AWS: {way}")
    return _session(profile) if reads_aws else None


def _session(profile: str | None) -> Any:
    """The session of a profile that was named; without one, what AWS is read with is left to what it takes."""
    from flowdiag.access import session_for

    return session_for(profile) if profile else None


def _show(told: Any, surface: str, no_colour: bool, code: bool = True) -> None:
    if surface == "text":
        colour = not no_colour and not os.environ.get("NO_COLOR") and sys.stdout.isatty()
        click.echo(told.to("text", colour=colour), color=colour)
    else:
        shown = told.to(surface)
        click.echo(shown if isinstance(shown, str) else json.dumps(shown, indent=2, ensure_ascii=False))
    if code:
        sys.exit(EXIT_CODES[told.verdict])
