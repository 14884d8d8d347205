"""A real S3 server on loopback, and machines with disks of their own."""

import os

import pytest


@pytest.fixture
def machines(tmp_path, monkeypatch):
    """Return a function that goes to another machine, with a disk of its own."""
    monkeypatch.delenv("TRUCKCOUNT_WRITER", raising=False)

    def go_to(name):
        monkeypatch.setenv("TRUCKCOUNT_COPIES", str(tmp_path / name))

    go_to("first")
    return go_to


@pytest.fixture(scope="module")
def s3_server():
    """A server that may be stopped and started again; it keeps what it was given."""
    pytest.importorskip("s3fs", reason="needs truckcount[s3]")
    server_module = pytest.importorskip("moto.server", reason="needs moto[s3], flask")
    server = server_module.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def s3(s3_server):
    """Its file system, with an empty bucket, for the whole file."""
    host, port = s3_server.get_host_and_port()
    values = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().makedirs("bucket", exist_ok=True)
    yield s3fs.S3FileSystem()
    s3fs.S3FileSystem.clear_instance_cache()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
