"""The same three reads and the same creation in FastAPI, as a team would write them: SQLite (write-ahead log,
synchronous=FULL), tokens by their hash, models for answers. `serve.py DATABASE PORT`."""

import hashlib
import json
import os
import sqlite3
import sys
import threading
import time
import uuid

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

TOKEN = "aamas_api_bench"
DATABASE = os.environ.get("BENCH_DATABASE") or sys.argv[1]


class Project(BaseModel):
    id: str
    name: str
    repository_url: str
    tech_stack: list[str]
    agents_assigned: list[str]
    status: str
    created_at: str
    updated_at: str


class Candidate(BaseModel):
    agent_id: str
    name: str
    score: float
    reasons: list[str]


class Assignment(BaseModel):
    reason: str
    score: float
    candidates: list[Candidate]


class Interval(BaseModel):
    low: float
    high: float


class Risk(BaseModel):
    level: str
    reasons: list[str]


class Task(BaseModel):
    id: str
    project_id: str
    title: str
    description: str
    type: str
    priority: str
    status: str
    assigned_agent: str | None
    assignment: Assignment
    effort_interval: Interval
    risk: Risk
    dependencies: list[str]
    requirements: dict
    estimated_effort: float | None
    actual_effort: float | None
    quality_score: float | None
    created_at: str
    updated_at: str


# What a matcher says of five agents, as long as what ours says.
ASSIGNMENT = Assignment(
    reason="Backend developer fits best: what it can do, nothing else to do, no record yet",
    score=0.81,
    candidates=[
        Candidate(
            agent_id=f"agent_01m84e428hegfta99zd6mq5a9{n}",
            name="Backend developer",
            score=0.81,
            reasons=["can do all that is asked", "knows backend best", "has nothing to do", "has no record yet"],
        )
        for n in range(5)
    ],
)


class NewTask(BaseModel):
    title: str
    description: str
    start: bool = True


local = threading.local()


def database() -> sqlite3.Connection:
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(DATABASE, timeout=30)
        local.connection.execute("PRAGMA journal_mode=WAL")
        local.connection.execute("PRAGMA synchronous=FULL")
    return local.connection


def tenant(authorization: str = Header()) -> str:
    digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()
    row = database().execute("SELECT tenant FROM tokens WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        raise HTTPException(401)
    return row[0]


app = FastAPI()


@app.get("/projects/{project}")
def read_project(project: str, tenant: str = Depends(tenant)) -> Project:
    row = database().execute("SELECT doc FROM projects WHERE tenant = ? AND id = ?", (tenant, project)).fetchone()
    if row is None:
        raise HTTPException(404)
    return Project(**json.loads(row[0]))


@app.get("/tasks/{task}")
def read_task(task: str, tenant: str = Depends(tenant)) -> Task:
    row = database().execute("SELECT doc FROM tasks WHERE tenant = ? AND id = ?", (tenant, task)).fetchone()
    if row is None:
        raise HTTPException(404)
    return Task(**json.loads(row[0]))


@app.get("/projects/{project}/tasks")
def list_tasks(project: str, limit: int = 50, tenant: str = Depends(tenant)) -> list[Task]:
    rows = database().execute(
        "SELECT doc FROM tasks WHERE tenant = ? AND project = ? ORDER BY number DESC LIMIT ?", (tenant, project, limit)
    )
    return [Task(**json.loads(doc)) for (doc,) in rows]


def new_task(project: str, title: str, description: str) -> Task:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Task(
        id=f"task_{uuid.uuid4().hex}", project_id=project, title=title, description=description, type="fix",
        priority="medium", status="submitted", assigned_agent="agent_1", assignment=ASSIGNMENT,
        effort_interval=Interval(low=0.5, high=4.0), risk=Risk(level="low", reasons=["a small change"]), dependencies=[], requirements={},
        estimated_effort=1.5, actual_effort=None, quality_score=None, created_at=now, updated_at=now,
    )


def insert(task: Task) -> None:
    with database() as connection:
        connection.execute(
            "INSERT INTO tasks (tenant, project, id, doc) VALUES ('t', ?, ?, ?)",
            (task.project_id, task.id, task.model_dump_json()),
        )


@app.post("/projects/{project}/tasks", status_code=201)
def create_task(project: str, new: NewTask, tenant: str = Depends(tenant)) -> Task:
    task = new_task(project, new.title, new.description)
    insert(task)
    return task


def fill() -> None:
    connection = database()
    connection.executescript(
        """CREATE TABLE tokens (digest TEXT PRIMARY KEY, tenant TEXT NOT NULL);
        CREATE TABLE projects (tenant TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (tenant, id));
        CREATE TABLE tasks (number INTEGER PRIMARY KEY, tenant TEXT NOT NULL, project TEXT NOT NULL, id TEXT NOT NULL,
            doc TEXT NOT NULL);
        CREATE UNIQUE INDEX tasks_by_id ON tasks (tenant, id);
        CREATE INDEX tasks_by_project ON tasks (tenant, project, number);"""
    )
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    project = Project(
        id="p", name="Bench", repository_url="/srv/repository", tech_stack=["python"],
        agents_assigned=[f"agent_{n}" for n in range(12)], status="active", created_at=now, updated_at=now,
    )
    with connection:
        connection.execute("INSERT INTO tokens VALUES (?, 't')", (digest,))
        connection.execute("INSERT INTO projects VALUES ('t', 'p', ?)", (project.model_dump_json(),))
    for number in range(20):
        task = new_task("p", f"Task {number}", "Correct the area of a rectangle.")
        insert(task.model_copy(update={"id": f"task_{number}"}))


if __name__ == "__main__":
    import uvicorn

    fill()
    os.environ["BENCH_DATABASE"] = DATABASE
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    # Two processes, as the machine of the figures has two cores.
    uvicorn.run("serve:app", host="127.0.0.1", port=int(sys.argv[2]), workers=2, access_log=False, log_level="warning")
