"""What Flink says, in one line. (Its REST API is used on a real cluster: tests/engines.)"""

import pytest

from connectors.flink import Flink, FlinkError, FlinkUnavailable, cause

JAVA = """org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
\tat org.apache.flink.runtime.executiongraph.failover.Handler.handleFailure(Handler.java:1)
Caused by: java.lang.RuntimeException: Failed to finish remote bundle
\t... 12 more
Caused by: java.lang.IllegalStateException: There is no operator for the state 5e0c
\tat org.apache.flink.runtime.checkpoint.Checkpoints.throwNonRestoredStateException(Checkpoints.java:2)
"""
PYTHON = """java.lang.RuntimeException: SDK Harness failed
Caused by: java.util.concurrent.ExecutionException: Error for instruction 9: Traceback (most recent call last):
  File "worker.py", line 1, in run
    self.go()
ValueError: the warehouse is of another shape
\tat java.base/java.util.concurrent.CompletableFuture.reportGet(CompletableFuture.java:396)
"""


def test_the_innermost_cause_is_told():
    assert cause(JAVA) == "java.lang.IllegalStateException: There is no operator for the state 5e0c"


def test_what_python_raised_is_told_rather_than_what_java_made_of_it():
    assert cause(PYTHON) == "ValueError: the warehouse is of another shape"


def test_a_message_without_a_trace_is_told_as_it_is():
    assert cause("Job could not be found\n") == "Job could not be found"
    assert cause("") == ""


def test_a_cluster_that_is_not_there_is_told_of():
    with pytest.raises(FlinkUnavailable, match="is the JobManager running"):
        Flink("127.0.0.1:1", patience=0).jobs()


def test_a_url_that_is_none_is_told_of():
    with pytest.raises(FlinkError, match="is no Flink"):
        Flink("http://").jobs()
