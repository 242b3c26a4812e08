"""The commands: where doors and hall are joined.

Each command is a module of this package, imported when it is called, so that ``wiredesk --help`` is quick. User
mistakes end as one line on standard error and exit code 2, work that could not be done as one with exit code 1.
"""

from __future__ import annotations

import codecs
import importlib
import io
import sys
from collections.abc import Sequence

import click

import pipeline

COMMANDS = {
    "demo": "The whole walk on sample outlets served on this machine, then a summary.",
    "up": "Poll, stream and serve on this machine until stopped.",
    "poll": "Fetch what is new from the sources into the queue.",
    "stream": "Turn the queue's items into the warehouse's rows.",
    "backfill": "Turn archives into the warehouse's rows.",
    "measure": "The numbers in texts: JSONL in, JSONL out.",
    "explain": "What happened to an item, and why.",
    "doctor": "Is everything here as wiredesk needs it? Advice for what is not.",
    "serve": "The desk: stories, articles, numbers, sources and rejects as web pages.",
    "audit": "Is every item accounted for? Exit 1 if not.",
    "rejects": "Look at what could not be used, and try it again.",
    "forget": "Remove an article or a source everywhere, and keep it out.",
    "sources": "List, check, discover, import and export sources; learn from what they brought.",
    "queue": "How full the queue is, who is how far; read again.",
    "warehouse": "Make, bring up to date, verify and copy warehouses.",
    "snapshot": "Publish a copy of the warehouse that readers may keep open.",
    "jobs": "What runs on a Flink cluster; stop it, or put new code in its place.",
    "worker-pool": "Start Python workers for the Flink TaskManager beside it.",
}


class _Commands(click.Group):
    """Finds a command in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        return getattr(importlib.import_module(f"pipeline.cli.{name}"), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(pipeline.__version__, prog_name="wiredesk")
@click.option("--config", "-c", metavar="FILE", help="Settings file (default: wiredesk.toml here, if there is one).")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
@click.option("--log-format", metavar="FORMAT", help="text or json.")
@click.option("--stop-with-parent", is_flag=True, hidden=True, help="Stop when standard input ends (for `up`).")
@click.pass_context
def cli(
    ctx: click.Context, config: str | None, log_level: str | None, log_format: str | None, stop_with_parent: bool
) -> None:
    """News in, stories and numbers out.

    \b
    Example:
      wiredesk poll --sources sources.toml --queue sqlite:///var/queue.db --once
      wiredesk stream --queue sqlite:///var/queue.db --warehouse duckdb:///var/wiredesk.duckdb --once
    """
    from pipeline.cli import stopping
    from pipeline.cli.settings import load_settings, set_up_logs

    flags = {"log_level": log_level, "log_format": log_format}
    ctx.obj = load_settings(config, {k: v for k, v in flags.items() if v is not None})
    if stop_with_parent:
        stopping.stop_with_parent()
    set_up_logs(ctx.obj)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code. Only a mistake in wiredesk shows a traceback."""
    _write_any_language()
    try:
        code = cli.main(args=argv, prog_name="wiredesk", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.UsageError as e:
        command = e.ctx.command_path if e.ctx else "wiredesk"
        return _complain(f"{command}: {e.format_message()} (see: {command} --help)", 2)
    except click.ClickException as e:
        return _complain(f"wiredesk: {e.format_message()}", e.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _complain("wiredesk: stopped", 130)
    except BrokenPipeError:  # the reader of our output went away: `wiredesk ... | head`
        sys.stderr.close()
        return 0
    except Exception as e:
        from pipeline.cli.errors import in_words

        told = in_words(e)
        if told is None:
            raise
        return _complain(f"wiredesk: {told.format_message()}", told.exit_code)


def _write_any_language() -> None:
    """Let no headline fail for the locale: ASCII means that none is set, then UTF-8 is likelier (as click has it)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            ascii_only = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding="utf-8" if ascii_only else None, errors="backslashreplace")


def _complain(message: str, code: int) -> int:
    from pipeline.cli.screen import harmless

    print(harmless(" ".join(message.split())), file=sys.stderr)
    return code
