"""The gateway before a real server: nobody sees or changes what is another's."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from headless_chromium import headless_chromium
from voting.tls_proxy import Mode, make_certificate, tls_proxy

from annotation.human.studio import gateway_process, passwords, retrying_client
from annotation.human.studio.accounts import login
from annotation.human.studio.files import allow_files
from annotation.human.studio.importing import import_server
from annotation.human.studio.instructions import show_guidelines
from annotation.human.studio.ledger import PlacedTask, Planned, Project, VoteLedger, open_ledger
from annotation.human.studio.server import inner, start
from annotation.human.studio.server_paths import read_accounts
from annotation.human.studio.unread import unread_projects
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.labelling import LabelConfig

HOST = "https://label.example.org"
CONFIG = """<View><HyperText name="sticker" value="$html"/><Choices name="domain" toName="sticker">
<Choice value="cartoon"/><Choice value="real"/></Choices></View>"""
SAID = {
    "result": [{"from_name": "domain", "to_name": "sticker", "type": "choices",
                "value": {"choices": ["cartoon"]}}],
    "lead_time": 1.0,
}  # fmt: skip
GOLD = '{"id": "aa", "tags": [], "domain": "cartoon"}\n'


@dataclass(frozen=True)
class Team:
    """Three annotators with a project each, one for screening, one for adjudication."""

    studio: Any
    url: str
    config: LabelConfig
    projects: dict[str, int]
    tasks: dict[str, list[int]]

    @property
    def lead(self) -> dict[str, str]:
        return {"Authorization": f"Token {read_accounts(self.studio.place)['token']}"}

    @property
    def inside(self) -> str:
        return str(inner(self.studio.place))

    def password(self, number: int) -> str:
        held = read_accounts(self.studio.place)["passwords"]
        return str(held[self.config.accounts[number]])

    def browser(self, number: int) -> requests.Session:
        """An annotator's browser, which comes by the gateway."""
        return login(self.url, self.config.accounts[number], self.password(number))

    def vote(self, browser: requests.Session, on: int, **more: Any) -> requests.Response:
        return browser.post(f"{self.url}/api/tasks/{on}/annotations/", json={**SAID, **more})

    def known(self, path: str) -> Any:
        """What Label Studio itself says, asked by the lead."""
        return requests.get(f"{self.inside}{path}", headers=self.lead, timeout=60).json()


@pytest.fixture(scope="module")
def team(make_studio: Any, tmp_path_factory: pytest.TempPathFactory) -> Team:
    root = tmp_path_factory.mktemp("team")
    studio = make_studio(Workspace(root / "workspace"))
    (root / "guide.md").write_text("# Rules\n<script>x</script> ![p](https://e.example/p.png)")
    (root / "gold.jsonl").write_text(GOLD)
    config = LabelConfig(
        port=studio.config.label.port,
        annotators=({"account": "annotator-1@example.org", "name": "小明", "language": "zh"},
                    *LabelConfig().accounts[1:]),
        host=HOST,
        guidelines=str(root / "guide.md"),
        gold=str(root / "gold.jsonl"),
    )  # fmt: skip
    studio = replace(studio, config=Config(label=config))
    client, files = studio.connection.client, studio.connection.files
    (files / "stickers" / "aa").mkdir(parents=True)
    (files / "stickers" / "aa" / "aa.gif").write_bytes(b"GIF89a" + bytes(4000))
    projects, tasks = {}, {}
    with open_ledger(studio.workspace.root) as ledger:
        for name in (*config.accounts, "screening", "adjudication"):
            made = client.projects.create(title=name, label_config=CONFIG, maximum_annotations=3)
            allow_files(client, made.id, files)
            shown = [{"html": f"<img src='/data/local-files/?d=stickers/aa/aa.gif'>{n}"}
                     for n in range(2)]  # fmt: skip
            sent = client.projects.import_tasks(made.id, request=shown, return_task_ids=True)
            projects[name], tasks[name] = made.id, sent.task_ids
            purpose: Any = name if name in ("screening", "adjudication") else "labelling"
            person = name if purpose == "labelling" else ""
            ledger.add_project(Project(made.id, purpose, "b", "x", None, None, person=person))
            rows = list(zip(("aa", "bb"), sent.task_ids, strict=True))
            ledger.plan(
                Planned(purpose, sticker, "b", "b001", sticker == "aa", True, person)
                for sticker, _ in rows
            )
            ledger.place(purpose, made.id, "now", [PlacedTask(*row, None, person) for row in rows])
    return Team(studio, studio.outside, config, projects, tasks)


