import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fairprune.data.download import FILES, Remote, fetch
from fairprune.data.load import load_data
from fairprune.errors import DataError, MissingDataError
from fairprune.spec import DataSpec

CONTENT = b"what was published"
SHA = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/file" else 404)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def address(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched_once_checked_and_put_in_its_place(tmp_path, address, capfd):
    remote = Remote(f"{address}/file", SHA, "set/file")
    fetch([remote], tmp_path)
    assert (tmp_path / "set" / "file").read_bytes() == CONTENT
    (tmp_path / "set" / "file").write_bytes(b"a user's own")
    fetch([remote], tmp_path)
    assert (tmp_path / "set" / "file").read_bytes() == b"a user's own"
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_not_what_was_published_is_not_kept(tmp_path, address):
    with pytest.raises(DataError, match=r"/file cannot be fetched to .*set/file") as error:
        fetch([Remote(f"{address}/file", "sha256:" + "0" * 64, "set/file")], tmp_path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "set" / "file").exists()


def test_no_such_file_and_no_server(tmp_path, address):
    with pytest.raises(DataError, match="put the file there"):
        fetch([Remote(f"{address}/nothing", SHA, "set/file")], tmp_path)
    with pytest.raises(DataError, match="put the file there"):
        fetch([Remote("http://127.0.0.1:9/file", SHA, "set/file")], tmp_path)


def test_nothing_is_fetched_unless_it_is_allowed(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("fairprune.data.load.fetch", lambda remotes, root: asked.append((remotes, root)))
    with pytest.raises(MissingDataError, match="FAIRPRUNE_DATA"):
        load_data(DataSpec(name="mnist"), tmp_path)
    assert not asked
    with pytest.raises(MissingDataError):  # nothing came
        load_data(DataSpec(name="mnist"), tmp_path, download=True)
    assert asked == [(FILES["mnist"], tmp_path)]


def test_every_file_has_a_sha256_and_a_place_where_its_data_set_looks():
    for name, remotes in FILES.items():
        for remote in remotes:
            kind, _, digest = remote.digest.partition(":")
            assert kind == "sha256"
            assert len(bytes.fromhex(digest)) == 32
            assert remote.place == f"{name}/{remote.url.rsplit('/', 1)[1]}"
            assert remote.url.startswith("https://")
