"""The command `meal-ledger`. Each command loads what it needs when it is called, so that `--help` is quick."""

import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from ledger.values import FoodState
from ops.errors import OperatorError
from ops.settings import ServeSettings, Settings, StoreSettings, installed_version, load_settings

if TYPE_CHECKING:
    from ops.foods import FoodReport

_NOT_FOUND = 4
"""The exit code of a command that did its work and found nothing."""

app = typer.Typer(
    name="meal-ledger",
    help="The meal ledger: run the service, look after it, and get at its events.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(installed_version())
        raise typer.Exit


@app.callback(invoke_without_command=True)
def settings_come_from_the_environment(
    context: typer.Context,
    *,
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The meal ledger: run the service, look after it, and get at its events.

    Settings are environment variables. In the local environment the file local.env in the folder DATA
    (var, unless that variable is set) completes them.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; else API_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on; else PORT.")] = None,
) -> None:
    """Run the API in the foreground; SIGTERM or Ctrl-C lets requests under way finish, then ends it."""
    settings = load_settings(ServeSettings)
    from ops.logging import configure_logging

    configure_logging(settings.log_level)
    from ops import serving

    serving.serve(settings, host or settings.api_host, port or settings.port)


@app.command()
def project() -> None:
    """Run the projectors in the foreground: they keep the read models up to date until SIGTERM or Ctrl-C."""
    settings = load_settings(StoreSettings)
    from ops.logging import configure_logging

    configure_logging(settings.log_level)
    from ops import serving

    serving.project(settings)


@app.command()
def init() -> None:
    """Create the indexes that the service needs. Doing it again changes nothing."""
    settings = load_settings(StoreSettings)
    from ops.database import initialise
    from ops.logging import configure_logging

    configure_logging(settings.log_level)
    for line in initialise(settings):
        typer.echo(line)


@app.command()
def token(
    user: Annotated[str, typer.Option(help="The user that the token is for (its claim sub).")],
    role: Annotated[
        list[str] | None, typer.Option(help="A role, such as analyst or operator; may be repeated.")
    ] = None,
) -> None:
    """Print a token for the local environment, good for twelve hours."""
    from ops.tokens import issue_token

    typer.echo(issue_token(load_settings(Settings), user, role or ()))


@app.command()
def smoke(
    context: typer.Context,
    url: Annotated[str, typer.Option(help="Where the service answers, such as http://127.0.0.1:8000")],
    token: Annotated[
        str,
        typer.Option(
            envvar="MEAL_LEDGER_TOKEN", help="A token of the deployment, for a user of the tests' own."
        ),
    ],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check a deployment: health, introspection, a photo analysed, confirmed, and in the daily summary."""
    from ops.smoke import report_as_json, report_as_lines

    source = context.get_parameter_source("token")
    if token and source is not None and source.name == "COMMANDLINE":
        typer.echo(
            "meal-ledger: every user of this machine can read a token that is given as an option; "
            "set MEAL_LEDGER_TOKEN instead",
            err=True,
        )
    report = report_as_json if json else report_as_lines
    if not report(url, token):
        raise typer.Exit(1)


foods = typer.Typer(help="See which foods of the table a name finds, and why.", no_args_is_help=True)
app.add_typer(foods, name="foods")

_Name = Annotated[
    str, typer.Argument(help="A name as a person or a model says it, such as 'grilled salmon'.")
]
_State = Annotated[FoodState | None, typer.Option(case_sensitive=False, help="How the food was seen.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@foods.command()
def search(
    name: _Name, *, state: _State = None, limit: Annotated[int, typer.Option(min=1)] = 10, json: _Json = False
) -> None:
    """List the records of the food table that a name may mean, best first. Exit code 4 when there are none."""
    from ops.foods import search_report

    _report(search_report(name, state, limit), as_json=json)


@foods.command()
def explain(name: _Name, *, state: _State = None, json: _Json = False) -> None:
    """Show how a name is understood, which record of the food table wins, and why. Exit code 4 when none does."""
    from ops.foods import explanation

    _report(explanation(name, state), as_json=json)


def _report(report: "FoodReport", *, as_json: bool) -> None:
    typer.echo(report.json() if as_json else "\n".join(report.lines()))
    if not report.found:
        raise typer.Exit(_NOT_FOUND)


def main() -> None:
    """Run a command and exit. An error that the operator can put right is one line on stderr."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        return app(standalone_mode=False) or 0
    except OperatorError as error:
        typer.echo(f"meal-ledger: {error}", err=True)
        return 1
    except TyperException as error:
        message = " ".join(error.format_message().split())
        typer.echo(f"meal-ledger: {message} (--help after a command explains it)", err=True)
        return error.exit_code
    except typer.Abort:
        return 128 + signal.SIGINT
    except Exception:  # noqa: BLE001 - a defect: into the log, where secrets in a driver's message are masked
        import structlog

        from ops.logging import configure_logging

        if not structlog.is_configured():
            configure_logging("INFO")
        structlog.get_logger("ops.cli").critical("command_failed", exc_info=True)
        return 1


if __name__ == "__main__":
    main()