def test_a_vote_on_an_own_task_is_ones_own(team: Team) -> None:
    browser = team.browser(0)
    task = team.tasks[team.config.accounts[0]][0]
    lead = team.studio.connection.accounts.ids["lead@example.org"]
    reply = team.vote(browser, task, completed_by=lead, task=1, ground_truth=True)
    assert reply.status_code == 201
    number = reply.json()["id"]
    kept = team.known(f"/api/annotations/{number}/")
    assert kept["completed_by"] == team.studio.connection.accounts.ids[team.config.accounts[0]]
    assert (kept["task"], kept["ground_truth"]) == (task, False)
    changed = browser.patch(
        f"{team.url}/api/annotations/{number}/",
        json={"was_cancelled": True, "completed_by": lead, "task": task + 1},
    )
    assert changed.status_code == 200
    kept = team.known(f"/api/annotations/{number}/")
    assert (kept["was_cancelled"], kept["task"]) == (True, task)
    assert kept["completed_by"] != lead
    renamed = browser.post(
        f"{team.url}/api/tasks/{task}/annotations/",
        json=SAID,
        headers={"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"},
    )
    assert renamed.status_code == 201
    assert team.known(f"/api/tasks/{task}/")["id"] == task


def test_nothing_of_another_is_told_or_taken(team: Team) -> None:
    theirs, mine = team.browser(1), team.browser(2)
    name = team.config.accounts[1]
    task, project = team.tasks[name][0], team.projects[name]
    own = team.projects[team.config.accounts[2]]
    number = team.vote(theirs, task).json()["id"]
    asked = [
        ("GET", f"/api/tasks/{task}/"),
        ("GET", f"/api/tasks/{task}/?project={own}"),
        ("GET", f"/api/tasks/{task}/annotations/"),
        ("POST", f"/api/tasks/{task}/annotations/?project={own}"),
        ("POST", f"/api/tasks/{task}/drafts?project={own}"),
        ("GET", f"/api/annotations/{number}/"),
        ("PATCH", f"/api/annotations/{number}/"),
        ("DELETE", f"/api/annotations/{number}/"),
        ("GET", f"/api/projects/{project}/"),
        ("GET", f"/api/projects/{project}/next/"),
        ("POST", f"/api/dm/actions?id=next_task&project={project}"),
        ("POST", f"/api/dm/actions?id=delete_tasks&project={own}"),
        ("GET", f"/api/projects/{project}/export?exportType=JSON"),
        ("GET", "/api/users/"),
        ("GET", "/api/invite"),
        ("GET", "/api/current-user/token"),
        ("POST", "/api/token/"),
        ("GET", f"/api/tasks%2f{task}/"),
        ("GET", f"/static/..%2fapi/tasks/{task}/"),
        ("GET", f"//api/tasks/{task}/"),
    ]
    for method, path in asked:
        # Not through requests alone, which would tidy the path up.
        prepared = mine.prepare_request(requests.Request(method, team.url + "/", json={}))
        prepared.url = team.url + path
        reply = mine.send(prepared, timeout=60)
        assert reply.status_code in (400, 403), (method, path)
        assert name not in reply.text
    assert len(team.known(f"/api/tasks/{task}/")["annotations"]) == 1
    users = mine.get(f"{team.url}/api/users?project={own}").json()
    assert [user["email"] for user in users] == [team.config.accounts[2]]
    got = mine.post(f"{team.url}/api/dm/actions?id=next_task&project={own}",
                    json={"project": project, "selectedItems": {"all": True}})  # fmt: skip
    assert got.json()["project"] == own


