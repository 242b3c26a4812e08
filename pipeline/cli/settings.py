"""All settings, made once: defaults < file < environment < flags.

The file is TOML (``wiredesk.toml``), the environment has the same names behind ``WIREDESK_`` with ``__`` between the
levels (``WIREDESK_STREAM__BATCH_ITEMS=100``). Nothing else in wiredesk reads the environment.
"""

from __future__ import annotations

import logging
import pathlib
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import pydantic
import structlog
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from connectors.http import HttpSettings
from connectors.queue import Credentials
from pipeline.cli.errors import UserError
from pipeline.cli.screen import harmless

DEFAULT_FILE = "wiredesk.toml"

LIBRARIES = {
    "apache_beam": logging.CRITICAL,  # logs each exception of a step, which the batch gets and tells of as well
    "htmldate.meta": logging.CRITICAL,  # calls it an error that a cache has nothing to clear
    "trafilatura": logging.ERROR,
    "kafka": logging.CRITICAL,  # a broker that is away for a moment; what lasts, the queue raises
    "root": logging.ERROR,
}
"""From which level on the libraries are heard, unless everything is (debug)."""


class StreamSettings(pydantic.BaseModel, frozen=True, extra="forbid"):
    """How the queue is read."""

    batch_items: int = pydantic.Field(200, gt=0)
    batch_bytes: int = pydantic.Field(32 * 2**20, gt=0)
    wait_seconds: float = pydantic.Field(1.0, gt=0)
    """How long an idle stream waits for items before it looks at its other duties."""
    group: str = "stream"
    snapshot_seconds: float = pydantic.Field(0.0, ge=0)
    """Publish a copy of the warehouse for readers this often (0: never)."""


