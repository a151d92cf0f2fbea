"""`dsk watch`: what it shows of runs, what it refuses, and that it only reads."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import pytest
from run_folders import steady, write_run
from scripted_rounds import run_scripted, scripted_spec
from watched_folder import go_on, serving, still_running

from dsk.core.errors import PortError
from dsk.core.run.records import read_records
from dsk.report import page as report_page
from dsk.report.series import evaluation_columns
from dsk.watch import watched
from dsk.watch.rows import QUIET_SECONDS
from dsk.watch.server import listen

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e"
SECRET = "the secret of this machine"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run of the script."""
    folder = tmp_path_factory.mktemp("whole") / "grown"
    run_scripted(scripted_spec((0.2, 0.5, 0.4), 0.05), folder)
    return folder


@pytest.fixture
def root(tmp_path, whole):
    """A folder with one finished run, and a secret beside it."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "spec.json").write_text(json.dumps({"name": SECRET}))
    (tmp_path / "secret" / "events.jsonl").write_text(SECRET)
    shutil.copytree(whole, tmp_path / "runs" / "grown")
    return tmp_path / "runs"


@pytest.fixture
def client(root):
    with serving(root) as found:
        yield found


def steps_of(folder: Path) -> list[dict]:
    return [record for record in read_records(folder) if record["event"] == "step"]


def test_a_row_says_what_the_last_records_say(client, root):
    last = steps_of(root / "grown")[-1]
    row = client.rows()["grown"]
    assert (row["status"], row["task"], row["rounds"]) == ("finished", "numbered", 3)
    names = ("step", "updates", "model_tokens", "seconds", "group_reward")
    assert {name: row[name] for name in names} == {name: last[name] for name in names}


def test_runs_are_found_at_any_depth_and_named_by_their_path(client, root):
    write_run(root / "study" / "arm" / "seed-0", steady(0.2, 0))
    assert set(client.rows()) == {"grown", "study/arm/seed-0"}
    assert client.get("run", "study/arm/seed-0")["last"]["when"] == "after"


def test_a_run_s_own_folder_can_be_watched(root):
    with serving(root / "grown") as client:
        [row] = client.get("runs")["runs"]
        assert (row["name"], client.get("run", row["run"])["status"]) == ("grown", "finished")


def test_a_run_that_goes_on_shows_each_new_record(client, root, whole):
    count = len(read_records(whole))
    folder = still_running(root / "live", whole, count // 2, os.getppid())
    before, report = client.rows()["live"], client.get("run", "live")
    assert (before["status"], report["status"]) == ("running", "running")
    assert report["steps"]["columns"]["step"] == [step["step"] for step in steps_of(folder)]
    go_on(folder, whole, count)
    after, report = client.rows()["live"], client.get("run", "live")
    assert after["step"] == steps_of(whole)[-1]["step"] > before["step"]
    assert report["steps"]["columns"]["step"] == [step["step"] for step in steps_of(whole)]


def test_half_a_line_is_waited_for(client, root, whole):
    folder = still_running(root / "live", whole, 3, os.getppid())
    line = (whole / "events.jsonl").read_bytes().splitlines(keepends=True)[3]
    with (folder / "events.jsonl").open("ab") as file:
        file.write(line[:20])
    assert "fault" not in client.rows()["live"]
    with (folder / "events.jsonl").open("ab") as file:
        file.write(line[20:])
    assert "fault" not in client.rows()["live"]
    assert client.get("run", "live")["status"] == "running"


def test_a_run_that_nothing_here_runs_goes_on_elsewhere_as_long_as_it_writes(client, root, whole):
    folder = still_running(root / "cluster", whole, 3, 2**31 - 2)
    assert client.rows()["cluster"]["status"] == client.get("run", "cluster")["status"] == "running"
    long_ago = (folder / "events.jsonl").stat().st_mtime - QUIET_SECONDS - 1
    os.utime(folder / "events.jsonl", (long_ago, long_ago))
    assert client.rows()["cluster"]["status"] == "interrupted"


def test_curves_of_several_runs_come_together_and_a_missing_one_is_told(client, root):
    write_run(root / "other", steady(0.2, 0))
    grown, other, missing = client.get("curves", "grown", "other", "gone")["runs"]
    assert grown["steps"]["columns"]["step"] == [step["step"] for step in steps_of(root / "grown")]
    assert other["evaluations"] == evaluation_columns(read_records(root / "other"))
    assert missing["fault"] == "this folder holds no such run (yet)"


def test_too_many_runs_to_lay_over_each_other_are_one_sentence(client):
    found = client.get("curves", *map(str, range(watched.MOST_LAID_OVER + 1)))
    assert found == {"fault": "13 runs to lay over each other: choose at most 12"}


def test_an_unchanged_answer_is_not_sent_again(client, root, whole):
    still_running(root / "live", whole, 4, os.getppid())
    first = client.ask("/api/run?run=live")
    assert client.ask("/api/run?run=live", If_None_Match=first.headers["etag"]).status == 304
    go_on(root / "live", whole, 12)
    assert client.ask("/api/run?run=live", If_None_Match=first.headers["etag"]).status == 200


def test_asking_again_makes_nothing_again(client, monkeypatch):
    made = []
    make = report_page.report_figures
    monkeypatch.setattr(watched, "report_figures", lambda *words: made.append(1) or make(*words))
    answers = {client.ask("/api/run?run=grown").body for _ in range(3)}
    assert (len(made), len(answers)) == (1, 1)


def break_spec(folder: Path) -> None:
    (folder / "spec.json").write_text('{"name": "ha')


def break_status(folder: Path) -> None:
    (folder / "status.json").write_text("[]")


def break_events(folder: Path) -> None:
    (folder / "events.jsonl").write_bytes(b'{"event": "step", "seq": 0, "time": 1.0}\n')


def break_bytes(folder: Path) -> None:
    (folder / "events.jsonl").write_bytes(b"\xff\xfe\n")


@pytest.mark.parametrize("damage", [break_spec, break_status, break_events, break_bytes])
def test_a_damaged_run_is_told_in_its_row_and_the_others_stand(client, root, damage):
    shutil.copytree(root / "grown", root / "broken")
    damage(root / "broken")
    rows = client.rows()
    assert "damaged" in rows["broken"]["fault"]
    assert "damaged" in client.get("run", "broken")["fault"]
    assert rows["grown"]["status"] == "finished"


def test_a_damaged_run_that_is_mended_is_shown_again(client, root):
    shutil.copytree(root / "grown", root / "broken")
    break_events(root / "broken")
    assert "fault" in client.rows()["broken"]
    shutil.copy(root / "grown" / "events.jsonl", root / "broken" / "events.jsonl")
    assert client.rows()["broken"]["step"] == client.rows()["grown"]["step"]
    assert client.get("run", "broken")["status"] == "finished"


def test_a_folder_without_runs_is_an_empty_list_until_one_begins(tmp_path, whole):
    with serving(tmp_path / "later") as client:
        assert client.get("runs")["runs"] == []
        shutil.copytree(whole, tmp_path / "later" / "grown")
        assert set(client.rows()) == {"grown"}


@pytest.mark.parametrize(
    "run",
    ["../secret", "..%2fsecret", "%2e%2e/secret", "grown/../../secret", "/etc", "grown/", "./grown", "", "grown\0"],
)
def test_only_runs_of_the_list_are_read_whatever_is_asked_for(client, run):
    for what in ("run", "texts", "curves"):
        answer = json.dumps(client.get(what, run))
        assert "this folder holds no such run" in answer
        assert SECRET not in answer


@pytest.mark.parametrize(
    "target",
    [
        "/../secret/events.jsonl", "/%2e%2e/secret/events.jsonl", "/..%2fsecret%2fevents.jsonl", "//etc/passwd",
        "/runs/grown/events.jsonl", "/grown/spec.json", "/api/run/../../secret", "/static/../../secret", "/api",
        "/..%5csecret", "/%252e%252e/secret",
    ],
)  # fmt: skip
def test_no_path_leads_to_a_file(client, target):
    reply = client.ask(target)
    assert (reply.status, reply.body) == (404, b"Not Found")


def link_run(root: Path) -> None:
    (root / "linked").symlink_to(root.parent / "secret")


def link_events(root: Path) -> None:
    shutil.copytree(root / "grown", root / "linked")
    (root / "linked" / "events.jsonl").unlink()
    (root / "linked" / "events.jsonl").symlink_to(root.parent / "secret" / "events.jsonl")


def link_deep(root: Path) -> None:
    shutil.copytree(root / "grown", root / "linked")
    (root / "linked" / "rounds" / "0" / "more.jsonl").symlink_to(root.parent / "secret" / "events.jsonl")


def link_spec(root: Path) -> None:
    (root / "linked").mkdir()
    (root / "linked" / "spec.json").symlink_to("../../secret/spec.json")


@pytest.mark.parametrize("link", [link_run, link_events, link_deep, link_spec])
def test_a_symbolic_link_that_leads_out_is_told_and_not_followed(client, root, link):
    link(root)
    assert "leads out" in client.rows()["linked"]["fault"]
    answers = [json.dumps(client.get(what, "linked")) for what in ("run", "texts", "curves")]
    assert all("leads out" in answer and SECRET not in answer for answer in answers)


def test_a_link_that_appears_later_is_seen(client, root):
    assert "fault" not in client.get("run", "grown")
    (root / "grown" / "rounds" / "0" / "more.jsonl").symlink_to("/etc/passwd")
    assert "leads out" in client.get("run", "grown")["fault"]


def test_a_pipe_in_a_run_is_not_waited_on(client, root):
    (root / "grown" / "events.jsonl").unlink()
    os.mkfifo(root / "grown" / "events.jsonl")
    assert "neither a file nor a folder" in client.rows()["grown"]["fault"]


def test_names_that_no_text_can_hold_are_keys_that_work(client, root):
    odd = os.fsdecode(b"odd \xff?&#%2e+")
    shutil.copytree(root / "grown", root / odd)
    row = next(row for row in client.get("runs")["runs"] if row["name"].startswith("odd"))
    assert client.get("run", row["run"])["status"] == "finished"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}",
     "0.0.0.0:{port}", "127.0.0.1:{port}@evil.example", "", "[::1]", "127.0.0.1.nip.io:{port}"],
)  # fmt: skip
def test_a_foreign_host_is_refused(client, host):
    for target in ("/", "/api/runs"):
        reply = client.ask(target, Host=host.format(port=client.port))
        assert reply.status == 403
        assert b"grown" not in reply.body


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_this_machine_s_own_names_are_answered(client, host):
    assert client.ask("/api/runs", Host=host.format(port=client.port)).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_whatever_is_not_reading_is_refused(client, method):
    for target in ("/", "/api/run?run=grown", "/nothing"):
        reply = client.ask(target, method, b"data" if method in ("POST", "PUT") else b"")
        assert (reply.status, reply.headers.get("allow")) == (405, "GET, HEAD")


def test_head_is_get_without_a_body(client):
    got, head = client.ask("/"), client.ask("/", "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(got.body)))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors"},
    ],
)  # fmt: skip
def test_a_page_of_another_site_gets_nothing(client, headers):
    reply = client.ask("/api/runs", **headers)
    assert reply.status == 403
    assert b"grown" not in reply.body


@pytest.mark.parametrize("target", ["/", "/api/runs", "/nothing", "/favicon.ico"])
def test_every_answer_is_sealed(client, target):
    for reply in (client.ask(target), client.ask(target, "POST"), client.ask(target, Host="evil.example")):
        headers = reply.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert not [name for name in headers if name.startswith("access-control")]


def test_the_page_may_ask_its_own_server_and_nothing_else(client):
    policy = client.ask("/").headers["content-security-policy"].split("; ")
    assert "connect-src 'self'" in policy
    assert not [part for part in policy if "unsafe-eval" in part or "http:" in part or "*" in part]


def test_hostile_text_is_json_that_a_browser_takes_for_nothing_else(client, root):
    shutil.copytree(root / "grown", root / "hostile")
    (root / "hostile" / "status.json").write_text(json.dumps({"status": "failed", "reason": HOSTILE}))
    reply = client.ask("/api/run?run=hostile")
    assert reply.headers["content-type"] == "application/json"
    assert reply.data["reason"] == HOSTILE
    assert b"<" not in reply.body


def test_what_dsk_did_not_foresee_is_an_answer_and_the_server_goes_on(client, monkeypatch):
    def fail(*_):
        raise KeyError(SECRET)

    monkeypatch.setattr(watched, "report_figures", fail)
    reply = client.ask("/api/run?run=grown")
    assert (reply.status, "KeyError" in reply.data["fault"]) == (500, True)
    assert SECRET not in reply.data["fault"]
    assert client.rows()["grown"]["status"] == "finished"


def test_it_writes_nothing(client, root):
    def everything():
        return {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in [root, *root.rglob("*")]}

    write_run(root / "other", steady(0.2, 0))
    before = everything()
    client.rows(), client.get("curves", "grown", "other"), client.ask("/")
    for run in ("grown", "other"):
        client.get("run", run), client.get("texts", run)
    assert everything() == before


def test_only_loopback_listens():
    with listen() as place:
        assert place.getsockname()[0] == "127.0.0.1"


def test_a_port_in_use_is_one_line():
    with (
        listen() as place,
        pytest.raises(PortError, match=r"^--port \d+: is in use; name another, or leave --port out"),
    ):
        listen(place.getsockname()[1])


def test_what_is_no_request_ends_its_connection_only(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
        assert b" 400 " in raw.recv(4096)
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        raw.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nHost: evil\r\n\r\n".encode())
        assert b" 200 " not in raw.recv(4096)
    assert client.rows()["grown"]["status"] == "finished"