def test_a_shared_project_shows_ones_own_answers_alone(team: Team) -> None:
    first, second = team.browser(1), team.browser(2)
    task = team.tasks["screening"][0]
    for browser in (first, second):
        assert team.vote(browser, task).status_code == 201
    for browser, name in ((first, 1), (second, 2)):
        told = browser.get(f"{team.url}/api/tasks/{task}/").json()
        assert [row["completed_by"]["email"] for row in told["annotations"]] == [
            team.config.accounts[name]
        ]
        assert told["annotators"] == []
        assert browser.head(f"{team.url}/api/tasks/{task}/").status_code == 200
        listed = browser.get(f"{team.url}/api/tasks/{task}/annotations/").json()
        assert len(listed) == 1
    assert team.vote(first, team.tasks["adjudication"][0]).status_code == 403


def test_what_was_taken_back_and_who_left_are_refused_kindly(team: Team) -> None:
    name = team.config.accounts[2]
    browser, task = team.browser(2), team.tasks[name][1]
    root = team.studio.workspace.root
    with open_ledger(root) as ledger:
        ledger.connection.execute("UPDATE tasks SET withdrawn_at = 'now' WHERE task = ?", (task,))
    assert team.vote(browser, task).status_code == 410
    with open_ledger(root) as ledger:
        ledger.connection.execute(
            "INSERT INTO departures (person, left_at) VALUES (?, 'now')", (name,)
        )
    page = browser.get(f"{team.url}/", headers={"Accept": "text/html"})
    assert page.status_code == 403
    assert "You have left this team" in page.text
    assert team.vote(browser, team.tasks[name][0]).status_code == 403
    with open_ledger(root) as ledger:
        ledger.connection.execute("UPDATE departures SET back_at = 'later'")
    assert browser.get(f"{team.url}/api/projects/{team.projects[name]}/").ok


def test_one_goes_on_past_what_was_taken_back(team: Team) -> None:
    name = team.config.accounts[1]
    project, client = team.projects[name], team.studio.connection.client
    browser = team.browser(1)
    address = f"{team.url}/api/dm/actions?id=next_task&project={project}"
    for task in team.tasks[name]:
        team.vote(browser, task)
    shown = [{"html": f"later {n}"} for n in range(4)]
    later = client.projects.import_tasks(project, request=shown, return_task_ids=True).task_ids
    taken, *rest = later
    with open_ledger(team.studio.workspace.root) as ledger:
        rows = list(zip("cdef", later, strict=True))
        ledger.plan(Planned("labelling", one, "b", "b002", False, True, name) for one, _ in rows)
        ledger.place("labelling", project, "now", [PlacedTask(*row, None, name) for row in rows])
        ledger.connection.execute("UPDATE tasks SET withdrawn_at = 'now' WHERE task = ?", (taken,))
    inside = requests.post(
        f"{team.inside}/api/dm/actions?id=next_task&project={project}",
        cookies=browser.cookies,
        headers={"X-CSRFToken": str(browser.headers["X-CSRFToken"]), "Referer": team.inside},
        json={},
        timeout=60,
    ).json()
    assert inside["id"] == taken, "Label Studio knows nothing of it"
    got = []
    for _ in rest[:-1]:
        said = browser.post(address, json={}).json()
        assert set(said) >= set(inside) - {"unique_lock_id"}
        assert (said["annotations"], said["data"]["html"][:5]) == ([], "later")
        got.append(said["id"])
        assert team.vote(browser, said["id"]).status_code == 201
    assert got == rest[:-1]
    assert browser.get(f"{team.url}/api/projects/{project}/next/").json()["id"] == rest[-1]
    assert team.vote(browser, rest[-1], was_cancelled=True).status_code == 201
    ended = browser.post(address, json={})
    assert (ended.status_code, ended.json()["detail"]) == (404, "No stickers are left for you.")
    assert team.known(f"/api/tasks/{taken}/")["id"] == taken, "nothing is deleted"


