"""Paths, globs, folders and lists of paths: what they mean, and what a file is, whatever its name."""

import gzip
import json

import boto3
import engines.gcs
import engines.s3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archived import DOORS, page, warc_records
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from connectors.archives import ArchiveAway, ArchiveError
from connectors.archives.files import beam_storage
from connectors.archives.open import open_archive, open_archives

ITEMS = [{"url": f"https://herald.example/{n}", "text": f"Text {n}. " * 20, "title": f"T{n}"} for n in range(5)]
URLS = [item["url"] for item in ITEMS]


def urls(archive):
    return [found.fetched.url for piece in archive.pieces() for found in archive.read(piece)]


def parquet_bytes() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(ITEMS), sink)
    return sink.getvalue().to_pybytes()


LINES = b"".join(json.dumps(item).encode() + b"\n" for item in ITEMS)
CONTENT = {
    "JSONLArchive": [LINES, gzip.compress(LINES), b"\xef\xbb\xbf\n" + LINES, b'{"url": "cut\n' + LINES],
    "WARCArchive": [b"".join(warc_records(ITEMS)), b"".join(map(gzip.compress, warc_records(ITEMS)))],
    "ParquetArchive": [parquet_bytes()],
    "JSONArchive": [
        json.dumps(ITEMS).encode(),
        json.dumps(ITEMS, indent=4).encode(),
        json.dumps({"Herald": ITEMS[:2], "Post": ITEMS[2:]}, indent=4).encode(),
        gzip.compress(json.dumps(ITEMS).encode()),
    ],
}


@pytest.mark.parametrize("name", ["dump", "dump.txt", "dump.jsonl", "dump.warc.gz", "dump.parquet", "dump.html"])
@pytest.mark.parametrize(("kind", "content"), [(kind, c) for kind, contents in CONTENT.items() for c in contents])
def test_the_content_says_what_it_is_not_the_name(tmp_path, name, kind, content):
    (tmp_path / name).write_bytes(content)
    archive = open_archive(tmp_path / name)
    assert type(archive).__name__ == kind
    assert [url for url in urls(archive) if url] == URLS


def test_one_article_in_a_json_file_is_one(tmp_path):
    for indent in (None, 4):
        (tmp_path / "a.json").write_text(json.dumps(ITEMS[0], indent=indent))
        assert urls(open_archive(tmp_path / "a.json")) == URLS[:1]


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.warc.gz"])
def test_what_is_damaged_from_the_first_byte_on_goes_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x1f\x8b" + bytes(100))
    archive = open_archive(tmp_path / name)
    (found,) = archive.read(archive.pieces()[0])
    assert found.fetched.failure.reason in ("bad_archive", "bad_record")


def test_several_paths_and_globs_are_one_run_and_each_archive_comes_once(tmp_path):
    for n in range(3):
        (tmp_path / f"{n}.jsonl").write_bytes(json.dumps(ITEMS[n]).encode())
    paths = [f"{tmp_path}/*.jsonl", f"{tmp_path}/1.jsonl", str(tmp_path)]
    assert [a.name for a in open_archives(paths).archives] == ["0.jsonl", "1.jsonl", "2.jsonl"]


def test_a_glob_without_a_match_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match="there is no archive file at"):
        open_archives([f"{tmp_path}/*.jsonl"])


def test_a_folder_without_archives_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ArchiveError, match="of no format known"):
        open_archives([str(tmp_path)])


@pytest.fixture
def mirror(tmp_path):
    """A folder as Common Crawl has it: crawl-data/CC-NEWS/2026/03 with files and their list."""
    month = tmp_path / "crawl-data" / "CC-NEWS" / "2026" / "03"
    month.mkdir(parents=True)
    for n in (1, 2):
        path = month / f"CC-NEWS-2026030100000{n}-0000{n}.warc.gz"
        path.write_bytes(b"".join(map(gzip.compress, warc_records(ITEMS[n : n + 1]))))
    names = [path.relative_to(tmp_path).as_posix() for path in sorted(month.iterdir())]
    (month / "warc.paths.gz").write_bytes(gzip.compress("\n".join(names).encode() + b"\n"))
    return month


