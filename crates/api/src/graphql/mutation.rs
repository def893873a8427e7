//! What can be done. What a caller does wrong is said in the payload.

use app::agents::{AgentChange, NewAgent};
use app::graph::MessageKind;
use app::projects::{NewProject, ProjectChange};
use app::reviews::NewComment;
use app::tasks::{Control, NewTask, TaskChange};
use app::{AppError, agents, projects, reviews, runs, tasks};
use async_graphql::{Context, ID, InputObject, Json, Object, Result, SimpleObject};
use serde_json::{Map, Value};

use super::context::{Asker, graph};
use super::errors::said;
use super::outcomes::Comment;
use super::types::{Agent, Project, PullRequest, Run, Task};

/// A payload: what came of it, whether it was done, and why not.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident $field:ident: $type:ty) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub(super) struct $name {
            /// What it is now; null if nothing was done.
            $field: Option<$type>,
            /// Whether it was done.
            success: bool,
            /// Why it was not done, in sentences.
            errors: Vec<String>,
        }

        impl $name {
            fn of(done: Result<impl Into<$type>, AppError>) -> Result<Self> {
                match done {
                    Ok(done) => Ok(Self { $field: Some(done.into()), success: true, errors: Vec::new() }),
                    Err(error) => Ok(Self { $field: None, success: false, errors: said(error)? }),
                }
            }
        }
    };
}

payload!(
    /// What came of making a project.
    CreateProjectPayload project: Project
);
payload!(
    /// What came of a change of a project.
    ProjectPayload project: Project
);
payload!(
    /// What came of a change of a task.
    TaskPayload task: Task
);
payload!(
    /// What came of a change of a run.
    RunPayload run: Run
);
payload!(
    /// What came of a remark.
    CommentPayload comment: Comment
);
payload!(
    /// What came of a change of a pull request.
    PullRequestPayload pull_request: PullRequest
);
payload!(
    /// What came of a change of an agent.
    AgentPayload agent: Agent
);
payload!(
    /// What came of asking an engine: `GET /api/v1/operations/{id}` says how far it is.
    OperationPayload operation_id: ID
);

/// A project that is to be made.
#[derive(InputObject)]
pub(super) struct CreateProjectInput {
    /// Its name, 1 to 100 characters.
    name: String,
    /// A directory on the server, `file://…`, `https://…` or `ssh://…`.
    repository_url: String,
    /// Found in the repository if not given.
    tech_stack: Option<Vec<String>>,
    /// What is asked of its agents.
    requirements: Option<Json<Map<String, Value>>>,
    /// Settings of its runs.
    configuration: Option<Json<Value>>,
}

/// Members of a project that are to be changed.
#[derive(InputObject)]
pub(super) struct UpdateProjectInput {
    name: Option<String>,
    repository_url: Option<String>,
    tech_stack: Option<Vec<String>>,
    requirements: Option<Json<Map<String, Value>>>,
    configuration: Option<Json<Value>>,
    agents_assigned: Option<Vec<ID>>,
    /// `active` brings an archived project back.
    status: Option<String>,
}

/// A task that is to be asked.
#[derive(InputObject)]
pub(super) struct CreateTaskInput {
    project_id: ID,
    /// What should change, up to 1 MB.
    description: String,
    title: Option<String>,
    /// Found from its words if not given.
    #[graphql(name = "type")]
    kind: Option<String>,
    priority: Option<String>,
    requirements: Option<Json<Map<String, Value>>>,
    dependencies: Option<Vec<ID>>,
    due_date: Option<String>,
    model: Option<String>,
    budget_usd: Option<f64>,
    max_turns: Option<u32>,
    solo: Option<bool>,
    plan_only: Option<bool>,
    base: Option<String>,
    approve: Option<bool>,
    /// Whether to begin as soon as its turn comes; yes if not given.
    start: Option<bool>,
}

/// Members of a task that are to be changed.
#[derive(InputObject)]
pub(super) struct UpdateTaskInput {
    title: Option<String>,
    priority: Option<String>,
    /// An empty text takes it away.
    due_date: Option<String>,
    /// An empty text lets the matcher choose anew.
    assigned_agent: Option<ID>,
    dependencies: Option<Vec<ID>>,
}

/// A remark that is to be made.
#[derive(InputObject)]
pub(super) struct CommentInput {
    /// The words, up to 64 KB.
    body: String,
    /// On which changed file.
    path: Option<String>,
    /// On which line of it, from 1.
    line: Option<u32>,
}

/// An agent that is to be registered.
#[derive(InputObject)]
pub(super) struct RegisterAgentInput {
    name: String,
    /// `technical_lead`, `architecture`, `developer` or `reviewer`.
    #[graphql(name = "type")]
    kind: String,
    specialization: Option<String>,
    capabilities: Option<Vec<String>>,
    model_version: Option<String>,
    /// None: it takes work of all.
    projects: Option<Vec<ID>>,
}

