"""Images, compose and Kubernetes: what can be checked of them on a machine that runs none of it."""

import pathlib
import re
import shlex
from importlib.metadata import version

import kubernetes_validate
import pytest
import yaml

from pipeline.cli import COMMANDS, cli
from pipeline.cli.settings import load_settings

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "compose/compose.yaml"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
VERSIONS = ("1.30", "1.34")
"""Of Kubernetes: from the oldest to the newest that we mean."""
PINNED = re.compile(r"[\w./-]+:v?\d[\w.-]*(@sha256:[0-9a-f]{64})?")
OURS = "wiredesk:"


def services() -> dict[str, dict]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def resources() -> list[tuple[str, dict]]:
    return [
        (f"{path.name}:{found['kind']}/{found['metadata']['name']}", found)
        for path in KUBERNETES
        for found in yaml.safe_load_all(path.read_text())
    ]


def pods() -> list[tuple[str, dict]]:
    """Where -> the spec of its pods, for the resources whose schema Kubernetes has."""
    found = []
    for name, resource in resources():
        spec = resource.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if resource["kind"] in ("Deployment", "Job", "CronJob"):
            found.append((name, spec["template"]["spec"]))
    return found


def containers() -> list[tuple[str, dict]]:
    found = [(name, c) for name, pod in pods() for c in (*pod["containers"], *pod.get("initContainers", []))]
    flink = next(resource for _, resource in resources() if resource["kind"] == "FlinkDeployment")
    sidecars = flink["spec"]["taskManager"]["podTemplate"]["spec"]["containers"]
    return [*found, *(("flink", c) for c in sidecars if c["name"] != "flink-main-container")]


def is_a_command(words: list[str]) -> None:
    """Whether wiredesk has this command with these options."""
    assert words[0] in COMMANDS, words
    command, rest = cli.get_command(None, words[0]), words[1:]
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    beam = command.context_settings.get("ignore_unknown_options")
    for word in rest:
        if word.startswith("--"):
            assert beam or word.split("=")[0] in known, words


# -- image --


def test_the_image_is_of_two_stages_pinned_and_not_roots():
    text = (DEPLOY / "image/Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.M)
    assert len(bases) == 2
    assert all(PINNED.fullmatch(base) for base in bases)
    assert bases[0] == bases[1], "what is built against one Python must run on it"
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001$", last, re.M)
    assert "/healthz" in last
    assert not re.search(r"^(ADD|ARG .*(PASS|TOKEN|SECRET))", text, re.M)


def test_what_the_image_copies_is_there():
    root = DEPLOY.parent
    for line in re.findall(r"^COPY (?!--from)(.*)$", (DEPLOY / "image/Dockerfile").read_text(), re.M):
        for source in line.split()[:-1]:
            assert (root / source).exists(), source


def test_a_worker_at_google_is_our_image_with_the_boot_program_of_our_beam():
    text = (DEPLOY / "dataflow/Dockerfile").read_text()
    beam, ours = re.findall(r"^FROM (\S+)", text, re.M)
    assert beam.endswith(f"python3.11_sdk:{version('apache-beam')}")
    assert ours == "${WIREDESK}"
    assert 'ENTRYPOINT ["/opt/apache/beam/boot"]' in text
    assert "USER root" not in text


# -- compose --


@pytest.mark.parametrize("name", services())
def test_each_service_is_pinned_shut_in_and_bounded(name):
    service = services()[name]
    assert PINNED.fullmatch(service["image"])
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "mem_limit" in service
    assert service.get("user") not in ("root", "0")
    assert "user" in service or name == "postgresql"
    assert not service.get("privileged")
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", [n for n, s in services().items() if s["image"].startswith(OURS)])
def test_our_services_run_commands_that_there_are(name):
    service = services()[name]
    is_a_command(service["command"])
    assert service["read_only"] is True


def test_what_compose_mounts_is_there_and_dependencies_exist():
    everything = yaml.safe_load(COMPOSE.read_text())
    for name, service in everything["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("$") or "job-server" in source:  # the user's; built before
                continue
            if source.startswith("."):
                assert (COMPOSE.parent / source).resolve().exists(), f"{name}: {source}"
            else:
                assert source in everything["volumes"], f"{name}: {source}"
        for other, wanted in service.get("depends_on", {}).items():
            healthy = wanted["condition"] == "service_healthy"
            assert not healthy or "test" in everything["services"][other]["healthcheck"]


def test_no_password_is_written_down():
    for path in [COMPOSE, *KUBERNETES, DEPLOY / "compose/env.example", *DEPLOY.glob("**/*.toml")]:
        for line in path.read_text().splitlines():
            found = re.search(r"password\w*['\"]?\s*[:=]\s*(.*)", line, re.I)
            assert not found or found[1].strip() == "" or found[1].startswith("${"), f"{path.name}: {line}"
    assert ".env" in (DEPLOY.parent / ".gitignore").read_text().split()


def test_environment_of_compose_is_settings_that_there_are(monkeypatch):
    for service in services().values():
        for name, value in service.get("environment", {}).items():
            if name.startswith("WIREDESK_"):
                monkeypatch.setenv(name, value)
    settings = load_settings(None, {})
    assert settings.queue.startswith("kafka://kafka:9092/")
    assert settings.flink.job_server is not None


# -- Kubernetes --


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("name", "resource"), resources(), ids=lambda v: v if isinstance(v, str) else "")
def test_kubernetes_accepts_the_resource(name, resource, version):
    if resource["apiVersion"].startswith("flink.apache.org/"):
        pod = resource["spec"]["taskManager"]["podTemplate"]
        resource = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **pod}
        resource["spec"] = {**pod["spec"], "containers": [
            {"image": "flink", **c} for c in pod["spec"]["containers"]]}  # fmt: skip
    kubernetes_validate.validate(resource, version, strict=True)


