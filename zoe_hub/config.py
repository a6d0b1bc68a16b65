"""Settings of the Hub service, as traits: in a configuration file, on the command line, or as ZOE_HOME."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from traitlets import Bool, CaselessStrEnum, Dict, Float, Integer, List, TraitError, Unicode, default, validate
from traitlets.config import Config, Configurable
from traitlets.config.loader import JSONFileConfigLoader, PyFileConfigLoader

from .model.durations import parse_seconds, parse_span
from .model.errors import InvalidRequest
from .model.lifetime import LifetimePolicy
from .model.resources import parse_bytes
from .scheduler.methods import ORDERS, POLICIES
from .scheduler.methods import order as make_order
from .scheduler.policies.elastic import Elastic, Settings
from .scheduler.scheduler import Scheduler


def default_home() -> Path:
    """Where Zoe writes when nothing else is said: ZOE_HOME, else `~/.zoe`."""
    return Path(os.environ.get("ZOE_HOME") or Path.home() / ".zoe").absolute()


class ZoeConfig(Configurable):
    """Where Zoe keeps its data, where it finds its shop, and what it may hand out."""

    home = Unicode(
        help="Folder of everything that Zoe writes. It holds the key from which all secrets of clusters are derived: "
        "keep it readable by the service alone. Default: the environment's ZOE_HOME, else ~/.zoe."
    ).tag(config=True)
    database = Unicode(
        help="SQLAlchemy address of the database. Default: an SQLite file in the home folder; good for one service "
        "and thousands of executions."
    ).tag(config=True)
    folders = List(
        Unicode(),
        help="Folders of further frameworks and ZApps, read after the shipped ones. What has the same name replaces "
        "what came before. Changes are seen without a restart.",
    ).tag(config=True)
    engine = CaselessStrEnum(
        ["local", "docker", "swarm"],
        default_value="local",
        help="What runs clusters: 'local', this machine, as plain processes; 'docker', a Docker engine, as containers, "
        "with the settings of c.ZoeDocker; 'swarm', the swarm that this engine manages, as services, with those of "
        "c.ZoeSwarm besides.",
    ).tag(config=True)
    cpus = Float(
        0.0,
        min=0.0,
        help="Processors that local instances may be granted, in all. 0: the machine's, times `cpu_overcommit`.",
    ).tag(config=True)
    cpu_overcommit = Float(
        8.0,
        min=0.01,
        help="How often each processor of the machine is handed out while `cpus` is 0. Interactive work leaves "
        "processors idle most of the time, and a process that gets less is slowed, not killed; lower it where "
        "jobs run all day.",
    ).tag(config=True)
    memory = Unicode(
        "0",
        help="Memory that local instances may be granted, in all, such as '48 GiB'. 0: what the machine has. Never "
        "handed out twice: a machine without memory kills processes.",
    ).tag(config=True)
    log_limit = Unicode(
        "64 MiB",
        help="What the log of one local instance may take on the disk. Where it takes more, its oldest lines are "
        "dropped, until half of that is left. 0: as much as there is.",
    ).tag(config=True)
    lease = Float(
        5.0,
        min=0.5,
        help="Seconds for which a service leads without a word. Where it is killed, stopped or cut from the database, "
        "another one on the same database leads so much later. Shorter: a slow database ends it by mistake.",
    ).tag(config=True)
    lease_renewal = Float(
        help="Seconds between two words of the service that leads; at most a third of `lease`. Default: 1.5, or a "
        "third of a shorter `lease`.",
    ).tag(config=True)
    round_interval = Float(
        10.0,
        min=0.01,
        help="Seconds after which the controller looks again though nothing was reported. Changes do not wait for it.",
    ).tag(config=True)
    policy = CaselessStrEnum(
        list(POLICIES),
        default_value="elastic",
        help="Who starts, and who is given how much, when there is not enough for all. 'elastic': everybody starts as "
        "soon as the least they need fits, what others can spare is taken back for it, and the rest is shared. The "
        "others are for comparison: 'rigid' starts nothing before all of it fits.",
    ).tag(config=True)
    order = CaselessStrEnum(
        list(ORDERS),
        default_value="fifo",
        help="In which order those of one user are served, or, with policies that do not share, all: 'fifo' by "
        "submission, 'sjf' the shortest first, 'srpt' the one with the least left, 'hrrn' who waited longest for its "
        "size. Interactive work comes before batch jobs in any of them.",
    ).tag(config=True)
    hold = Unicode(
        "1 min",
        help="How long an elastic worker stays where it was granted before it is taken back so that somebody else gets "
        "one more; '0': not at all. A start does not wait for that, nor does interactive work that takes from batch "
        "jobs. Shorter divides more evenly; longer costs fewer "
        "restarts of workers.",
    ).tag(config=True)
    waiting_bound = Unicode(
        "7 days",
        help="How long something waits before it is served before all others, whatever `order` says: then what becomes "
        "free where it is to go, and in its quotas, is kept for it. 'never': it may wait for ever. Longer leaves more "
        "to the order, and to small work that goes past large.",
    ).tag(config=True)
    group_weights = Dict(
        key_trait=Unicode(),
        value_trait=Float(min=0.001),
        help="How much of the machines the users of a group get beside others, such as {'staff': 2.0}: twice as much "
        "as somebody with 1. Who is in several groups has the largest of theirs; everybody else 1. For `elastic`.",
    ).tag(config=True)
    live_interval = Float(
        2.0,
        min=0.01,
        help="Seconds between two looks at the figures of running clusters. Shorter is livelier and costs processor.",
    ).tag(config=True)
    idle_timeout = Unicode(
        "never",
        help="How long a cluster that is tied to a notebook may be idle before it ends, such as '12h'. Default of "
        "interactive clusters; a ZApp, or whoever starts it, may say otherwise. It ends with its notebook anyway; a "
        "time-out here also takes it from notebooks that are left open, with the data that it holds.",
    ).tag(config=True)
    detached_idle_timeout = Unicode(
        "1h",
        help="The same for clusters that are tied to no notebook, or outlive it: nobody else ends those. Shorter frees "
        "what is forgotten; longer spares those who only went to lunch.",
    ).tag(config=True)
    maximum_life = Unicode(
        "never",
        help="How long an execution may run, working or not, such as '7 days'. Default of all; a ZApp, or whoever "
        "starts it, may say otherwise.",
    ).tag(config=True)
    keep_alive = Unicode(
        "24h",
        help="How long from now the owner of an idle cluster may keep it, when asked for; as often as wanted. "
        "'0': not at all.",
    ).tag(config=True)
    expiry_warning = Unicode(
        "5 min",
        help="How long before its end an execution says so; at most half of its time-out. Nothing ends unannounced.",
    ).tag(config=True)
    idle_timeout_ceiling = Unicode(
        "never", help="The longest idle time-out that may be asked for; what ZApps say is cut to it. 'never': any."
    ).tag(config=True)
    maximum_life_ceiling = Unicode(
        "never", help="The longest life that may be asked for; what ZApps say is cut to it. 'never': any."
    ).tag(config=True)
    keep_alive_ceiling = Unicode(
        "7 days", help="The longest bound of the keep-alive that may be asked for; what ZApps say is cut to it."
    ).tag(config=True)
    lives_interval = Float(
        30.0,
        min=0.01,
        help="Seconds between two looks at whether clusters work and whose time is up. Shorter is more exact and asks "
        "every cluster more often.",
    ).tag(config=True)
    adaptation_interval = Float(
        2.0,
        min=0.1,
        help="Seconds between two looks at the load of clusters that follow it (`cluster.adapt`), at each of which "
        "such a cluster may grow. Shorter grows sooner and asks those clusters more often.",
    ).tag(config=True)
    adaptation_hold = Unicode(
        "1 min",
        help="How long fewer workers must have been enough before a cluster that follows its load gives some back, "
        "where whoever started that said nothing. Shorter frees them for others; longer spares those who think between "
        "two cells.",
    ).tag(config=True)
    server_interval = Float(
        60.0,
        min=0.01,
        help="Seconds between two questions to JupyterHub whether the servers are there that something is tied to; one "
        "request for each user who has something running.",
    ).tag(config=True)
    server_patience = Float(
        180.0,
        min=0.0,
        help="Seconds for which a server must be missing before what is tied to it ends. Not shorter than your Hub "
        "needs to restart.",
    ).tag(config=True)
    terminate_on_exit = Bool(
        False, help="True: all executions end with the service. False: they go on, and the next service finds them."
    ).tag(config=True)
    allow_root = Bool(
        False,
        help="True: the service may run as root, and then every user's cluster does, code from notebooks included. "
        "Only where all users may be root anyway, such as inside a container of one person.",
    ).tag(config=True)
    max_executions = Integer(
        100,
        min=0,
        help="Live executions that one user may have, notebook servers included, where no quota says anything about "
        "`executions`. A further one is refused with a sentence. 0: no limit.",
    ).tag(config=True)
    quotas_file = Unicode(
        help="YAML file of quotas: how much users and groups may have (kind: Quotas). Changes are seen without a "
        "restart; a file that breaks is reported in the log and by `zoe admin quota ls`, and what it said before "
        "holds. What is set over the REST interface for a user, a group, or everybody takes the place of what the file "
        "says of them. Default: none, and no limits but `max_executions`.",
    ).tag(config=True)
    keep_ended = Float(
        30.0,
        min=0.0,
        help="Days for which executions that have ended are kept, with their events and logs. 0: for ever.",
    ).tag(config=True)
    max_ended = Integer(
        1000,
        min=0,
        help="Ended executions that are kept of one user; beyond that the oldest are deleted before `keep_ended` days "
        "are over. 0: any number.",
    ).tag(config=True)
    max_zapps = Integer(100, min=0, help="ZApps of their own that one user may keep. 0: no limit.").tag(config=True)
    max_streams = Integer(
        200,
        min=0,
        help="Event streams, logs, and requests and websockets of clusters' pages that one user may have open at the "
        "same time. Each costs memory and a connection. 0: no limit.",
    ).tag(config=True)
    request_rate = Float(
        100.0,
        min=0.0,
        help="Requests a second that one user may send over a long time, with all tokens together; more are answered "
        "429 with Retry-After. Tokens that nobody knows get a tenth for each address, and for each account of this "
        "machine. 0: no limit.",
    ).tag(config=True)
    request_burst = Integer(
        1000, min=1, help="Requests that one user may send at once before `request_rate` counts."
    ).tag(config=True)
    audit_days = Integer(
        365,
        min=0,
        help="Days for which lines of the audit trail are kept: who changed what, when, and from where. 0 keeps them "
        "for ever. Lines younger than two days are never deleted.",
    ).tag(config=True)
    log_format = CaselessStrEnum(
        ["text", "json"],
        default_value="text",
        help="How the service writes its log to stderr: 'text', a line a record for people, or 'json', an object "
        "a line for programs that collect logs. Either says which execution and which request a record is about.",
    ).tag(config=True)
    log_level = CaselessStrEnum(
        ["debug", "info", "warning", "error"],
        default_value="info",
        help="Least severity that is logged. 'info' has a line a request; 'debug' also has those of health checks.",
    ).tag(config=True)
    metrics_on_loopback = Bool(
        False,
        help="True: every process of this machine may read the metrics without a token. They name no user, but whoever "
        "can log in to the machine sees how busy everybody is. Ask by 127.0.0.1, localhost or [::1]: requests by "
        "another name, or through a proxy, need a token all the same.",
    ).tag(config=True)
    trusted_proxies = List(
        Unicode(),
        help="Addresses and networks, such as '10.0.0.0/8', of proxies that are believed when they say from where a "
        "request comes (X-Forwarded-For). This machine's own are always believed. Needed where the Hub's proxy, or one "
        "before it, runs on another machine: the audit trail names that proxy otherwise.",
    ).tag(config=True)
    port = Integer(
        0, min=0, max=65535, help="Port to listen on at 127.0.0.1 when JupyterHub did not say; 0: a free one."
    ).tag(config=True)

    @default("home")
    def _default_home(self) -> str:
        return str(default_home())

    @validate("memory", "log_limit")
    def _memory_is_an_amount(self, proposal: dict[str, str]) -> str:
        parse_bytes(proposal["value"])
        return proposal["value"]

    @default("lease_renewal")
    def _default_lease_renewal(self) -> float:
        return float(min(1.5, self.lease / 3))

    @validate("lease_renewal")
    def _renewed_in_time(self, proposal: dict[str, float]) -> float:
        if not 0 < proposal["value"] <= self.lease / 3:
            raise TraitError(
                f"lease_renewal is {proposal['value']:g}; at most a third of lease ({self.lease:g}) is right."
            )
        return proposal["value"]

    @validate("trusted_proxies")
    def _proxies_are_addresses(self, proposal: dict[str, list[str]]) -> list[str]:
        for text in proposal["value"]:
            try:
                ip_network(text)
            except ValueError as error:
                raise TraitError(f"trusted_proxies: {text!r} is no address and no network: {error}") from error
        return proposal["value"]

    @validate(
        "hold",
        "waiting_bound",
        "idle_timeout",
        "detached_idle_timeout",
        "maximum_life",
        "keep_alive",
        "expiry_warning",
        "idle_timeout_ceiling",
        "maximum_life_ceiling",
        "keep_alive_ceiling",
        "adaptation_hold",
    )
    def _is_a_span_of_time(self, proposal: dict[str, Any]) -> str:
        try:
            # What is held for these spans is given back at some time: `never` is no answer.
            (parse_span if proposal["trait"].name in ("hold", "adaptation_hold") else parse_seconds)(proposal["value"])
        except ValueError as error:
            raise TraitError(f"ZoeConfig.{proposal['trait'].name}: {error}") from error
        return str(proposal["value"])

    @property
    def lifetimes(self) -> LifetimePolicy:
        return LifetimePolicy(
            idle=parse_seconds(self.idle_timeout),
            detached_idle=parse_seconds(self.detached_idle_timeout),
            maximum=parse_seconds(self.maximum_life),
            keep=parse_seconds(self.keep_alive),
            warning=parse_seconds(self.expiry_warning),
            idle_ceiling=parse_seconds(self.idle_timeout_ceiling),
            maximum_ceiling=parse_seconds(self.maximum_life_ceiling),
            keep_ceiling=parse_seconds(self.keep_alive_ceiling),
        )

    def scheduler(self) -> Scheduler:
        """A new one that decides as these settings say."""
        if self.policy != Elastic.name:
            return Scheduler(POLICIES[self.policy](), make_order(self.order))
        bound = parse_seconds(self.waiting_bound) or math.inf
        elastic = Elastic(Settings(hold=parse_seconds(self.hold), bound=bound))
        return Scheduler(elastic, make_order(self.order))

    @property
    def database_address(self) -> str | Path:
        """As the store takes it: what was set, else the file in the home folder."""
        return self.database or self.data_folder / "zoe.sqlite"

    @property
    def data_folder(self) -> Path:
        return Path(self.home) / "data"

    @property
    def cache_folder(self) -> Path:
        return cache_folder(Path(self.home))

    @property
    def instances_folder(self) -> Path:
        return self.data_folder / "instances"

    @property
    def key_file(self) -> Path:
        return self.data_folder / "key"


def cache_folder(home: Path) -> Path:
    """Where the frameworks' preparations put what they make, by framework."""
    return home / "data" / "cache"