/// Members of an agent that are to be changed.
#[derive(InputObject)]
pub(super) struct UpdateAgentInput {
    name: Option<String>,
    specialization: Option<String>,
    capabilities: Option<Vec<String>>,
    model_version: Option<String>,
    projects: Option<Vec<ID>>,
    /// `retired` takes it out; `idle` brings it back.
    status: Option<String>,
}

/// An id of the input: what can't be one names nothing.
fn named<T: std::str::FromStr>(what: &'static str, id: &ID) -> Result<T, AppError> {
    id.0.parse().map_err(|_| AppError::not_found(what, &id.0))
}

fn texts(ids: Option<Vec<ID>>) -> Option<Vec<String>> {
    ids.map(|ids| ids.into_iter().map(|id| id.0).collect())
}

async fn control_task(asker: &Asker, id: &ID, control: Control) -> Result<tasks::Task, AppError> {
    let (platform, caller, origin) = asker.look();
    tasks::control(platform, caller, origin, named("task", id)?, control).await
}

async fn control_run(asker: &Asker, id: &ID, control: Control) -> Result<runs::Run, AppError> {
    let (platform, caller, origin) = asker.look();
    runs::control(platform, caller, origin, named("run", id)?, control).await
}

async fn say(asker: &Asker, id: &ID, kind: MessageKind, message: String) -> Result<runs::Run, AppError> {
    let (platform, caller, origin) = asker.look();
    runs::say(platform, caller, origin, named("run", id)?, kind, message).await
}

/// What can be done.
pub(super) struct Mutation;

