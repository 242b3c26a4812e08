"""A pipeline as a jar: what is in it, and which options it takes."""

import json
import zipfile

import apache_beam as beam
import pytest

from pipeline.runners.flink import options, pack


def packed(tmp_path, *given: str) -> tuple[dict, dict]:
    """The pipeline and its options, as Java will find them in the jar."""
    server, jar = tmp_path / "job-server.jar", tmp_path / "job.jar"
    with zipfile.ZipFile(server, "w") as archive:
        archive.writestr("Runner.class", b"java")
    pack(lambda p: p | beam.Create([1]) | beam.Map(str), options(given), "127.0.0.1:50000", server, jar)
    with zipfile.ZipFile(jar) as archive:
        assert archive.read("Runner.class") == b"java"
        folder = f"BEAM-PIPELINE/{json.loads(archive.read('BEAM-PIPELINE/pipeline-manifest.json'))['defaultJobName']}"
        return json.loads(archive.read(f"{folder}/pipeline.json")), json.loads(
            archive.read(f"{folder}/pipeline-options.json")
        )


def test_the_workers_are_those_of_the_pool_and_nothing_is_staged(tmp_path):
    pipeline, _ = packed(tmp_path)
    environments = pipeline["components"]["environments"].values()
    assert {e["urn"] for e in environments} == {"beam:env:external:v1"}
    assert not any(e.get("dependencies") for e in environments)


def test_the_runner_gets_its_options_as_it_spells_them(tmp_path):
    _, found = packed(tmp_path, "--max_bundle_time_mills=90", "--parallelism=3")
    assert found["beam:option:max_bundle_time_mills:v1"] == "90"
    assert found["beam:option:parallelism:v1"] == "3"
    assert found["beam:option:flink_master:v1"] == "[auto]"
    assert found["beam:option:streaming:v1"] is True
    assert found["beam:option:fail_on_checkpointing_errors:v1"] == "false"
    assert "beam:option:runner:v1" not in found


@pytest.mark.parametrize("word", ["--max_bundle_time_millis=90", "--paralelism=3"])
def test_a_misspelt_option_is_refused(word):
    with pytest.raises(ValueError, match="no such option: --"):
        options([word])


@pytest.mark.parametrize("word", ["--streaming", "--environment_config=127.0.0.1:1", "--flink_version=1.19"])
def test_what_wiredesk_sets_is_not_the_user_s_to_set(word):
    with pytest.raises(ValueError, match="leave it out"):
        options([word])


def test_what_is_given_goes_before_settings_before_defaults():
    found = options(["--job_name=mine"], checkpointing_interval=5000, max_bundle_size=7)
    assert found.get_all_options()["job_name"] == "mine"
    kept = found.get_all_options(retain_unknown_options=True)
    assert (kept["checkpointing_interval"], kept["max_bundle_size"]) == ("5000", "7")