def test_a_list_of_paths_means_the_files_of_the_mirror_it_lies_in(mirror):
    archives = open_archives([str(mirror / "warc.paths.gz")]).archives
    assert [urls(archive) for archive in archives] == [URLS[1:2], URLS[2:3]]
    assert len(open_archives([str(mirror)]).archives) == 2


def test_a_list_of_paths_may_lie_beside_its_files_and_else_says_what_is_missing(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "list.txt").write_text("a.jsonl\n")
    assert urls(open_archive(tmp_path / "list.txt")) == URLS
    (tmp_path / "list.txt").write_text("a.jsonl\nb.jsonl\n")
    with pytest.raises(ArchiveError, match=r"b\.jsonl, which is neither"):
        open_archive(tmp_path / "list.txt")


# -- behind a scheme ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """A bucket "archives" on moto's server: its name, what puts objects there, Beam's options."""
    folder = tmp_path_factory.mktemp("s3")
    endpoint = engines.s3.start(folder)
    engines.s3.make_bucket(endpoint, "archives")
    keys = {"region_name": "us-east-1", "aws_access_key_id": "t", "aws_secret_access_key": "t"}
    client = boto3.client("s3", endpoint_url=endpoint, **keys)
    options = [f"--s3_endpoint_url={endpoint}", "--s3_region_name=us-east-1"]
    options += ["--s3_access_key_id=t", "--s3_secret_access_key=t"]
    yield "s3://archives", lambda key, body: client.put_object(Bucket="archives", Key=key, Body=body), options
    engines.s3.stop(folder)


@pytest.fixture(scope="module")
def gs(tmp_path_factory):
    """The same on an emulator of Google's storage."""
    folder = tmp_path_factory.mktemp("gs")
    endpoint = engines.gcs.start(folder)
    engines.gcs.make_bucket(endpoint, "archives")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", endpoint)
        bucket = storage.Client(project="t", credentials=AnonymousCredentials()).bucket("archives")
        yield "gs://archives", lambda key, body: bucket.blob(key).upload_from_string(body), ["--no_auth"]
    engines.gcs.stop(folder)


@pytest.fixture(params=["s3", "gs"])
def bucket(request):
    """Where it is, and what puts objects there."""
    where, put, options = request.getfixturevalue(request.param)
    beam_storage(options)
    return where, put


@pytest.mark.parametrize("door", ["jsonl.zst", "warc.gz", "parquet"])
def test_archives_in_a_bucket_are_read_and_read_on_as_local_ones(bucket, tmp_path, door):
    where, put = bucket
    path = DOORS[door](tmp_path, ITEMS)
    put(f"{door}/{path.name}", path.read_bytes())
    local, remote = open_archive(path), open_archive(f"{where}/{door}/{path.name}")
    assert remote.channel == local.channel
    (piece,) = remote.pieces()
    found = list(remote.read(piece))
    assert [a.fetched for a in found] == [a.fetched for a in local.read(piece)]
    assert [a.fetched for a in remote.read(piece, found[2].position)] == [a.fetched for a in found[3:]]


def test_folders_globs_and_lists_in_a_bucket(bucket):
    where, put = bucket
    for n, name in enumerate(["pages/a.html", "pages/deep/b.html"]):
        put(name, page(ITEMS[n]))
    for n in (1, 2):
        put(f"news/{n}.jsonl", json.dumps(ITEMS[n]).encode())
    put("lists/paths", b"news/1.jsonl\nnews/2.jsonl\n")
    archive = open_archive(f"{where}/pages/")
    assert [a.fetched.position for a in archive.read(archive.pieces()[0])] == ["pages/a.html", "pages/deep/b.html"]
    assert [urls(a) for a in open_archives([f"{where}/news/*.jsonl"]).archives] == [URLS[1:2], URLS[2:3]]
    assert [urls(a) for a in open_archives([f"{where}/lists/paths"]).archives] == [URLS[1:2], URLS[2:3]]
    with pytest.raises(ArchiveError, match="there is no archive file"):
        open_archives([f"{where}/nothing/*"])


@pytest.mark.parametrize(
    ("path", "says"), [("ftp://a.example/x", "known are local paths"), ("hdfs://a.example/x", "pip install")]
)
def test_what_can_not_be_read_here_says_what_to_do(path, says):
    with pytest.raises((ArchiveError, ArchiveAway), match=says):
        open_archives([path])