#[Object]
impl Mutation {
    /// Makes a project, finds its agents, and asks an engine to bring its repository in.
    async fn create_project(
        &self,
        ctx: &Context<'_>,
        input: CreateProjectInput,
    ) -> Result<CreateProjectPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let new = NewProject {
            name: input.name,
            repository_url: input.repository_url,
            tech_stack: input.tech_stack,
            requirements: input.requirements.map(|json| json.0),
            configuration: input.configuration.map(|json| json.0),
        };
        CreateProjectPayload::of(projects::create(platform, caller, origin, new).await)
    }

    /// Changes the members of a project that are given.
    async fn update_project(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: UpdateProjectInput,
    ) -> Result<ProjectPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let change = ProjectChange {
            name: input.name,
            repository_url: input.repository_url,
            tech_stack: input.tech_stack,
            requirements: input.requirements.map(|json| json.0),
            configuration: input.configuration.map(|json| json.0),
            agents_assigned: texts(input.agents_assigned),
            status: input.status,
        };
        let done =
            async { projects::update(platform, caller, origin, named("project", &id)?, change, None).await };
        ProjectPayload::of(done.await)
    }

    /// Puts a project away; everything that was done in it stays.
    async fn archive_project(&self, ctx: &Context<'_>, id: ID) -> Result<ProjectPayload> {
        let asker = &graph(ctx)?.asker;
        let done = async {
            let id = named("project", &id)?;
            let (platform, caller, origin) = asker.look();
            projects::archive(platform, caller, origin, id, None).await?;
            projects::get(platform, caller, origin, id).await
        };
        ProjectPayload::of(done.await)
    }

    /// Asks a task of a project.
    async fn create_task(&self, ctx: &Context<'_>, input: CreateTaskInput) -> Result<TaskPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let project = input.project_id;
        let new = NewTask {
            description: input.description,
            title: input.title,
            kind: input.kind,
            priority: input.priority,
            requirements: input.requirements.map(|json| json.0),
            dependencies: texts(input.dependencies),
            due_date: input.due_date,
            model: input.model,
            budget_usd: input.budget_usd,
            max_turns: input.max_turns,
            solo: input.solo,
            plan_only: input.plan_only,
            base: input.base,
            approve: input.approve,
            start: input.start,
        };
        let done = async { tasks::create(platform, caller, origin, named("project", &project)?, new).await };
        TaskPayload::of(done.await)
    }

    /// Changes the members of a task that are given.
    async fn update_task(&self, ctx: &Context<'_>, id: ID, input: UpdateTaskInput) -> Result<TaskPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let change = TaskChange {
            title: input.title,
            priority: input.priority,
            due_date: input.due_date,
            assigned_agent: input.assigned_agent.map(|id| id.0),
            dependencies: texts(input.dependencies),
        };
        let done = async { tasks::update(platform, caller, origin, named("task", &id)?, change, None).await };
        TaskPayload::of(done.await)
    }

    /// Holds a task: its run stops at its next safe point.
    async fn pause_task(&self, ctx: &Context<'_>, id: ID) -> Result<TaskPayload> {
        TaskPayload::of(control_task(&graph(ctx)?.asker, &id, Control::Pause).await)
    }

    /// Lets a task go on.
    async fn resume_task(&self, ctx: &Context<'_>, id: ID) -> Result<TaskPayload> {
        TaskPayload::of(control_task(&graph(ctx)?.asker, &id, Control::Resume).await)
    }

    /// Ends a task for good.
    async fn cancel_task(&self, ctx: &Context<'_>, id: ID) -> Result<TaskPayload> {
        TaskPayload::of(control_task(&graph(ctx)?.asker, &id, Control::Cancel).await)
    }

    /// Begins a task anew after it failed.
    async fn retry_task(&self, ctx: &Context<'_>, id: ID) -> Result<TaskPayload> {
        TaskPayload::of(control_task(&graph(ctx)?.asker, &id, Control::Retry).await)
    }

    /// Tells the agents of a run something.
    async fn steer_run(&self, ctx: &Context<'_>, id: ID, message: String) -> Result<RunPayload> {
        RunPayload::of(say(&graph(ctx)?.asker, &id, MessageKind::Steer, message).await)
    }

    /// Answers the question of a run.
    async fn answer_run(&self, ctx: &Context<'_>, id: ID, message: String) -> Result<RunPayload> {
        RunPayload::of(say(&graph(ctx)?.asker, &id, MessageKind::Answer, message).await)
    }

    /// Holds a run at its next safe point.
    async fn pause_run(&self, ctx: &Context<'_>, id: ID) -> Result<RunPayload> {
        RunPayload::of(control_run(&graph(ctx)?.asker, &id, Control::Pause).await)
    }

    /// Lets a run go on.
    async fn resume_run(&self, ctx: &Context<'_>, id: ID) -> Result<RunPayload> {
        RunPayload::of(control_run(&graph(ctx)?.asker, &id, Control::Resume).await)
    }

    /// Ends a run for good.
    async fn cancel_run(&self, ctx: &Context<'_>, id: ID) -> Result<RunPayload> {
        RunPayload::of(control_run(&graph(ctx)?.asker, &id, Control::Cancel).await)
    }

    /// Leaves a remark on a pull request.
    async fn comment_pull_request(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: CommentInput,
    ) -> Result<CommentPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let new = NewComment { body: input.body, path: input.path, line: input.line };
        let done =
            async { reviews::comment(platform, caller, origin, named("pull request", &id)?, new).await };
        CommentPayload::of(done.await)
    }

    /// Approves the commit that is on the branch now.
    async fn approve_pull_request(&self, ctx: &Context<'_>, id: ID) -> Result<PullRequestPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let done = async { reviews::approve(platform, caller, origin, named("pull request", &id)?).await };
        PullRequestPayload::of(done.await)
    }

    /// Gives the open remarks, and `message` with them, back to the agents as a new task.
    async fn request_changes(
        &self,
        ctx: &Context<'_>,
        id: ID,
        message: Option<String>,
    ) -> Result<TaskPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let done = async {
            reviews::request_changes(platform, caller, origin, named("pull request", &id)?, message).await
        };
        TaskPayload::of(done.await)
    }

    /// Asks an engine to merge a pull request. `confirm` is its title, typed by who merges.
    async fn merge_pull_request(
        &self,
        ctx: &Context<'_>,
        id: ID,
        confirm: String,
        #[graphql(default = false)] draft: bool,
    ) -> Result<OperationPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let done = async {
            let id = named("pull request", &id)?;
            reviews::merge(platform, caller, origin, id, Some(confirm), draft).await
        };
        OperationPayload::of(done.await.map(|id| ID(id.to_string())))
    }

    /// Asks an engine to close a pull request; its branch stays.
    async fn close_pull_request(&self, ctx: &Context<'_>, id: ID) -> Result<OperationPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let done = async { reviews::close(platform, caller, origin, named("pull request", &id)?).await };
        OperationPayload::of(done.await.map(|id| ID(id.to_string())))
    }

    /// Registers an agent.
    async fn register_agent(&self, ctx: &Context<'_>, input: RegisterAgentInput) -> Result<AgentPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let new = NewAgent {
            name: input.name,
            kind: input.kind,
            specialization: input.specialization,
            capabilities: input.capabilities,
            model_version: input.model_version,
            projects: texts(input.projects),
        };
        AgentPayload::of(agents::register(platform, caller, origin, new).await)
    }

    /// Changes the members of an agent that are given.
    async fn update_agent(&self, ctx: &Context<'_>, id: ID, input: UpdateAgentInput) -> Result<AgentPayload> {
        let (platform, caller, origin) = graph(ctx)?.asker.look();
        let change = AgentChange {
            name: input.name,
            specialization: input.specialization,
            capabilities: input.capabilities,
            model_version: input.model_version,
            projects: texts(input.projects),
            status: input.status,
        };
        let done =
            async { agents::update(platform, caller, origin, named("agent", &id)?, change, None).await };
        AgentPayload::of(done.await)
    }
}