def test_the_screen_goes_on_past_what_was_taken_back(team: Team) -> None:
    name = team.config.accounts[2]
    project, client = team.projects[name], team.studio.connection.client
    session = team.browser(2)
    for task in team.tasks[name]:
        team.vote(session, task)
    shown = [{"html": f"<b class='sw-shown'>sticker {n}</b>"} for n in range(3)]
    later = client.projects.import_tasks(project, request=shown, return_task_ids=True).task_ids
    with open_ledger(team.studio.workspace.root) as ledger:
        rows = list(zip("ghi", later, strict=True))
        ledger.plan(Planned("labelling", one, "b", "b003", False, True, name) for one, _ in rows)
        ledger.place("labelling", project, "now", [PlacedTask(*row, None, name) for row in rows])
        ledger.connection.execute("UPDATE tasks SET withdrawn_at = 'now' WHERE task = ?", later[:1])
    with headless_chromium() as browser:
        browser.get(f"{team.url}/user/login/")
        for cookie in session.cookies:
            browser.add_cookie({"name": cookie.name, "value": cookie.value, "path": "/"})
        browser.get(f"{team.url}/projects/{project}/data?labeling=1")
        folder = os.environ.get("STICKERWORKS_SCREENSHOTS")
        for number in (1, 2):
            _seen(browser, f"sticker {number}")
            _found(browser, "input.ant-radio-input, input.ant-checkbox-input").click()
            if folder:
                browser.save_screenshot(f"{folder}/onward-{number}.png")
            _found(browser, "button[aria-label^=Submit]").click()
            _until(lambda task=later[number]: team.known(f"/api/tasks/{task}/")["annotations"], "c")
        _seen(browser, "queue")
        if folder:
            browser.save_screenshot(f"{folder}/onward-end.png")
    assert team.known(f"/api/tasks/{later[0]}/")["annotations"] == []