class FlinkSettings(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The cluster that ``--runner FlinkRunner`` and ``wiredesk jobs`` use."""

    master: str = "http://127.0.0.1:8081"
    """Flink's dashboard and REST API."""
    workers: str = "127.0.0.1:50000"
    """Where each TaskManager finds its ``wiredesk worker-pool``."""
    job_server: pathlib.Path | None = None
    """The jar that pipelines are put into."""
    checkpoint_seconds: float = pydantic.Field(10.0, gt=0)


class KafkaSettings(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Who wiredesk is to the brokers (everything else is in the queue's URL)."""

    username: str | None = None
    password: pydantic.SecretStr | None = None

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.username, self.password.get_secret_value() if self.password else None)


class KeepSettings(pydantic.BaseModel, frozen=True, extra="forbid"):
    """How many days what is kept; 0: for ever. Applied by ``wiredesk warehouse maintain``."""

    article_days: int = pydantic.Field(0, ge=0)
    """Articles of stories that have been over for so long."""
    version_text_days: int = pydantic.Field(0, ge=0)
    """Texts of wordings that are no longer shown."""
    reject_payload_days: int = pydantic.Field(0, ge=0)
    """What came and could not be used; without it a reject can't be tried again."""


class WebhookSettings(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Who is told of what."""

    url: str = pydantic.Field(pattern=r"^https?://\S+$")
    secret: pydantic.SecretStr
    """With which messages are signed; or ``whsec_`` and base64."""
    events: tuple[Literal["story", "conflict", "alarm"], ...] = ("story", "conflict", "alarm")
    independent: int = pydantic.Field(2, ge=1)
    """A story is told of when it has so many independent texts."""


class DeskSettings(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The web page."""

    host: str = "127.0.0.1"
    port: int = pydantic.Field(8080, ge=0, le=65535)
    hosts: tuple[str, ...] = ()
    """Names that the desk goes by, beside its address and those of this machine."""
    token: pydantic.SecretStr | None = None
    """What a reader must have to see anything."""
    folder: str = "var/desk"
    """Where the desk keeps its copy of the warehouse and its index of words."""
    refresh_seconds: float = pydantic.Field(5.0, gt=0)
    """How often it looks for what is new."""
    memory_limit: str = pydantic.Field("2GB", pattern=r"^\d+(\.\d+)?\s*([kMGT]B|[KMGT]iB)$")
    """What DuckDB may use for the copy."""
    public_url: str = pydantic.Field("", pattern=r"^(https?://[^\s/]+(/[^\s]*[^/\s])?)?$")
    """Where readers reach the desk, for links in feeds and webhooks."""
    webhooks: tuple[WebhookSettings, ...] = ()
    webhooks_allowed: tuple[str, ...] = ()
    """Private addresses that webhooks may go to: networks and ``host:port``."""


class BackfillSettings(pydantic.BaseModel, frozen=True, extra="forbid"):
    """How archives are read."""

    batch_items: int = pydantic.Field(2000, gt=0)
    batch_bytes: int = pydantic.Field(64 * 2**20, gt=0)
    patience_seconds: float = pydantic.Field(300.0, ge=0)
    """How long a warehouse that can't be had now is waited for."""


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="WIREDESK_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    sources: str = "sources.toml"
    queue: str = "sqlite:///var/queue.db"
    warehouse: str = "duckdb:///var/wiredesk.duckdb"
    state: str = "var/poller.db"
    rules: str | None = None
    """A file of rules for single sites, beside those that come along."""
    boilerplate: str | None = None
    """A file of lines that matching does not read (made by ``wiredesk sources boilerplate``)."""
    rarities: str | None = None
    """A file of how rare words are, a language each (made by ``wiredesk sources rarities``)."""
    honour_rights: bool = True
    """What its publisher reserves is no article (``pipeline.extraction.rights``)."""
    http: HttpSettings = HttpSettings()
    metrics: str | None = None
    """Where Prometheus reads the metrics of poll, stream, serve and up: HOST:PORT."""
    log_level: str = pydantic.Field("info", pattern="^(debug|info|warning|error)$")
    log_format: str = pydantic.Field("text", pattern="^(text|json)$")
    stream: StreamSettings = StreamSettings()
    backfill: BackfillSettings = BackfillSettings()
    keep: KeepSettings = KeepSettings()
    flink: FlinkSettings = FlinkSettings()
    kafka: KafkaSettings = KafkaSettings()
    desk: DeskSettings = DeskSettings()


def load_settings(file: str | None, flags: dict[str, Any]) -> Settings:
    """Return the settings; ``flags`` are those given on the command line. Raises ``UserError``."""
    path = pathlib.Path(file or DEFAULT_FILE)
    if file and not path.is_file():
        raise UserError(f"there is no settings file {file}")

    class WithFile(Settings):
        model_config = SettingsConfigDict(toml_file=path if path.is_file() else None)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    try:
        return WithFile(**flags)
    except pydantic.ValidationError as e:
        first = e.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        got = first.get("input")
        shown = (
            "" if isinstance(got, dict) or {"password", "token", "secret"} & set(name.split(".")) else f" (got {got!r})"
        )
        raise UserError(f"setting {name}: {first['msg']}{shown}") from e
    except ValueError as e:  # TOML syntax, or an environment value that is no JSON where one is needed
        raise UserError(f"settings can't be read: {e}") from e


def _harmless(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Texts from outside must not command the terminal that shows the log."""
    return {name: harmless(value) if isinstance(value, str) else value for name, value in event.items()}


def set_up_logs(settings: Settings) -> None:
    """One event a line on standard error, as text or JSON."""
    level = getattr(logging, settings.log_level.upper())
    text = settings.log_format == "text"
    renderer = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
        if text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *([_harmless] if text else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *args: structlog.PrintLogger(sys.stderr),  # whatever it is by then,
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for chatty, heard in LIBRARIES.items():
        logging.getLogger(chatty).setLevel(min(heard, level) if level == logging.DEBUG else heard)
    logging.getLogger("kafka.admin.client").setLevel(logging.CRITICAL)  # it logs its settings with the password
