"""Where the stores to test are. S3 is moto's server on this machine."""

import pytest
from moto.server import ThreadedMotoServer

from connectors.blobs import open_store


@pytest.fixture(scope="session")
def s3_endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_url(s3_endpoint, monkeypatch, tmp_path):
    """The URL of a bucket of this test's own."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bucket = tmp_path.name.replace("_", "-").lower().strip("-")[-50:]
    boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/desk?region=us-east-1&endpoint={s3_endpoint}"


@pytest.fixture(params=["folder", "s3"])
def store_url(request, tmp_path):
    if request.param == "folder":
        return f"file://{tmp_path}/blobs"
    return request.getfixturevalue("s3_url")


@pytest.fixture
def store(store_url):
    return open_store(store_url, "queue")
