"""``--runner DataflowRunner``: what Google is asked to run, as far as a machine without Dataflow can tell."""

import subprocess
import sys
import threading
import time

import pytest
from apache_beam.internal.gcp import auth
from apache_beam.portability.api import beam_runner_api_pb2
from dataflow_service import JOB_ID, DataflowService, serving
from engines import gcs
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from pipeline.cli import main
from pipeline.runners import dataflow

IMAGE = "europe-docker.pkg.dev/desk/news/wiredesk:1"
BUCKET = "desk"


@pytest.fixture(scope="module")
def storage_url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gcs")
    url = gcs.start(folder)
    gcs.make_bucket(url, BUCKET)
    yield url
    gcs.stop(folder)


@pytest.fixture
def bucket(storage_url, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_url)
    return storage.Client(project="desk", credentials=AnonymousCredentials()).bucket(BUCKET)


@pytest.fixture
def service():
    return DataflowService()


@pytest.fixture
def options(service, bucket):
    with serving(service) as url:
        yield [
            *("--project=desk", "--region=europe-west1", f"--temp_location=gs://{BUCKET}/temp"),
            *(f"--sdk_container_image={IMAGE}", f"--dataflow_endpoint={url}", "--no_auth"),
        ]


@pytest.fixture
def stream(kafka_url, postgresql_url, options):
    return ["stream", "--runner", "DataflowRunner", "--queue", kafka_url, "--warehouse", postgresql_url, *options]


def staged(bucket) -> beam_runner_api_pb2.Pipeline:
    """The last pipeline that was put into the bucket."""
    blobs = [blob for blob in bucket.client.list_blobs(bucket) if blob.name.endswith("pipeline.pb")]
    last = max(blobs, key=lambda blob: blob.time_created)
    return beam_runner_api_pb2.Pipeline.FromString(last.download_as_bytes())


@pytest.mark.engines
def test_the_stream_is_submitted_with_the_whole_graph_and_its_container(stream, service, bucket, capsys):
    assert main(stream) == 0
    assert f"/europe-west1/{JOB_ID}?project=desk" in capsys.readouterr().out
    (job,) = service.jobs
    assert (job.name, job.type_.name) == ("wiredesk", "JOB_TYPE_STREAMING")
    (pool,) = job.environment.worker_pools
    assert [image.container_image for image in pool.sdk_harness_container_images] == [IMAGE]
    components = staged(bucket).components
    names = {transform.unique_name.partition("/")[0] for transform in components.transforms.values()}
    assert {"ReadQueue", "DraftArticles", "SettleBatches"} < names
    images = {
        beam_runner_api_pb2.DockerPayload.FromString(environment.payload).container_image
        for environment in components.environments.values()
    }
    assert images == {IMAGE}
    sent = [d.role_payload for environment in components.environments.values() for d in environment.dependencies]
    assert all(b"submission_environment_dependencies.txt" in name for name in sent)  # a list of packages, to look at


@pytest.fixture
def archive(bucket):
    entry = b'{"url": "https://a.example/1", "title": "A bridge", "text": "The bridge was opened on Monday."}\n'
    bucket.blob("archives/a.jsonl").upload_from_string(entry)
    return f"gs://{BUCKET}/archives/a.jsonl"


@pytest.fixture
def backfill(archive, postgresql_url, options):
    beam = [f"--beam={option}" for option in options]
    return ["backfill", archive, "--runner", "DataflowRunner", "--warehouse", postgresql_url, *beam]


@pytest.mark.engines
def test_a_backfill_ends_its_job_when_all_is_in_the_warehouse(backfill, archive, postgresql_url, service, capsys):
    def be_the_workers() -> None:
        while not service.jobs:
            time.sleep(0.05)
        command = ["backfill", archive, "--warehouse", postgresql_url, "--beam=--no_auth"]
        subprocess.run([sys.executable, "-m", "pipeline", *command], check=True, stdout=subprocess.DEVNULL)

    workers = threading.Thread(target=be_the_workers)
    workers.start()
    assert main(backfill) == 0
    workers.join()
    assert service.jobs[0].name == "wiredesk-backfill"
    assert service.asked == ["JOB_STATE_CANCELLED"]
    assert "1 items read: 1 new" in capsys.readouterr().out


@pytest.mark.engines
def test_a_job_that_fails_is_told_of(backfill, service, capsys):
    service.state = "JOB_STATE_FAILED"
    assert main(backfill) == 1
    assert f"the job is failed: see https://console.cloud.google.com/dataflow/jobs/europe-west1/{JOB_ID}" in (
        capsys.readouterr().err
    )
    assert not service.asked


@pytest.mark.engines
def test_what_google_refuses_is_told_in_one_line(stream, service, capsys):
    service.refuse = "The caller does not have permission"
    assert main(stream) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert "Dataflow did not take the job" in line
    assert "does not have permission" in line


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["stream", "--queue", "sqlite:///q.db"], "sqlite:///q.db is on this machine"),
        (["stream", "--queue", "kafka://k.example/t", "--warehouse", "duckdb:///w.db"], "duckdb:///w.db is on this"),
        (["stream", "--once"], "--once: a job of DataflowRunner goes on"),
        (["backfill", __file__, "--warehouse", "postgresql://h.example/d"], f"{__file__} is on this machine"),
    ],
)
def test_mistakes_are_one_line(command, says, capsys):
    assert main([*command, "--runner", "DataflowRunner"]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "Dataflow needs --project, --region, --temp_location, --sdk_container_image"),
        (["--project=a", "--region=b", "--temp_location=gs://c"], "Dataflow needs --sdk_container_image"),
        (["--streaming"], "--streaming is not for you to set here"),
        (["--worker_zoo=1"], "no such option: --worker_zoo=1"),
    ],
)
def test_options_are_checked(given, says):
    with pytest.raises(ValueError, match=says):
        dataflow.options(given)


def test_the_users_options_come_before_ours():
    needed = ["--project=a", "--region=b", "--temp_location=gs://c", "--sdk_container_image=d"]
    given = [*needed, "--job_name=mine", "--experiments=shuffle_mode=service"]
    found = dataflow.options(given, job_name="ours").get_all_options()
    assert (found["job_name"], found["streaming"], found["sdk_location"]) == ("mine", True, "container")
    assert found["experiments"] == ["no_use_multiple_sdk_containers", "shuffle_mode=service"]


def test_beam_finds_googles_authentication():
    assert auth._GOOGLE_AUTH_AVAILABLE
