"""The master of a Spark cluster: its name, and one line at once where nothing is there."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from forum_dump import Silent, comment, post, wanted

from finetune.curation.master import check_reached, master_of
from finetune.curation.run import curate
from ppai.errors import PPAIError


@pytest.mark.parametrize(
    ("address", "master"),
    [
        ("", "local[*]"),
        ("local", "local"),
        ("local[2]", "local[2]"),
        ("local[2,3]", "local[2,3]"),
        ("localhost:7077", "spark://localhost:7077"),
        ("local.example.org:7077", "spark://local.example.org:7077"),
        ("spark://host:7077", "spark://host:7077"),
        ("yarn", "yarn"),
        ("yarn-head:7077", "spark://yarn-head:7077"),
        ("k8s://https://host:443", "k8s://https://host:443"),
    ],
)
def test_a_master_is_named_as_spark_does(address: str, master: str) -> None:
    assert master_of(address) == master


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a port that nobody listens at, as the one who holds it does not."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{holder.getsockname()[1]}"


def test_a_master_that_is_not_reached_is_named_with_the_reason(silent: str) -> None:
    with pytest.raises(PPAIError) as refused:
        check_reached(f"spark://{silent},nowhere.invalid:7077")
    line = str(refused.value)
    assert line.startswith(
        f"--engine: no Spark master is reached at {silent}: Connection refused; nowhere.invalid:7077: "
    )
    assert "\n" not in line and not line.endswith(": ")


def test_one_machine_of_several_is_enough_and_other_masters_are_left_to_spark(silent: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        check_reached(f"spark://{silent},127.0.0.1:{there.getsockname()[1]}")
    for master in ("local[2]", "yarn", "k8s://https://nowhere.invalid:443"):
        check_reached(master)


@pytest.mark.parametrize("address", ["nowhere", "host:", ":7077", "host:port", "host:0", "host:70777", "a:7077,b"])
def test_an_address_without_a_port_is_one_line(address: str) -> None:
    with pytest.raises(
        PPAIError, match=r"^--engine: '.*' is no HOST:PORT of a Spark master, as in pyspark://HOST:7077$"
    ):
        check_reached(f"spark://{address}", seconds=0.01)


@pytest.mark.slow
def test_a_curation_on_a_cluster_that_is_not_there_ends_at_once(tmp_path: Path, silent: str) -> None:
    pytest.importorskip("pyspark.sql", reason="pip install 'pyspark>=4.3,<4.4'")
    began = time.monotonic()
    with pytest.raises(PPAIError, match=r"^--engine: no Spark master is reached at 127\.0\.0\.1:"):
        curate(wanted(tmp_path, [post("p")], [comment("c", "p")], engine=f"pyspark://{silent}", out="out"), Silent())
    assert time.monotonic() - began < 30
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.stat().st_size]