def test_a_misspelt_field_is_noticed():
    resource = next(r for n, r in resources() if r["kind"] == "Deployment")
    resource["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(resource, VERSIONS[0], strict=True)


@pytest.mark.parametrize(("name", "container"), containers(), ids=lambda v: v if isinstance(v, str) else "")
def test_each_container_is_pinned_shut_in_and_bounded(name, container):
    assert PINNED.fullmatch(container["image"])
    security = container["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    if container["image"].startswith(OURS):
        is_a_command(container["args"])


@pytest.mark.parametrize(("name", "pod"), pods(), ids=lambda v: v if isinstance(v, str) else "")
def test_each_pod_is_nobodys_and_its_mounts_are_volumes_of_it(name, pod):
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    volumes = {volume["name"] for volume in pod["volumes"]}
    mounted = {m["name"] for c in (*pod["containers"], *pod.get("initContainers", [])) for m in c["volumeMounts"]}
    assert mounted == volumes


def test_the_poller_is_asked_where_it_answers():
    (poller,) = [c for _, c in containers() if c["name"] == "poll"]
    assert poller["args"][-1].endswith(":9464")
    assert poller["ports"] == [{"name": "metrics", "containerPort": 9464}]
    assert {poller[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")} == {
        "/healthz",
        "/readyz",
    }


def test_nothing_is_reached_unless_it_is_said():
    policies = {r["metadata"]["name"]: r["spec"] for _, r in resources() if r["kind"] == "NetworkPolicy"}
    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    world = policies["poll-the-world"]["egress"][0]["to"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(world[0]["ipBlock"]["except"])


def test_the_settings_are_settings(tmp_path):
    for _, resource in resources():
        if resource["kind"] == "ConfigMap":
            (tmp_path / "wiredesk.toml").write_text(resource["data"]["wiredesk.toml"])
            assert load_settings(str(tmp_path / "wiredesk.toml"), {}).log_format == "json"


def test_every_resource_is_in_the_namespace():
    assert {r["metadata"].get("namespace") for _, r in resources() if r["kind"] != "Namespace"} == {"wiredesk"}


def test_commands_of_the_deployments_guides_exist():
    for path in DEPLOY.glob("**/README.md"):
        for block in re.findall(r"^```sh\n(.*?)^```", path.read_text(), re.M | re.S):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0] == "wiredesk":
                    is_a_command(words[1:])