def _found(browser: Any, css: str) -> Any:
    """The first of such elements, as soon as there is one."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 20, 0.1).until(
        lambda _: browser.find_elements("css selector", css)
    )[0]


def _seen(browser: Any, text: str) -> None:
    """Wait until the page, or a frame of it, shows the text."""
    page = "return document.body.innerText + [...document.querySelectorAll('iframe')]"
    page += ".map(frame => frame.contentDocument?.body?.innerText).join()"
    _until(lambda: browser.execute_script(page), text)


def test_a_session_ends_with_logging_out_for_all_its_cookies(team: Team) -> None:
    browser = team.browser(1)
    old = browser.cookies["sessionid"]
    assert browser.get(f"{team.url}/", headers={"Accept": "text/html"}).ok
    newer, other = browser.cookies["sessionid"], team.browser(1)
    browser.get(f"{team.url}/logout/", allow_redirects=False)
    who = "/api/current-user/whoami"
    for kept in (old, newer):
        known = requests.get(f"{team.inside}{who}", cookies={"sessionid": kept}, timeout=60)
        assert known.ok, "Label Studio believes whatever it signed"
        asked = requests.get(f"{team.url}{who}", cookies={"sessionid": kept}, timeout=60)
        assert asked.status_code == 401
    page = requests.get(f"{team.url}/user/login/", cookies={"sessionid": newer}, timeout=60)
    assert "password" in page.text, "one can log in again with the old cookie"
    assert other.get(f"{team.url}{who}").ok
    gateway_process.end(team.studio.place)
    assert start(team.studio.place, team.config) == team.url
    asked = requests.get(f"{team.url}{who}", cookies={"sessionid": newer}, timeout=60)
    assert asked.status_code == 401
    assert team.browser(1).get(f"{team.url}{who}").ok


def test_wrong_passwords_are_slowed_down(team: Team) -> None:
    name = team.config.accounts[2]

    def enter(password: str, address: str) -> requests.Response:
        with requests.Session() as session:
            session.get(f"{team.url}/user/login/", timeout=60)
            form = {"email": name.upper(), "password": password}
            form["csrfmiddlewaretoken"] = session.cookies["csrftoken"]
            headers = {"X-Forwarded-For": f"6.6.6.6, {address}", "Accept": "text/html"}
            return session.post(f"{team.url}/user/login/", data=form, headers=headers, timeout=60,
                                allow_redirects=False)  # fmt: skip

    assert [enter("wrong", "192.0.2.1").status_code for _ in range(10)] == [200] * 10
    refused = enter(team.password(2), "192.0.2.1")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "Too many wrong passwords" in refused.text
    assert enter(team.password(2), "192.0.2.2").status_code == 302, "they come from elsewhere"


def test_bodies_that_are_no_answer_or_too_large_are_refused(team: Team) -> None:
    browser, task = team.browser(1), team.tasks[team.config.accounts[1]][1]
    address = f"{team.url}/api/tasks/{task}/annotations/"
    assert browser.post(address, data={"result": "[]"}).status_code == 400
    kind = {"Content-Type": "application/json"}
    for body in (b"[", b"[]", b"[" * 100_000, b'"x"'):
        assert browser.post(address, data=body, headers=kind).status_code == 400
    assert browser.post(address, json={"result": "x" * 2_100_000}).status_code == 413


def test_files_come_in_part_as_they_are_asked_for(team: Team) -> None:
    browser = team.browser(1)
    address = f"{team.url}/data/local-files/?d=stickers/aa/aa.gif"
    assert browser.get(address).content == b"GIF89a" + bytes(4000)
    part = browser.get(address, headers={"Range": "bytes=0-5"})
    assert (part.status_code, part.content) in ((206, b"GIF89a"), (200, b"GIF89a" + bytes(4000)))
    assert requests.get(address, timeout=60).status_code == 401


def test_the_first_page_says_how_far_one_is_and_how_one_did(team: Team) -> None:
    browser = team.browser(0)
    page = browser.get(f"{team.url}/").text
    assert "你好，小明" in page
    assert "&lt;script&gt;" in page
    assert "e.example" not in page
    assert "已知标签" not in page, "gold stays unknown while the batch is not done"
    name = team.config.accounts[0]
    for task in team.tasks[name]:
        assert team.vote(browser, task).status_code == 201
    team.studio.place.accounts.touch()
    _until(lambda: browser.get(f"{team.url}/").text, "全部 2 张都已完成")
    assert "已知标签" not in browser.get(f"{team.url}/").text, "an answer could still be changed"
    with open_ledger(team.studio.workspace.root) as ledger:
        import_server(team.studio.connection, ledger, reconcile_hours=1)
    page = browser.get(f"{team.url}/").text
    assert "已知标签" in page
    assert "全部 2 张都已完成" in page
    assert "stickers/aa/aa.gif" in page
    answer = browser.get(f"{team.url}/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    screen = browser.get(
        f"{team.url}/projects/{team.projects[name]}/data?labeling=1",
        headers={"Accept": "text/html"},
    ).text
    assert "/_stickerworks/chinese.js" in screen
    lead = login(
        team.url,
        "lead@example.org",
        read_accounts(team.studio.place)["passwords"]["lead@example.org"],
    )
    assert f"/projects/{team.projects['adjudication']}/data" in lead.get(f"{team.url}/").text
    assert lead.get(f"{team.url}/api/users/").ok


def test_what_label_studio_breaks_on_is_mended_or_refused(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying_client, "_FIRST_WAIT_S", 0.01)
    browser, task = team.browser(1), team.tasks[team.config.accounts[1]][0]
    text = {"from_name": "note", "to_name": "sticker", "type": "textarea"}
    half = {**text, "value": {"text": ["a\ud83d b"], "taxonomy": [["x\udc00"]]}}
    reply = team.vote(browser, task, result=[half])
    assert reply.status_code == 201
    kept = team.known(f"/api/annotations/{reply.json()['id']}/")["result"][0]["value"]
    assert kept == {"text": ["a\ufffd b"], "taxonomy": [["x\ufffd"]]}
    for odd in ({"result": {"a": 1}}, {"result": [1]}, {"unique_id": "x"}, {"draft_id": "x"}):
        assert team.vote(browser, task, **odd).status_code == 400, odd
    # One that came another way: everything else is read.
    sent = requests.post(f"{team.inside}/api/tasks/{task}/annotations/", headers=team.lead,
                         json={**SAID, "result": [half]}, timeout=60)  # fmt: skip
    assert sent.status_code in (201, 500)
    with open_ledger(team.studio.workspace.root) as ledger:
        found = import_server(team.studio.connection, ledger, reconcile_hours=0)
        project = team.projects[team.config.accounts[1]]
        assert found.unread == ((project, task),)
        assert (found.tasks, unread_projects(ledger)) == (_placed(ledger) - 1, (project,))
        number = max(row["id"] for row in _numbers(team, task))
        requests.delete(f"{team.inside}/api/annotations/{number}/", headers=team.lead, timeout=60)
        again = import_server(team.studio.connection, ledger, reconcile_hours=0)
        assert (again.unread, unread_projects(ledger)) == ((), ())


def _placed(ledger: VoteLedger) -> int:
    return sum(row["task"] is not None for row in ledger.tasks())


def _numbers(team: Team, task: int) -> list[dict[str, int]]:
    import sqlite3

    with sqlite3.connect(team.studio.place.data / "label_studio.sqlite3") as database:
        rows = database.execute("SELECT id FROM task_completion WHERE task_id = ?", (task,))
        return [{"id": row[0]} for row in rows]


def test_browsers_keep_nothing_and_only_pages_renew_a_login(team: Team) -> None:
    browser, name = team.browser(1), team.config.accounts[1]
    task, project = team.tasks[name][0], team.projects[name]
    for path in (f"/api/tasks/{task}/", "/api/current-user/whoami",
                 "/data/local-files/?d=stickers/aa/aa.gif", "/"):  # fmt: skip
        told = browser.get(team.url + path)
        assert told.ok
        assert "Set-Cookie" not in told.headers, path
        assert told.headers["Cache-Control"] == "private, no-store", path
    static = browser.get(f"{team.url}/static/css/login.css")
    assert "Set-Cookie" not in static.headers
    assert "no-store" not in static.headers["Cache-Control"]
    screen = browser.get(f"{team.url}/projects/{project}/data?labeling=1",
                         headers={"Accept": "text/html"})  # fmt: skip
    assert "sessionid" in screen.headers["Set-Cookie"]
    for language, words in (("zh-CN,en;q=0.5", True), ("en", False)):
        asked = {"Accept": "text/html", "Accept-Language": language}
        page = requests.get(f"{team.url}/user/login/", headers=asked, timeout=60)
        assert ("chinese.js" in page.text) == words


def test_guidelines_stand_before_the_screen_and_follow_their_file(team: Team) -> None:
    name = team.config.accounts[1]
    project, client = team.projects[name], team.studio.connection.client
    assert team.config.guidelines is not None
    for text in ("# Old", "# New"):
        Path(team.config.guidelines).write_text(text)
        show_guidelines(client, project, team.config, name)
        told = team.browser(1).get(f"{team.url}/api/projects/{project}/").json()
        assert told["expert_instruction"] == f"<h1>{text[2:]}</h1>\n"
        assert told["show_instruction"] is True
    show_guidelines(client, project, LabelConfig(), name)
    assert team.known(f"/api/projects/{project}/")["show_instruction"] is False


def _until(ask: Any, word: str) -> str:
    import time

    for _ in range(30):
        page = str(ask())
        if word in page:
            return page
        time.sleep(0.5)  # counts are kept for some seconds
    raise AssertionError(f"{word} never came")


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("mode", ["keep", "rewrite", "strip"])
def test_people_come_by_a_proxy_with_tls(team: Team, mode: Mode, tmp_path: Path) -> None:
    name, password = team.config.accounts[1], team.password(1)
    certificate = make_certificate(tmp_path)
    proxy = tls_proxy(certificate, team.config.port, mode=mode)
    with proxy as port, requests.Session() as browser:
        browser.trust_env, browser.verify = False, False
        browser.headers.update({"Host": "label.example.org", "Origin": HOST})
        base = f"https://127.0.0.1:{port}"
        page = browser.get(f"{base}/user/login/", timeout=60)
        assert page.ok, page.text
        form = {"email": name, "password": password}
        form["csrfmiddlewaretoken"] = page.cookies["csrftoken"]
        reply = browser.post(f"{base}/user/login/", data=form, timeout=60, allow_redirects=False)
        assert reply.status_code == 302
        assert reply.headers["Location"].startswith("/")
        cookies = reply.headers["Set-Cookie"]
        assert "domain" not in cookies.lower()
        assert ("Secure" in cookies) == (mode != "strip"), "stripped, nobody can know of TLS"
        browser.headers["X-CSRFToken"] = reply.cookies["csrftoken"]
        task = team.tasks[name][1]
        reply = browser.post(f"{base}/api/tasks/{task}/annotations/", json=SAID, timeout=60)
        assert reply.status_code == 201
        browser.headers["Origin"] = "https://evil.example"
        reply = browser.post(f"{base}/api/tasks/{task}/annotations/", json=SAID, timeout=60)
        assert reply.status_code == (201 if mode == "strip" else 403)
        if mode == "strip":  # browsers say this of a page's site as well
            browser.headers["Sec-Fetch-Site"] = "cross-site"
            reply = browser.post(f"{base}/api/tasks/{task}/annotations/", json=SAID, timeout=60)
            assert reply.status_code == 403
        if mode == "keep":
            browser.headers["Host"] = "other.example.org"
            reply = browser.get(f"{base}/", timeout=60)
            assert reply.status_code == 400
            assert "set label.host: https://other.example.org" in reply.text


def test_a_new_password_ends_old_sessions_and_a_kill_loses_none(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, name = team.browser(2), team.config.accounts[2]
    before = team.password(2)
    assert old.get(f"{team.url}/api/current-user/whoami").ok
    tell = passwords._tell

    def told_and_killed(*words: Any) -> None:
        tell(*words)
        raise KeyboardInterrupt

    monkeypatch.setattr(passwords, "_tell", told_and_killed)
    with pytest.raises(KeyboardInterrupt):
        passwords.new_password(team.studio.place, team.config, name.upper())
    monkeypatch.undo()
    noted = read_accounts(team.studio.place)
    password = noted["pending"][name]
    assert noted["passwords"][name] == before != password
    assert login(team.url, name, password).cookies.get("sessionid")
    passwords.take_up_pending(team.studio.place, team.config)
    assert (team.password(2), read_accounts(team.studio.place)["pending"]) == (password, {})
    assert old.get(f"{team.url}/api/current-user/whoami").status_code == 401
    assert team.browser(2).get(f"{team.url}/api/current-user/whoami").ok
    log = (team.studio.place.root / "gateway-access.log").read_text()
    assert not any(word in log for word in (password, before, "sessionid", "csrf", name))