def read_file(path: Path) -> Config:
    """What it sets. Raises InvalidRequest for one that is not there or cannot be read.

    A file with a fault is never left out: without it there would be another database, and no limits.
    """
    loader = {".py": PyFileConfigLoader, ".json": JSONFileConfigLoader}.get(path.suffix)
    if loader is None or not path.is_file():
        raise InvalidRequest(f"There is no configuration file {path}; it is a file whose name ends with .py or .json.")
    try:
        return loader(path.name, path=str(path.parent)).load_config()
    except Exception as error:  # whatever the administrator's code raises
        raise InvalidRequest(
            f"The configuration file {path} cannot be read: {type(error).__name__}: {error}."
        ) from error


def check_names(config: Config, classes: Iterable[type[Configurable]]) -> None:
    """Raise InvalidRequest where a setting of one of the classes is misspelt, with the name that was meant.

    What is not heeded must not look as if it were. Sections of others are let through.
    """
    known = {each.__name__: each for cls in classes for each in cls.__mro__ if issubclass(each, Configurable)}
    for section, values in config.items():
        if section not in known:
            meant = get_close_matches(section, known, 1, 0.8)
            if meant and section[:1].isupper():
                raise InvalidRequest(f"There are no settings c.{section}; did you mean c.{meant[0]}?")
            continue
        names = known[section].class_trait_names(config=True)
        for name in values:
            if name not in names:
                meant = get_close_matches(name, names, 1)
                hint = f"did you mean c.{section}.{meant[0]}?" if meant else "docs/reference/configuration.md has all."
                raise InvalidRequest(f"There is no setting c.{section}.{name}; {hint}")


@contextmanager
def mistakes_told() -> Iterator[None]:
    """Turns what traits say of a value into InvalidRequest."""
    try:
        yield
    except (TraitError, ValueError) as error:
        raise InvalidRequest(f"A setting is wrong: {error}") from error
