//! Written by `cargo run -p client --example generate` from `openapi.json`. Change that, not this.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Client;
use crate::call::{Asked, Bytes, Call, Json, Nothing, OrLater};

/// Operations of the API: one function each.
impl Client {
    /// Lists projects.
    ///
    /// `GET /api/v1/projects`
    pub fn list_projects(&self, query: &ListProjectsQuery) -> Asked<'_, Json<PageOfProject>> {
        let call = Call::new("GET", "/api/v1/projects", &[]).query(query);
        Asked::new(self, call)
    }

    /// Creates a project: its agents are found, and its repository is brought in.
    ///
    /// `POST /api/v1/projects`
    pub fn create_project(&self, body: &NewProject) -> Asked<'_, Json<Project>> {
        let call = Call::new("POST", "/api/v1/projects", &[]).body(body);
        Asked::new(self, call)
    }

    /// Reads a project.
    ///
    /// `GET /api/v1/projects/{project_id}`
    pub fn get_project(&self, project_id: &str) -> Asked<'_, Json<Project>> {
        let call = Call::new("GET", "/api/v1/projects/{project_id}", &[project_id]);
        Asked::new(self, call)
    }

    /// Archives a project; what was done stays.
    ///
    /// `DELETE /api/v1/projects/{project_id}`
    pub fn archive_project(&self, project_id: &str) -> Asked<'_, Nothing> {
        let call = Call::new("DELETE", "/api/v1/projects/{project_id}", &[project_id]);
        Asked::new(self, call)
    }

    /// Changes a project.
    ///
    /// `PATCH /api/v1/projects/{project_id}`
    pub fn update_project(&self, project_id: &str, body: &ProjectChange) -> Asked<'_, Json<Project>> {
        let call = Call::new("PATCH", "/api/v1/projects/{project_id}", &[project_id]).body(body);
        Asked::new(self, call)
    }

    /// Lists the agents of a project, with what each is doing.
    ///
    /// `GET /api/v1/projects/{project_id}/agents`
    pub fn list_project_agents(
        &self,
        project_id: &str,
        query: &ListProjectAgentsQuery,
    ) -> Asked<'_, Json<PageOfAgent>> {
        let call = Call::new("GET", "/api/v1/projects/{project_id}/agents", &[project_id]).query(query);
        Asked::new(self, call)
    }

    /// Lists the tasks of a project.
    ///
    /// `GET /api/v1/projects/{project_id}/tasks`
    pub fn list_project_tasks(
        &self,
        project_id: &str,
        query: &ListProjectTasksQuery,
    ) -> Asked<'_, Json<PageOfTask>> {
        let call = Call::new("GET", "/api/v1/projects/{project_id}/tasks", &[project_id]).query(query);
        Asked::new(self, call)
    }

    /// Creates a task: analyzed, matched with an agent, and queued.
    ///
    /// `POST /api/v1/projects/{project_id}/tasks`
    pub fn create_task(&self, project_id: &str, body: &NewTask) -> Asked<'_, Json<Task>> {
        let call = Call::new("POST", "/api/v1/projects/{project_id}/tasks", &[project_id]).body(body);
        Asked::new(self, call)
    }

    /// Lists all tasks.
    ///
    /// `GET /api/v1/tasks`
    pub fn list_tasks(&self, query: &ListTasksQuery) -> Asked<'_, Json<PageOfTask>> {
        let call = Call::new("GET", "/api/v1/tasks", &[]).query(query);
        Asked::new(self, call)
    }

    /// Reads a task.
    ///
    /// `GET /api/v1/tasks/{task_id}`
    pub fn get_task(&self, task_id: &str) -> Asked<'_, Json<Task>> {
        let call = Call::new("GET", "/api/v1/tasks/{task_id}", &[task_id]);
        Asked::new(self, call)
    }

    /// Changes a task.
    ///
    /// `PATCH /api/v1/tasks/{task_id}`
    pub fn update_task(&self, task_id: &str, body: &TaskChange) -> Asked<'_, Json<Task>> {
        let call = Call::new("PATCH", "/api/v1/tasks/{task_id}", &[task_id]).body(body);
        Asked::new(self, call)
    }

    /// Pauses a task: its run stops at the next safe point, and nobody begins it.
    ///
    /// `POST /api/v1/tasks/{task_id}/pause`
    pub fn pause_task(&self, task_id: &str) -> Asked<'_, Json<Task>> {
        let call = Call::new("POST", "/api/v1/tasks/{task_id}/pause", &[task_id]);
        Asked::new(self, call)
    }

    /// Lets a task go on.
    ///
    /// `POST /api/v1/tasks/{task_id}/resume`
    pub fn resume_task(&self, task_id: &str) -> Asked<'_, Json<Task>> {
        let call = Call::new("POST", "/api/v1/tasks/{task_id}/resume", &[task_id]);
        Asked::new(self, call)
    }

    /// Ends a task for good.
    ///
    /// `POST /api/v1/tasks/{task_id}/cancel`
    pub fn cancel_task(&self, task_id: &str) -> Asked<'_, Json<Task>> {
        let call = Call::new("POST", "/api/v1/tasks/{task_id}/cancel", &[task_id]);
        Asked::new(self, call)
    }

    /// Begins a failed task anew.
    ///
    /// `POST /api/v1/tasks/{task_id}/retry`
    pub fn retry_task(&self, task_id: &str) -> Asked<'_, Json<Task>> {
        let call = Call::new("POST", "/api/v1/tasks/{task_id}/retry", &[task_id]);
        Asked::new(self, call)
    }

    /// Lists the runs of a task, newest first.
    ///
    /// `GET /api/v1/tasks/{task_id}/runs`
    pub fn list_task_runs(&self, task_id: &str, query: &ListTaskRunsQuery) -> Asked<'_, Json<PageOfRun>> {
        let call = Call::new("GET", "/api/v1/tasks/{task_id}/runs", &[task_id]).query(query);
        Asked::new(self, call)
    }

    /// Lists runs.
    ///
    /// `GET /api/v1/runs`
    pub fn list_runs(&self, query: &ListRunsQuery) -> Asked<'_, Json<PageOfRun>> {
        let call = Call::new("GET", "/api/v1/runs", &[]).query(query);
        Asked::new(self, call)
    }

    /// Reads a run with its document.
    ///
    /// `GET /api/v1/runs/{run_id}`
    pub fn get_run(&self, run_id: &str) -> Asked<'_, Json<Run>> {
        let call = Call::new("GET", "/api/v1/runs/{run_id}", &[run_id]);
        Asked::new(self, call)
    }

    /// Reads a run's journal, oldest first.
    ///
    /// `GET /api/v1/runs/{run_id}/journal`
    pub fn read_journal(
        &self,
        run_id: &str,
        query: &ReadJournalQuery,
    ) -> Asked<'_, Json<PageOfJournalEntry>> {
        let call = Call::new("GET", "/api/v1/runs/{run_id}/journal", &[run_id]).query(query);
        Asked::new(self, call)
    }

    /// Reads what a command of a run printed.
    ///
    /// `GET /api/v1/runs/{run_id}/outputs/{name}`
    pub fn read_output(&self, run_id: &str, name: &str) -> Asked<'_, Bytes> {
        let call = Call::new("GET", "/api/v1/runs/{run_id}/outputs/{name}", &[run_id, name]);
        Asked::new(self, call)
    }

    /// Reads what the gates said of a run.
    ///
    /// `GET /api/v1/runs/{run_id}/gates`
    pub fn list_run_gates(&self, run_id: &str) -> Asked<'_, Json<PageOfGateResult>> {
        let call = Call::new("GET", "/api/v1/runs/{run_id}/gates", &[run_id]);
        Asked::new(self, call)
    }

    /// Tells the agents of a run something; a run that stands still goes on with it.
    ///
    /// `POST /api/v1/runs/{run_id}/steer`
    pub fn steer_run(&self, run_id: &str, body: &Message) -> Asked<'_, Json<Run>> {
        let call = Call::new("POST", "/api/v1/runs/{run_id}/steer", &[run_id]).body(body);
        Asked::new(self, call)
    }

    /// Answers the question of a run, or approves with `yes` what it waits with.
    ///
    /// `POST /api/v1/runs/{run_id}/answer`
    pub fn answer_run(&self, run_id: &str, body: &Message) -> Asked<'_, Json<Run>> {
        let call = Call::new("POST", "/api/v1/runs/{run_id}/answer", &[run_id]).body(body);
        Asked::new(self, call)
    }

    /// Holds a run at its next safe point.
    ///
    /// `POST /api/v1/runs/{run_id}/pause`
    pub fn pause_run(&self, run_id: &str) -> Asked<'_, Json<Run>> {
        let call = Call::new("POST", "/api/v1/runs/{run_id}/pause", &[run_id]);
        Asked::new(self, call)
    }

    /// Lets a run that stands still go on.
    ///
    /// `POST /api/v1/runs/{run_id}/resume`
    pub fn resume_run(&self, run_id: &str) -> Asked<'_, Json<Run>> {
        let call = Call::new("POST", "/api/v1/runs/{run_id}/resume", &[run_id]);
        Asked::new(self, call)
    }

    /// Ends a run for good.
    ///
    /// `POST /api/v1/runs/{run_id}/cancel`
    pub fn cancel_run(&self, run_id: &str) -> Asked<'_, Json<Run>> {
        let call = Call::new("POST", "/api/v1/runs/{run_id}/cancel", &[run_id]);
        Asked::new(self, call)
    }

    /// Takes another way from an earlier point, as a task and run of their own.
    ///
    /// `POST /api/v1/runs/{run_id}/fork`
    pub fn fork_run(&self, run_id: &str, body: Option<&Fork>) -> Asked<'_, OrLater<Json<Forked>, Accepted>> {
        let call = Call::new("POST", "/api/v1/runs/{run_id}/fork", &[run_id]).optional_body(body);
        Asked::new(self, call)
    }

    /// Decides a recorded run again, without a model, and compares.
    ///
    /// `POST /api/v1/runs/{run_id}/replay`
    pub fn replay_run(&self, run_id: &str) -> Asked<'_, OrLater<Json<Replayed>, Accepted>> {
        let call = Call::new("POST", "/api/v1/runs/{run_id}/replay", &[run_id]);
        Asked::new(self, call)
    }

    /// Reads a run as one document: its trajectory, a page, its journal, or the signed envelope of its
    /// change.
    ///
    /// `GET /api/v1/runs/{run_id}/export`
    pub fn export_run(&self, run_id: &str, query: &ExportRunQuery) -> Asked<'_, OrLater<Bytes, Accepted>> {
        let call = Call::new("GET", "/api/v1/runs/{run_id}/export", &[run_id]).query(query);
        Asked::new(self, call)
    }

    /// Reads the plan of a run.
    ///
    /// `GET /api/v1/plans/{run_id}`
    pub fn get_plan(&self, run_id: &str) -> Asked<'_, Json<PlanView>> {
        let call = Call::new("GET", "/api/v1/plans/{run_id}", &[run_id]);
        Asked::new(self, call)
    }

    /// Sends the plan back with one that a person wrote.
    ///
    /// `PUT /api/v1/plans/{run_id}`
    pub fn edit_plan(&self, run_id: &str, body: &Plan) -> Asked<'_, Nothing> {
        let call = Call::new("PUT", "/api/v1/plans/{run_id}", &[run_id]).body(body);
        Asked::new(self, call)
    }

    /// Approves the plan that a run waits with.
    ///
    /// `POST /api/v1/plans/{run_id}/approve`
    pub fn approve_plan(&self, run_id: &str) -> Asked<'_, Nothing> {
        let call = Call::new("POST", "/api/v1/plans/{run_id}/approve", &[run_id]);
        Asked::new(self, call)
    }

    /// Sends the plan back to the planner, with what should be different.
    ///
    /// `POST /api/v1/plans/{run_id}/reject`
    pub fn reject_plan(&self, run_id: &str, body: &Message) -> Asked<'_, Nothing> {
        let call = Call::new("POST", "/api/v1/plans/{run_id}/reject", &[run_id]).body(body);
        Asked::new(self, call)
    }

    /// Lists pull requests.
    ///
    /// `GET /api/v1/pull-requests`
    pub fn list_pull_requests(
        &self,
        query: &ListPullRequestsQuery,
    ) -> Asked<'_, Json<PageOfPullRequestView>> {
        let call = Call::new("GET", "/api/v1/pull-requests", &[]).query(query);
        Asked::new(self, call)
    }

    /// Reads a pull request.
    ///
    /// `GET /api/v1/pull-requests/{pull_request_id}`
    pub fn get_pull_request(&self, pull_request_id: &str) -> Asked<'_, Json<PullRequestView>> {
        let call = Call::new("GET", "/api/v1/pull-requests/{pull_request_id}", &[pull_request_id]);
        Asked::new(self, call)
    }

    /// Reads the unified diff of a pull request.
    ///
    /// `GET /api/v1/pull-requests/{pull_request_id}/diff`
    pub fn get_pull_request_diff(&self, pull_request_id: &str) -> Asked<'_, Bytes> {
        let call = Call::new("GET", "/api/v1/pull-requests/{pull_request_id}/diff", &[pull_request_id]);
        Asked::new(self, call)
    }

    /// Lists the comments of a pull request.
    ///
    /// `GET /api/v1/pull-requests/{pull_request_id}/comments`
    pub fn list_pull_request_comments(&self, pull_request_id: &str) -> Asked<'_, Json<PageOfComment>> {
        let call = Call::new("GET", "/api/v1/pull-requests/{pull_request_id}/comments", &[pull_request_id]);
        Asked::new(self, call)
    }

    /// Leaves a comment, on the whole or on a line of a changed file.
    ///
    /// `POST /api/v1/pull-requests/{pull_request_id}/comments`
    pub fn comment_pull_request(
        &self,
        pull_request_id: &str,
        body: &NewComment,
    ) -> Asked<'_, Json<Comment>> {
        let call = Call::new("POST", "/api/v1/pull-requests/{pull_request_id}/comments", &[pull_request_id]).body(body);
        Asked::new(self, call)
    }

    /// Says that a comment was seen to, or that it was not.
    ///
    /// `PATCH /api/v1/pull-requests/{pull_request_id}/comments/{comment_id}`
    pub fn resolve_pull_request_comment(
        &self,
        pull_request_id: &str,
        comment_id: &str,
        body: &CommentChange,
    ) -> Asked<'_, Json<Comment>> {
        let call = Call::new("PATCH", "/api/v1/pull-requests/{pull_request_id}/comments/{comment_id}", &[pull_request_id, comment_id]).body(body);
        Asked::new(self, call)
    }

    /// Gives the open comments back to the agents, as a task that goes on from this branch.
    ///
    /// `POST /api/v1/pull-requests/{pull_request_id}/request-changes`
    pub fn request_pull_request_changes(
        &self,
        pull_request_id: &str,
        body: Option<&Changes>,
    ) -> Asked<'_, Json<Task>> {
        let call = Call::new("POST", "/api/v1/pull-requests/{pull_request_id}/request-changes", &[pull_request_id]).optional_body(body);
        Asked::new(self, call)
    }

    /// Approves the commit that is on the branch now.
    ///
    /// `POST /api/v1/pull-requests/{pull_request_id}/approve`
    pub fn approve_pull_request(&self, pull_request_id: &str) -> Asked<'_, Json<PullRequestView>> {
        let call = Call::new("POST", "/api/v1/pull-requests/{pull_request_id}/approve", &[pull_request_id]);
        Asked::new(self, call)
    }

    /// Merges a pull request into the branch that its run began from.
    ///
    /// `POST /api/v1/pull-requests/{pull_request_id}/merge`
    pub fn merge_pull_request(
        &self,
        pull_request_id: &str,
        body: Option<&Merge>,
    ) -> Asked<'_, OrLater<Json<PullRequestView>, Accepted>> {
        let call = Call::new("POST", "/api/v1/pull-requests/{pull_request_id}/merge", &[pull_request_id]).optional_body(body);
        Asked::new(self, call)
    }

    /// Closes a pull request without merging; its branch stays.
    ///
    /// `POST /api/v1/pull-requests/{pull_request_id}/close`
    pub fn close_pull_request(
        &self,
        pull_request_id: &str,
    ) -> Asked<'_, OrLater<Json<PullRequestView>, Accepted>> {
        let call = Call::new("POST", "/api/v1/pull-requests/{pull_request_id}/close", &[pull_request_id]);
        Asked::new(self, call)
    }

    /// Lists the agents.
    ///
    /// `GET /api/v1/agents`
    pub fn list_agents(&self, query: &ListAgentsQuery) -> Asked<'_, Json<PageOfAgent>> {
        let call = Call::new("GET", "/api/v1/agents", &[]).query(query);
        Asked::new(self, call)
    }

    /// Registers an agent.
    ///
    /// `POST /api/v1/agents`
    pub fn register_agent(&self, body: &NewAgent) -> Asked<'_, Json<Agent>> {
        let call = Call::new("POST", "/api/v1/agents", &[]).body(body);
        Asked::new(self, call)
    }

    /// Reads an agent.
    ///
    /// `GET /api/v1/agents/{agent_id}`
    pub fn get_agent(&self, agent_id: &str) -> Asked<'_, Json<Agent>> {
        let call = Call::new("GET", "/api/v1/agents/{agent_id}", &[agent_id]);
        Asked::new(self, call)
    }

    /// Retires an agent: it gets no more work.
    ///
    /// `DELETE /api/v1/agents/{agent_id}`
    pub fn retire_agent(&self, agent_id: &str) -> Asked<'_, Nothing> {
        let call = Call::new("DELETE", "/api/v1/agents/{agent_id}", &[agent_id]);
        Asked::new(self, call)
    }

    /// Changes an agent.
    ///
    /// `PATCH /api/v1/agents/{agent_id}`
    pub fn update_agent(&self, agent_id: &str, body: &AgentChange) -> Asked<'_, Json<Agent>> {
        let call = Call::new("PATCH", "/api/v1/agents/{agent_id}", &[agent_id]).body(body);
        Asked::new(self, call)
    }

    /// A sign of life of an agent.
    ///
    /// `POST /api/v1/agents/{agent_id}/heartbeat`
    pub fn beat_agent(&self, agent_id: &str) -> Asked<'_, Json<Agent>> {
        let call = Call::new("POST", "/api/v1/agents/{agent_id}/heartbeat", &[agent_id]);
        Asked::new(self, call)
    }

    /// Lists code artifacts, without their text.
    ///
    /// `GET /api/v1/artifacts`
    pub fn list_artifacts(&self, query: &ListArtifactsQuery) -> Asked<'_, Json<PageOfCodeArtifact>> {
        let call = Call::new("GET", "/api/v1/artifacts", &[]).query(query);
        Asked::new(self, call)
    }

    /// Reads a code artifact with its text.
    ///
    /// `GET /api/v1/artifacts/{artifact_id}`
    pub fn get_artifact(&self, artifact_id: &str) -> Asked<'_, Json<CodeArtifact>> {
        let call = Call::new("GET", "/api/v1/artifacts/{artifact_id}", &[artifact_id]);
        Asked::new(self, call)
    }

    /// Reads what an operation came to so far.
    ///
    /// `GET /api/v1/operations/{operation_id}`
    pub fn get_operation(&self, operation_id: &str) -> Asked<'_, Json<OperationView>> {
        let call = Call::new("GET", "/api/v1/operations/{operation_id}", &[operation_id]);
        Asked::new(self, call)
    }

    /// Reads the four panels of the organization.
    ///
    /// `GET /api/v1/analytics/dashboard/{customer_id}`
    pub fn get_dashboard(&self, customer_id: &str, query: &GetDashboardQuery) -> Asked<'_, Json<Analytics>> {
        let call = Call::new("GET", "/api/v1/analytics/dashboard/{customer_id}", &[customer_id]).query(query);
        Asked::new(self, call)
    }

    /// Lists what a figure was computed from, newest first.
    ///
    /// `GET /api/v1/analytics/dashboard/{customer_id}/facts`
    pub fn list_facts(&self, customer_id: &str, query: &ListFactsQuery) -> Asked<'_, Json<PageOfFactLine>> {
        let call = Call::new("GET", "/api/v1/analytics/dashboard/{customer_id}/facts", &[customer_id]).query(query);
        Asked::new(self, call)
    }

    /// Lists what waits for a person, newest first.
    ///
    /// `GET /api/v1/needs-you`
    pub fn list_needs(&self, query: &ListNeedsQuery) -> Asked<'_, Json<PageOfNeed>> {
        let call = Call::new("GET", "/api/v1/needs-you", &[]).query(query);
        Asked::new(self, call)
    }

    /// Reads what was spent.
    ///
    /// `GET /api/v1/cost`
    pub fn get_cost(&self, query: &GetCostQuery) -> Asked<'_, Json<Cost>> {
        let call = Call::new("GET", "/api/v1/cost", &[]).query(query);
        Asked::new(self, call)
    }

    /// Reads what a sign-in page needs to know.
    ///
    /// `GET /api/v1/setup`
    pub fn get_setup(&self) -> Asked<'_, Json<Setup>> {
        let call = Call::new("GET", "/api/v1/setup", &[]);
        Asked::new(self, call)
    }

    /// Ends the first start: whoever has the link that was printed becomes the owner, and is signed in.
    ///
    /// `POST /api/v1/setup`
    pub fn complete_setup(&self, body: &SetupRequest) -> Asked<'_, Json<Who>> {
        let call = Call::new("POST", "/api/v1/setup", &[]).body(body);
        Asked::new(self, call)
    }

    /// Reads who calls, and what they may ask for.
    ///
    /// `GET /api/v1/session`
    pub fn get_session(&self) -> Asked<'_, Json<Who>> {
        let call = Call::new("GET", "/api/v1/session", &[]);
        Asked::new(self, call)
    }

    /// Signs in by e-mail address and password, and a code if the account has a second factor.
    ///
    /// `POST /api/v1/session`
    pub fn create_session(&self, body: &SignIn) -> Asked<'_, Json<Who>> {
        let call = Call::new("POST", "/api/v1/session", &[]).body(body);
        Asked::new(self, call)
    }

    /// Signs out.
    ///
    /// `DELETE /api/v1/session`
    pub fn delete_session(&self) -> Asked<'_, Nothing> {
        let call = Call::new("DELETE", "/api/v1/session", &[]);
        Asked::new(self, call)
    }

    /// Signs in by a one-time link.
    ///
    /// `POST /api/v1/session/link`
    pub fn create_session_by_link(&self, body: &OneTimeLink) -> Asked<'_, Json<Who>> {
        let call = Call::new("POST", "/api/v1/session/link", &[]).body(body);
        Asked::new(self, call)
    }

    /// Moves the session to another of my organizations.
    ///
    /// `POST /api/v1/session/organization`
    pub fn move_session(&self, body: &Move) -> Asked<'_, Json<Who>> {
        let call = Call::new("POST", "/api/v1/session/organization", &[]).body(body);
        Asked::new(self, call)
    }

    /// Lists my sessions in this organization.
    ///
    /// `GET /api/v1/sessions`
    pub fn list_sessions(&self) -> Asked<'_, Json<PageOfSessionLine>> {
        let call = Call::new("GET", "/api/v1/sessions", &[]);
        Asked::new(self, call)
    }

    /// Ends one of my sessions.
    ///
    /// `DELETE /api/v1/sessions/{session_id}`
    pub fn revoke_session(&self, session_id: &str) -> Asked<'_, Nothing> {
        let call = Call::new("DELETE", "/api/v1/sessions/{session_id}", &[session_id]);
        Asked::new(self, call)
    }

    /// Sends the browser to a provider.
    ///
    /// `GET /api/v1/session/sso/{provider_id}`
    pub fn begin_sso(&self, provider_id: &str) -> Asked<'_, Bytes> {
        let call = Call::new("GET", "/api/v1/session/sso/{provider_id}", &[provider_id]);
        Asked::new(self, call)
    }

    /// Takes the browser back from a provider, and signs the person in.
    ///
    /// `GET /api/v1/session/sso/{provider_id}/callback`
    pub fn finish_sso(&self, provider_id: &str, query: &FinishSsoQuery) -> Asked<'_, Bytes> {
        let call = Call::new("GET", "/api/v1/session/sso/{provider_id}/callback", &[provider_id]).query(query);
        Asked::new(self, call)
    }

    /// Changes my name or password. Another password ends all my other sessions.
    ///
    /// `PATCH /api/v1/me`
    pub fn update_me(&self, body: &MeChange) -> Asked<'_, Json<Who>> {
        let call = Call::new("PATCH", "/api/v1/me", &[]).body(body);
        Asked::new(self, call)
    }

    /// Begins a second factor; it counts once it was confirmed by a code.
    ///
    /// `POST /api/v1/me/totp`
    pub fn begin_totp(&self) -> Asked<'_, Json<BegunFactor>> {
        let call = Call::new("POST", "/api/v1/me/totp", &[]);
        Asked::new(self, call)
    }

    /// Removes the second factor.
    ///
    /// `DELETE /api/v1/me/totp`
    pub fn remove_totp(&self, body: &ByPassword) -> Asked<'_, Nothing> {
        let call = Call::new("DELETE", "/api/v1/me/totp", &[]).body(body);
        Asked::new(self, call)
    }

    /// Makes the second factor count, and gives recovery codes.
    ///
    /// `POST /api/v1/me/totp/confirm`
    pub fn confirm_totp(&self, body: &Code) -> Asked<'_, Json<RecoveryCodes>> {
        let call = Call::new("POST", "/api/v1/me/totp/confirm", &[]).body(body);
        Asked::new(self, call)
    }

    /// Lists my organizations.
    ///
    /// `GET /api/v1/organizations`
    pub fn list_organizations(&self) -> Asked<'_, Json<PageOfOrganization>> {
        let call = Call::new("GET", "/api/v1/organizations", &[]);
        Asked::new(self, call)
    }

    /// Makes an organization, whose owner I am.
    ///
    /// `POST /api/v1/organizations`
    pub fn create_organization(&self, body: &NewOrganization) -> Asked<'_, Json<Organization>> {
        let call = Call::new("POST", "/api/v1/organizations", &[]).body(body);
        Asked::new(self, call)
    }

    /// Reads the organization that I am in.
    ///
    /// `GET /api/v1/organizations/{organization_id}`
    pub fn get_organization(&self, organization_id: &str) -> Asked<'_, Json<Organization>> {
        let call = Call::new("GET", "/api/v1/organizations/{organization_id}", &[organization_id]);
        Asked::new(self, call)
    }

    /// Changes name and look of the organization that I am in.
    ///
    /// `PATCH /api/v1/organizations/{organization_id}`
    pub fn update_organization(
        &self,
        organization_id: &str,
        body: &OrganizationChange,
    ) -> Asked<'_, Json<Organization>> {
        let call = Call::new("PATCH", "/api/v1/organizations/{organization_id}", &[organization_id]).body(body);
        Asked::new(self, call)
    }

    /// Lists members.
    ///
    /// `GET /api/v1/members`
    pub fn list_members(&self, query: &ListMembersQuery) -> Asked<'_, Json<PageOfMember>> {
        let call = Call::new("GET", "/api/v1/members", &[]).query(query);
        Asked::new(self, call)
    }

    /// Reads a member.
    ///
    /// `GET /api/v1/members/{user_id}`
    pub fn get_member(&self, user_id: &str) -> Asked<'_, Json<Member>> {
        let call = Call::new("GET", "/api/v1/members/{user_id}", &[user_id]);
        Asked::new(self, call)
    }

    /// Takes a member out; their sessions and tokens end at once.
    ///
    /// `DELETE /api/v1/members/{user_id}`
    pub fn remove_member(&self, user_id: &str) -> Asked<'_, Nothing> {
        let call = Call::new("DELETE", "/api/v1/members/{user_id}", &[user_id]);
        Asked::new(self, call)
    }

    /// Gives a member another role, which counts at once.
    ///
    /// `PATCH /api/v1/members/{user_id}`
    pub fn update_member(&self, user_id: &str, body: &MemberChange) -> Asked<'_, Json<Member>> {
        let call = Call::new("PATCH", "/api/v1/members/{user_id}", &[user_id]).body(body);
        Asked::new(self, call)
    }

    /// Lists open invitations.
    ///
    /// `GET /api/v1/invitations`
    pub fn list_invitations(&self) -> Asked<'_, Json<PageOfInvitation>> {
        let call = Call::new("GET", "/api/v1/invitations", &[]);
        Asked::new(self, call)
    }

    /// Invites somebody.
    ///
    /// `POST /api/v1/invitations`
    pub fn create_invitation(&self, body: &NewInvitation) -> Asked<'_, Json<InvitationWithLink>> {
        let call = Call::new("POST", "/api/v1/invitations", &[]).body(body);
        Asked::new(self, call)
    }

    /// Accepts an invitation, and signs in.
    ///
    /// `POST /api/v1/invitations/accept`
    pub fn accept_invitation(&self, body: &Acceptance) -> Asked<'_, Json<Who>> {
        let call = Call::new("POST", "/api/v1/invitations/accept", &[]).body(body);
        Asked::new(self, call)
    }

    /// Takes an invitation back.
    ///
    /// `DELETE /api/v1/invitations/{invitation_id}`
    pub fn revoke_invitation(&self, invitation_id: &str) -> Asked<'_, Nothing> {
        let call = Call::new("DELETE", "/api/v1/invitations/{invitation_id}", &[invitation_id]);
        Asked::new(self, call)
    }

    /// Lists tokens, without their secrets: all of the organization, or one's own.
    ///
    /// `GET /api/v1/tokens`
    pub fn list_tokens(&self, query: &ListTokensQuery) -> Asked<'_, Json<PageOfToken>> {
        let call = Call::new("GET", "/api/v1/tokens", &[]).query(query);
        Asked::new(self, call)
    }

    /// Makes a token.
    ///
    /// `POST /api/v1/tokens`
    pub fn create_token(&self, body: &NewToken) -> Asked<'_, Json<TokenWithSecret>> {
        let call = Call::new("POST", "/api/v1/tokens", &[]).body(body);
        Asked::new(self, call)
    }

    /// Ends a token.
    ///
    /// `DELETE /api/v1/tokens/{token_id}`
    pub fn revoke_token(&self, token_id: &str) -> Asked<'_, Nothing> {
        let call = Call::new("DELETE", "/api/v1/tokens/{token_id}", &[token_id]);
        Asked::new(self, call)
    }

    /// Lists the organization's own policies.
    ///
    /// `GET /api/v1/policies`
    pub fn list_policies(&self) -> Asked<'_, Json<PageOfPolicy>> {
        let call = Call::new("GET", "/api/v1/policies", &[]);
        Asked::new(self, call)
    }

    /// Adds a policy, which counts from the next request on.
    ///
    /// `POST /api/v1/policies`
    pub fn create_policy(&self, body: &NewPolicy) -> Asked<'_, Json<Policy>> {
        let call = Call::new("POST", "/api/v1/policies", &[]).body(body);
        Asked::new(self, call)
    }

    /// Reads the policies that every organization has, and what policies can speak of.
    ///
    /// `GET /api/v1/policies/builtin`
    pub fn get_builtin_policies(&self) -> Asked<'_, Json<Builtin>> {
        let call = Call::new("GET", "/api/v1/policies/builtin", &[]);
        Asked::new(self, call)
    }

    /// Tries a policy on requests, without saving it: what would be answered differently.
    ///
    /// `POST /api/v1/policies/test`
    pub fn test_policy(&self, body: &PolicyTrial) -> Asked<'_, Json<TrialReport>> {
        let call = Call::new("POST", "/api/v1/policies/test", &[]).body(body);
        Asked::new(self, call)
    }

    /// Explains why a request is answered as it is.
    ///
    /// `POST /api/v1/policies/explain`
    pub fn explain_policies(&self, body: &Question) -> Asked<'_, Json<Explained>> {
        let call = Call::new("POST", "/api/v1/policies/explain", &[]).body(body);
        Asked::new(self, call)
    }

    /// Reads a policy.
    ///
    /// `GET /api/v1/policies/{policy_id}`
    pub fn get_policy(&self, policy_id: &str) -> Asked<'_, Json<Policy>> {
        let call = Call::new("GET", "/api/v1/policies/{policy_id}", &[policy_id]);
        Asked::new(self, call)
    }

    /// Removes a policy.
    ///
    /// `DELETE /api/v1/policies/{policy_id}`
    pub fn remove_policy(&self, policy_id: &str) -> Asked<'_, Nothing> {
        let call = Call::new("DELETE", "/api/v1/policies/{policy_id}", &[policy_id]);
        Asked::new(self, call)
    }

    /// Changes a policy.
    ///
    /// `PATCH /api/v1/policies/{policy_id}`
    pub fn update_policy(&self, policy_id: &str, body: &PolicyChange) -> Asked<'_, Json<Policy>> {
        let call = Call::new("PATCH", "/api/v1/policies/{policy_id}", &[policy_id]).body(body);
        Asked::new(self, call)
    }

    /// Lists receipts of decisions.
    ///
    /// `GET /api/v1/receipts`
    pub fn list_receipts(&self, query: &ListReceiptsQuery) -> Asked<'_, Json<PageOfReceipt>> {
        let call = Call::new("GET", "/api/v1/receipts", &[]).query(query);
        Asked::new(self, call)
    }

    /// Decides the request of a receipt again.
    ///
    /// `POST /api/v1/receipts/{receipt_id}/reevaluate`
    pub fn reevaluate_receipt(&self, receipt_id: &str) -> Asked<'_, Json<Again>> {
        let call = Call::new("POST", "/api/v1/receipts/{receipt_id}/reevaluate", &[receipt_id]);
        Asked::new(self, call)
    }

    /// Lists entries of the audit.
    ///
    /// `GET /api/v1/audit`
    pub fn list_audit(&self, query: &ListAuditQuery) -> Asked<'_, Json<PageOfAuditEntry>> {
        let call = Call::new("GET", "/api/v1/audit", &[]).query(query);
        Asked::new(self, call)
    }

    /// Lists signed checkpoints.
    ///
    /// `GET /api/v1/audit/checkpoints`
    pub fn list_checkpoints(&self, query: &ListCheckpointsQuery) -> Asked<'_, Json<PageOfCheckpoint>> {
        let call = Call::new("GET", "/api/v1/audit/checkpoints", &[]).query(query);
        Asked::new(self, call)
    }

    /// Verifies the whole audit.
    ///
    /// `POST /api/v1/audit/verify`
    pub fn verify_audit(&self, body: Option<&Anchors>) -> Asked<'_, Json<Verification>> {
        let call = Call::new("POST", "/api/v1/audit/verify", &[]).optional_body(body);
        Asked::new(self, call)
    }

    /// Exports the whole audit as JSON lines, which `aamas audit verify` checks without the server.
    ///
    /// `GET /api/v1/audit/export`
    pub fn export_audit(&self) -> Asked<'_, Bytes> {
        let call = Call::new("GET", "/api/v1/audit/export", &[]);
        Asked::new(self, call)
    }

    /// Lists providers, models and prices that this server can use.
    ///
    /// `GET /api/v1/models`
    pub fn list_models(&self) -> Asked<'_, Json<Models>> {
        let call = Call::new("GET", "/api/v1/models", &[]);
        Asked::new(self, call)
    }

    /// Makes a ticket that opens one WebSocket within 60 s.
    ///
    /// `POST /api/v1/tickets`
    pub fn create_ticket(&self, body: Option<&NewTicket>) -> Asked<'_, Json<Ticket>> {
        let call = Call::new("POST", "/api/v1/tickets", &[]).optional_body(body);
        Asked::new(self, call)
    }
}

/// The query of [`Client::list_projects`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListProjectsQuery {
    /// Of one of these, with commas between them; all but archived ones if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whose name or repository has this in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest or oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListProjectsSort>,
}

/// The query of [`Client::list_project_agents`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListProjectAgentsQuery {
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest or oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListProjectAgentsSort>,
}

/// The query of [`Client::list_project_tasks`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListProjectTasksQuery {
    /// Of one of these, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Of one of these types, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Of this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_agent: Option<String>,
    /// Whose title or description has this in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest or oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListProjectTasksSort>,
}

/// The query of [`Client::list_tasks`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListTasksQuery {
    /// Of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Of one of these, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Of one of these types, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Of this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_agent: Option<String>,
    /// Whose title or description has this in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest or oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListTasksSort>,
}

/// The query of [`Client::list_task_runs`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListTaskRunsQuery {
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest first, as it is without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListTaskRunsSort>,
}

/// The query of [`Client::list_runs`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListRunsQuery {
    /// Of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Of this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Of one of these, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest first, as it is without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListRunsSort>,
}

/// The query of [`Client::read_journal`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReadJournalQuery {
    /// Only entries behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The query of [`Client::export_run`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExportRunQuery {
    /// `atif` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ExportRunFormat>,
}

/// The query of [`Client::list_pull_requests`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListPullRequestsQuery {
    /// Of one of these, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest first, as it is without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListPullRequestsSort>,
}

/// The query of [`Client::list_agents`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListAgentsQuery {
    /// Of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<ListAgentsType>,
    /// Of one of these, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest or oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListAgentsSort>,
}

/// The query of [`Client::list_artifacts`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListArtifactsQuery {
    /// Of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest first, as it is without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListArtifactsSort>,
}

/// The query of [`Client::get_dashboard`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GetDashboardQuery {
    /// `7d` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeframe: Option<GetDashboardTimeframe>,
}

/// The query of [`Client::list_facts`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListFactsQuery {
    /// Which metric.
    pub metric: ListFactsMetric,
    /// `7d` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeframe: Option<ListFactsTimeframe>,
    /// `to` of the dashboard, RFC 3339; now if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The query of [`Client::list_needs`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListNeedsQuery {
    /// Of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// The query of [`Client::get_cost`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GetCostQuery {
    /// From this day on (in UTC), `YYYY-MM-DD` or RFC 3339; the last thirty days if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Only these sums beside the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GetCostGroup>,
}

/// The query of [`Client::finish_sso`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FinishSsoQuery {
    /// The code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Who answers (RFC 9207).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The query of [`Client::list_members`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListMembersQuery {
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The query of [`Client::list_tokens`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListTokensQuery {
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The query of [`Client::list_receipts`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListReceiptsQuery {
    /// How it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<ListReceiptsDecision>,
    /// Who asked, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// For what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ListReceiptsAction>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest first, as it is without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListReceiptsSort>,
}

/// The query of [`Client::list_audit`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListAuditQuery {
    /// By this actor, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// This action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// To this thing: an id, `kind:id`, or `kind:` for all of a kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ListAuditOutcome>,
    /// At this moment or later, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Before this moment, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Only entries behind the one with this number; oldest first, unless `sort` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest or oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListAuditSort>,
}

/// The query of [`Client::list_checkpoints`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListCheckpointsQuery {
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest first, as it is without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ListCheckpointsSort>,
}

/// `Accent` of the API.
pub type Accent = String;

/// The acceptance of an invitation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The link (its part behind `link=`).
    pub link: String,
    /// `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The password: a new one for a new account, the present one for an account that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The code of the second factor, if the account has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Where to ask what an operation came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// The operation, which is read at `/operations/{operation_id}`.
    pub operation_id: OperationId,
}

/// `Action` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// `organization.read`.
    #[serde(rename = "organization.read")]
    OrganizationRead,
    /// `organization.update`.
    #[serde(rename = "organization.update")]
    OrganizationUpdate,
    /// `projects.create`.
    #[serde(rename = "projects.create")]
    ProjectsCreate,
    /// `projects.read`.
    #[serde(rename = "projects.read")]
    ProjectsRead,
    /// `projects.update`.
    #[serde(rename = "projects.update")]
    ProjectsUpdate,
    /// `projects.delete`.
    #[serde(rename = "projects.delete")]
    ProjectsDelete,
    /// `tasks.create`.
    #[serde(rename = "tasks.create")]
    TasksCreate,
    /// `tasks.read`.
    #[serde(rename = "tasks.read")]
    TasksRead,
    /// `tasks.update`.
    #[serde(rename = "tasks.update")]
    TasksUpdate,
    /// `tasks.control`.
    #[serde(rename = "tasks.control")]
    TasksControl,
    /// `runs.read`.
    #[serde(rename = "runs.read")]
    RunsRead,
    /// `runs.control`.
    #[serde(rename = "runs.control")]
    RunsControl,
    /// `runs.steer`.
    #[serde(rename = "runs.steer")]
    RunsSteer,
    /// `runs.fork`.
    #[serde(rename = "runs.fork")]
    RunsFork,
    /// `runs.replay`.
    #[serde(rename = "runs.replay")]
    RunsReplay,
    /// `runs.export`.
    #[serde(rename = "runs.export")]
    RunsExport,
    /// `plans.approve`.
    #[serde(rename = "plans.approve")]
    PlansApprove,
    /// `pull_requests.read`.
    #[serde(rename = "pull_requests.read")]
    PullRequestsRead,
    /// `pull_requests.comment`.
    #[serde(rename = "pull_requests.comment")]
    PullRequestsComment,
    /// `pull_requests.approve`.
    #[serde(rename = "pull_requests.approve")]
    PullRequestsApprove,
    /// `pull_requests.merge`.
    #[serde(rename = "pull_requests.merge")]
    PullRequestsMerge,
    /// `pull_requests.close`.
    #[serde(rename = "pull_requests.close")]
    PullRequestsClose,
    /// `agents.read`.
    #[serde(rename = "agents.read")]
    AgentsRead,
    /// `agents.create`.
    #[serde(rename = "agents.create")]
    AgentsCreate,
    /// `agents.update`.
    #[serde(rename = "agents.update")]
    AgentsUpdate,
    /// `agents.delete`.
    #[serde(rename = "agents.delete")]
    AgentsDelete,
    /// `agents.heartbeat`.
    #[serde(rename = "agents.heartbeat")]
    AgentsHeartbeat,
    /// `members.read`.
    #[serde(rename = "members.read")]
    MembersRead,
    /// `members.manage`.
    #[serde(rename = "members.manage")]
    MembersManage,
    /// `invitations.manage`.
    #[serde(rename = "invitations.manage")]
    InvitationsManage,
    /// `tokens.read`.
    #[serde(rename = "tokens.read")]
    TokensRead,
    /// `tokens.manage`.
    #[serde(rename = "tokens.manage")]
    TokensManage,
    /// `policies.read`.
    #[serde(rename = "policies.read")]
    PoliciesRead,
    /// `policies.manage`.
    #[serde(rename = "policies.manage")]
    PoliciesManage,
    /// `audit.read`.
    #[serde(rename = "audit.read")]
    AuditRead,
    /// `audit.export`.
    #[serde(rename = "audit.export")]
    AuditExport,
    /// `audit.verify`.
    #[serde(rename = "audit.verify")]
    AuditVerify,
    /// `receipts.read`.
    #[serde(rename = "receipts.read")]
    ReceiptsRead,
    /// `cost.read`.
    #[serde(rename = "cost.read")]
    CostRead,
    /// `analytics.read`.
    #[serde(rename = "analytics.read")]
    AnalyticsRead,
    /// `models.read`.
    #[serde(rename = "models.read")]
    ModelsRead,
    /// `operations.read`.
    #[serde(rename = "operations.read")]
    OperationsRead,
    /// `events.read`.
    #[serde(rename = "events.read")]
    EventsRead,
    /// `sessions.manage`.
    #[serde(rename = "sessions.manage")]
    SessionsManage,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Action {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::OrganizationRead => "organization.read",
            Self::OrganizationUpdate => "organization.update",
            Self::ProjectsCreate => "projects.create",
            Self::ProjectsRead => "projects.read",
            Self::ProjectsUpdate => "projects.update",
            Self::ProjectsDelete => "projects.delete",
            Self::TasksCreate => "tasks.create",
            Self::TasksRead => "tasks.read",
            Self::TasksUpdate => "tasks.update",
            Self::TasksControl => "tasks.control",
            Self::RunsRead => "runs.read",
            Self::RunsControl => "runs.control",
            Self::RunsSteer => "runs.steer",
            Self::RunsFork => "runs.fork",
            Self::RunsReplay => "runs.replay",
            Self::RunsExport => "runs.export",
            Self::PlansApprove => "plans.approve",
            Self::PullRequestsRead => "pull_requests.read",
            Self::PullRequestsComment => "pull_requests.comment",
            Self::PullRequestsApprove => "pull_requests.approve",
            Self::PullRequestsMerge => "pull_requests.merge",
            Self::PullRequestsClose => "pull_requests.close",
            Self::AgentsRead => "agents.read",
            Self::AgentsCreate => "agents.create",
            Self::AgentsUpdate => "agents.update",
            Self::AgentsDelete => "agents.delete",
            Self::AgentsHeartbeat => "agents.heartbeat",
            Self::MembersRead => "members.read",
            Self::MembersManage => "members.manage",
            Self::InvitationsManage => "invitations.manage",
            Self::TokensRead => "tokens.read",
            Self::TokensManage => "tokens.manage",
            Self::PoliciesRead => "policies.read",
            Self::PoliciesManage => "policies.manage",
            Self::AuditRead => "audit.read",
            Self::AuditExport => "audit.export",
            Self::AuditVerify => "audit.verify",
            Self::ReceiptsRead => "receipts.read",
            Self::CostRead => "cost.read",
            Self::AnalyticsRead => "analytics.read",
            Self::ModelsRead => "models.read",
            Self::OperationsRead => "operations.read",
            Self::EventsRead => "events.read",
            Self::SessionsManage => "sessions.manage",
            Self::Other(word) => word,
        }
    }
}

/// What came of deciding again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Again {
    /// What the policies of its own time say again: `same` or `different`; `other_policies` where the audit
    /// does not tell them
    /// any more, `altered` when the receipt was changed after it was made.
    pub outcome: String,
    /// `now`.
    pub now: Option<Verdict>,
}

/// An agent, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// `agent_…`.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// What it is for: `technical_lead`, `architecture`, `developer` or `reviewer`.
    pub r#type: AgentType,
    /// What it knows best, such as `backend`; empty: everything.
    pub specialization: String,
    /// The model that it has; empty: whatever the run has.
    pub model_version: String,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// Its projects; none: all of them.
    pub current_projects: Vec<ProjectId>,
    /// What it works on.
    pub current_tasks: Vec<TaskId>,
    /// What became of its work.
    pub performance_metrics: Performance,
    /// `idle`, `working`, `offline` or `retired`.
    pub status: AgentStatus,
    /// When it last gave a sign of life.
    pub last_active: String,
    /// When it was registered.
    pub created_at: String,
}

/// Members of an agent that are to be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentChange {
    /// `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// `specialization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specialization: Option<NameOrNone>,
    /// Other capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Word>>,
    /// `model_version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<NameOrNone>,
    /// Other projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<ProjectId>>,
    /// `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<AgentStatusChange>,
}

/// `AgentId` of the API.
pub type AgentId = String;

/// `AgentOrNone` of the API.
pub type AgentOrNone = String;

/// `AgentStatus` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentStatus {
    /// `idle`.
    #[serde(rename = "idle")]
    Idle,
    /// `working`.
    #[serde(rename = "working")]
    Working,
    /// `offline`.
    #[serde(rename = "offline")]
    Offline,
    /// `retired`.
    #[serde(rename = "retired")]
    Retired,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl AgentStatus {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Idle => "idle",
            Self::Working => "working",
            Self::Offline => "offline",
            Self::Retired => "retired",
            Self::Other(word) => word,
        }
    }
}

/// `AgentStatusChange` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentStatusChange {
    /// `idle`.
    #[serde(rename = "idle")]
    Idle,
    /// `retired`.
    #[serde(rename = "retired")]
    Retired,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl AgentStatusChange {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Idle => "idle",
            Self::Retired => "retired",
            Self::Other(word) => word,
        }
    }
}

/// `AgentType` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentType {
    /// `technical_lead`.
    #[serde(rename = "technical_lead")]
    TechnicalLead,
    /// `architecture`.
    #[serde(rename = "architecture")]
    Architecture,
    /// `developer`.
    #[serde(rename = "developer")]
    Developer,
    /// `reviewer`.
    #[serde(rename = "reviewer")]
    Reviewer,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl AgentType {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::TechnicalLead => "technical_lead",
            Self::Architecture => "architecture",
            Self::Developer => "developer",
            Self::Reviewer => "reviewer",
            Self::Other(word) => word,
        }
    }
}

/// What a task was taken for before it began: by facts of the repository and its history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// `fix`, `feature`, `refactor`, `test`, `docs`, `chore`, …
    pub kind: String,
    /// The middle of what it will take, in hours.
    pub effort: f64,
    /// Eight of ten such tasks take at least this, …
    pub effort_low: f64,
    /// … and at most this.
    pub effort_high: f64,
    /// What it would take by its scope alone.
    pub size: Option<f64>,
    /// What an agent has to be good at, such as `python` or `frontend`.
    pub capabilities: Vec<String>,
    /// `low`, `medium` or `high`.
    pub risk: String,
    /// Why, one sentence each, with the facts.
    pub reasons: Vec<String>,
    /// `cost`.
    pub cost: Option<CostForecast>,
}

/// What the facts of a timeframe say, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analytics {
    /// Whose facts.
    pub organization_id: OrganizationId,
    /// `24h`, `7d`, `30d` or `90d`.
    pub timeframe: Timeframe,
    /// The moment before the timeframe begins.
    pub from: String,
    /// Its last moment.
    pub to: String,
    /// The four panels.
    pub panels: Vec<PanelView>,
    /// What has to be said of all of it.
    pub note: Option<String>,
}

/// Checkpoints that were kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Anchors {
    /// Their signed texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<Vec<String>>,
}

/// A person's approval of a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub author: String,
    /// Of which commit.
    pub head_commit: String,
    /// When.
    pub at: String,
}

/// `ArtifactId` of the API.
pub type ArtifactId = String;

/// Who was found for a task, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Why this one, or why nobody, in a sentence.
    pub reason: Option<String>,
    /// How well it fits, 0 to 1.
    pub score: Option<f64>,
    /// Who was looked at, the best first.
    pub candidates: Option<Vec<Candidate>>,
}

/// One agent's try at a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptLine {
    /// Its number within the run.
    pub attempt: u32,
    /// Which chair.
    pub seat: Seat,
    /// The step.
    pub step: String,
    /// Its role file.
    pub role: String,
    /// Its model.
    pub model: String,
    /// Answered calls of models.
    pub turns: u32,
    /// `working`, `waiting`, `done` or `given up`.
    pub state: String,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditActor {
    /// `user`, `agent`, `ci`, `service`, `system` or `anonymous`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it was called then.
    pub name: Option<String>,
}

/// An entry of the audit, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// When.
    pub at: String,
    /// Who.
    pub actor: AuditActor,
    /// Did what.
    pub action: String,
    /// `subject`.
    pub subject: Option<AuditSubject>,
    /// `done`, `denied` or `failed`.
    pub outcome: Outcome,
    /// More about it.
    pub detail: Value,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// SHA-256 over it and the hash of the entry before, in hexadecimal.
    pub hash: String,
}

/// Something that is wrong with the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditProblem {
    /// The entry, or the first of several; of a checkpoint its size.
    pub seq: Option<u64>,
    /// The size of the checkpoint that it is about.
    pub checkpoint: Option<u64>,
    /// `missing`, `order`, `unreadable`, `chain`, `hash`, `content`, `head`, `truncated`, `rewritten`,
    /// `checkpoint`,
    /// `tenant`, `journal` or `receipt`.
    pub kind: String,
    /// What is wrong, in a sentence.
    pub what: String,
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditSubject {
    /// `task`, `member`, `policy`, …
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// A second factor that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BegunFactor {
    /// What to type into the app.
    pub secret: String,
    /// What the QR code says.
    pub uri: String,
}

/// A part of a model's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Block {
    /// As `BlockVariant1`.
    BlockVariant1(Box<BlockVariant1>),
    /// As `BlockVariant2`.
    BlockVariant2(Box<BlockVariant2>),
    /// As `BlockVariant3`.
    BlockVariant3(Box<BlockVariant3>),
    /// What this client does not know.
    Other(Value),
}

/// Words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockVariant1 {
    /// Words.
    pub text: String,
}

/// A tool to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockVariant2 {
    /// A tool to run.
    pub tool_call: BlockVariant2ToolCall,
}

/// A tool to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockVariant2ToolCall {
    /// The provider's id of the call.
    pub id: String,
    /// The tool's name as the model wrote it.
    pub name: String,
    /// The arguments as the model wrote them: JSON if all is well.
    pub arguments: String,
}

/// Reasoning, as the provider's own JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockVariant3 {
    /// Reasoning, as the provider's own JSON.
    pub reasoning: String,
}

/// How an organization's pages look. What is null is as the product has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Branding {
    /// The name on them.
    pub name: Option<String>,
    /// The accent, as `#rrggbb`.
    pub accent: Option<String>,
    /// The logo, as a `data:` address.
    pub logo_url: Option<String>,
}

/// Parts of a look that are to be changed; an empty text takes one away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BrandingChange {
    /// `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<NameOrNone>,
    /// `accent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<Accent>,
    /// `logo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
}

/// The rules that every organization has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Builtin {
    /// The built-in policies, in Cedar.
    pub text: String,
    /// What policies can speak of, as a schema of Cedar.
    pub schema: String,
}

/// The password, to be sure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ByPassword {
    /// The present password.
    pub password: String,
}

/// An agent that was looked at for a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which.
    pub agent_id: AgentId,
    /// Its name.
    pub name: String,
    /// How well it fits, 0 to 1.
    pub score: f64,
    /// What speaks for and against it.
    pub reasons: Vec<String>,
}

/// A request that would be answered differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedDecision {
    /// Who asked.
    pub principal: String,
    /// For what.
    pub action: Action,
    /// On what.
    pub resource: String,
    /// When.
    pub at: String,
    /// `allow` or `deny`, by the policies as they are.
    pub before: Decision,
    /// `allow` or `deny`, by the policies as they would be.
    pub after: Decision,
    /// The policies that would decide.
    pub reasons: Vec<String>,
}

/// One changed file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Its path; bytes that are not UTF-8 are shown as `\xNN`.
    pub path: String,
    /// `added`, `modified`, `deleted` or `renamed`.
    pub status: FileStatus,
    /// Lines added; null for a binary file.
    pub added: Option<u64>,
    /// Lines removed; null for a binary file.
    pub removed: Option<u64>,
}

/// What should change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// Beside the open comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A signed statement of where the log stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its size as a text, which names it.
    pub id: String,
    /// How many entries the log had.
    pub seq: u64,
    /// When it was signed.
    pub at: String,
    /// The root of the Merkle tree over the entries, in hexadecimal.
    pub hash: String,
    /// The key that signed, as signed notes name it: eight hexadecimal digits.
    pub key_id: String,
    /// The signed text, to be kept elsewhere.
    pub note: String,
}

/// What `finish` said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closing {
    /// What was done, for the pull request.
    pub summary: String,
    /// Title of the pull request.
    pub title: Option<String>,
    /// What is left for later.
    pub follow_ups: Option<Vec<String>>,
}

/// A code of the app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// Six digits.
    pub code: String,
}

/// A file that an agent wrote, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeArtifact {
    /// `artifact_…`.
    pub id: ArtifactId,
    /// Its project.
    pub project_id: ProjectId,
    /// The run that wrote it.
    pub run_id: RunId,
    /// Its path in the repository.
    pub file_path: String,
    /// Its text; null in lists, and where it was removed, is not text, or is larger than 1 MB.
    pub content: Option<String>,
    /// Its language.
    pub language: String,
    /// The agent or role that wrote it.
    pub generated_by: String,
    /// How good it is by its metrics, 0 to 1; null where nothing was measured.
    pub quality_score: Option<f64>,
    /// The part of its changed lines that tests run, 0 to 1.
    pub test_coverage: Option<f64>,
    /// The part of what can be documented that is, 0 to 1.
    pub documentation_score: Option<f64>,
    /// When it was written.
    pub created_at: String,
}

/// A person's remark on a pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// `id`.
    pub id: Option<CommentId>,
    /// Who.
    pub author: String,
    /// On which file, if on one.
    pub path: Option<String>,
    /// On which line, if on one.
    pub line: Option<u32>,
    /// The words.
    pub body: String,
    /// When.
    pub at: String,
    /// Whether it was seen to.
    pub resolved: bool,
}

/// What becomes of a comment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommentChange {
    /// Whether it was seen to.
    pub resolved: bool,
}

/// `CommentId` of the API.
pub type CommentId = String;

/// What was spent, as callers see it. All sums are of the same calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// From the beginning of this day, in UTC.
    pub since: String,
    /// Up to this moment.
    pub until: String,
    /// US dollars; null when the price of a call is unknown.
    pub total_usd: Option<f64>,
    /// What the calls with a known price cost.
    pub known_usd: f64,
    /// Calls that were billed, failed ones too.
    pub calls: u64,
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// The cached part.
    pub cached_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
    /// Runs that were billed for something.
    pub runs: u64,
    /// How many of them had a call whose price is unknown.
    pub unpriced_runs: u64,
    /// Runs whose journals were not read yet: in all sums as a whole, but in none by model, role or day. Ask
    /// again.
    pub unread_runs: u64,
    /// By model, the dearest first.
    pub by_model: Vec<CostLine>,
    /// By the role of the agent, the dearest first.
    pub by_role: Vec<CostLine>,
    /// By day in UTC, the newest first.
    pub by_day: Vec<DayLine>,
    /// By project, the dearest first; `key` is empty for runs of the command line.
    pub by_project: Vec<CostLine>,
    /// The fifty dearest tasks.
    pub by_task: Vec<CostLine>,
    /// The fifty dearest runs.
    pub by_run: Vec<CostLine>,
    /// Forecasts of cost beside what runs cost.
    pub cost_forecast: Forecast,
    /// Estimates of hours beside what runs took.
    pub effort_forecast: Forecast,
}

/// What a run will cost in nano-USD: an interval that eight of ten runs stay in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostForecast {
    /// The low end.
    pub low: i64,
    /// The middle.
    pub middle: i64,
    /// The high end.
    pub high: i64,
    /// Finished runs that it was learned from.
    pub runs: u32,
}

/// One line of the sums.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostLine {
    /// What it is the sum of: a model, a role, an id.
    pub key: String,
    /// The same for people.
    pub label: String,
    /// US dollars; null when the price of a call is unknown.
    pub cost_usd: Option<f64>,
    /// What the calls with a known price cost.
    pub known_cost_usd: f64,
    /// Calls.
    pub calls: u64,
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// The cached part.
    pub cached_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
    /// Runs that have a part in it.
    pub runs: u64,
}

/// `CredentialId` of the API.
pub type CredentialId = String;

/// `DataClass` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataClass {
    /// `public`.
    #[serde(rename = "public")]
    Public,
    /// `internal`.
    #[serde(rename = "internal")]
    Internal,
    /// `confidential`.
    #[serde(rename = "confidential")]
    Confidential,
    /// `restricted`.
    #[serde(rename = "restricted")]
    Restricted,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl DataClass {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
            Self::Other(word) => word,
        }
    }
}

/// The sum of a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayLine {
    /// `YYYY-MM-DD`, in UTC.
    pub day: String,
    /// US dollars; null when the price of a call is unknown.
    pub cost_usd: Option<f64>,
    /// What the calls with a known price cost.
    pub known_cost_usd: f64,
    /// Calls.
    pub calls: u64,
    /// Runs that have a part in it.
    pub runs: u64,
}

/// `Decision` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// `allow`.
    #[serde(rename = "allow")]
    Allow,
    /// `deny`.
    #[serde(rename = "deny")]
    Deny,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Decision {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Other(word) => word,
        }
    }
}

/// `Description` of the API.
pub type Description = String;

/// An amount before it is known, in US dollars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dollars {
    /// The low end.
    pub low: f64,
    /// The middle.
    pub middle: f64,
    /// The high end.
    pub high: f64,
}

/// `DueDate` of the API.
pub type DueDate = String;

/// `Effect` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// `pure`.
    #[serde(rename = "pure")]
    Pure,
    /// `workspace`.
    #[serde(rename = "workspace")]
    Workspace,
    /// `keyed`.
    #[serde(rename = "keyed")]
    Keyed,
    /// `unknown`.
    #[serde(rename = "unknown")]
    Unknown,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Effect {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pure => "pure",
            Self::Workspace => "workspace",
            Self::Keyed => "keyed",
            Self::Unknown => "unknown",
            Self::Other(word) => word,
        }
    }
}

/// `EmailAddress` of the API.
pub type EmailAddress = String;

/// How a run ends or stands still.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// The state.
    pub state: RunStatus,
    /// `error`.
    pub error: Option<Failure>,
}

/// One entry; `entry` says which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// As `EntryVariant1`.
    EntryVariant1(Box<EntryVariant1>),
    /// As `EntryVariant2`.
    EntryVariant2(Box<EntryVariant2>),
    /// As `EntryVariant3`.
    EntryVariant3(Box<EntryVariant3>),
    /// As `EntryVariant4`.
    EntryVariant4(Box<EntryVariant4>),
    /// As `EntryVariant5`.
    EntryVariant5(Box<EntryVariant5>),
    /// As `EntryVariant6`.
    EntryVariant6(Box<EntryVariant6>),
    /// As `EntryVariant7`.
    EntryVariant7(Box<EntryVariant7>),
    /// As `EntryVariant8`.
    EntryVariant8(Box<EntryVariant8>),
    /// As `EntryVariant9`.
    EntryVariant9(Box<EntryVariant9>),
    /// As `EntryVariant10`.
    EntryVariant10(Box<EntryVariant10>),
    /// As `EntryVariant11`.
    EntryVariant11(Box<EntryVariant11>),
    /// As `EntryVariant12`.
    EntryVariant12(Box<EntryVariant12>),
    /// As `EntryVariant13`.
    EntryVariant13(Box<EntryVariant13>),
    /// As `EntryVariant14`.
    EntryVariant14(Box<EntryVariant14>),
    /// As `EntryVariant15`.
    EntryVariant15(Box<EntryVariant15>),
    /// As `EntryVariant16`.
    EntryVariant16(Box<EntryVariant16>),
    /// As `EntryVariant17`.
    EntryVariant17(Box<EntryVariant17>),
    /// As `EntryVariant18`.
    EntryVariant18(Box<EntryVariant18>),
    /// As `EntryVariant19`.
    EntryVariant19(Box<EntryVariant19>),
    /// As `EntryVariant20`.
    EntryVariant20(Box<EntryVariant20>),
    /// As `EntryVariant21`.
    EntryVariant21(Box<EntryVariant21>),
    /// As `EntryVariant22`.
    EntryVariant22(Box<EntryVariant22>),
    /// As `EntryVariant23`.
    EntryVariant23(Box<EntryVariant23>),
    /// As `EntryVariant24`.
    EntryVariant24(Box<EntryVariant24>),
    /// As `EntryVariant25`.
    EntryVariant25(Box<EntryVariant25>),
    /// As `EntryVariant26`.
    EntryVariant26(Box<EntryVariant26>),
    /// As `EntryVariant27`.
    EntryVariant27(Box<EntryVariant27>),
    /// As `EntryVariant28`.
    EntryVariant28(Box<EntryVariant28>),
    /// As `EntryVariant29`.
    EntryVariant29(Box<EntryVariant29>),
    /// As `EntryVariant30`.
    EntryVariant30(Box<EntryVariant30>),
    /// As `EntryVariant31`.
    EntryVariant31(Box<EntryVariant31>),
    /// As `EntryVariant32`.
    EntryVariant32(Box<EntryVariant32>),
    /// What this client does not know.
    Other(Value),
}

/// The run is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant1 {
    /// What was asked.
    pub settings: RunSettings,
    /// `entry`.
    pub entry: EntryVariant1Entry,
}

/// It ran, or was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant10 {
    /// The turn that asked for it.
    pub turn: u32,
    /// Its place among the turn's calls.
    pub index: u32,
    /// What the model reads.
    pub text: String,
    /// Whether that is an error.
    pub is_error: bool,
    /// What it meant for the run.
    pub meaning: Option<ToolMeaning>,
    /// The workspace afterwards (hex), when it changed.
    pub tree: Option<String>,
    /// Full output kept as artifacts: name and content address.
    pub outputs: Option<Vec<Vec<Value>>>,
    /// In milliseconds.
    pub wall_ms: u64,
    /// `entry`.
    pub entry: EntryVariant10Entry,
}

/// `EntryVariant10Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant10Entry {
    /// `tool_finished`.
    #[serde(rename = "tool_finished")]
    ToolFinished,
}

impl EntryVariant10Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ToolFinished => "tool_finished",
        }
    }
}

/// A person said something while the run was under way; the model reads it before its next turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant11 {
    /// The words.
    pub text: String,
    /// `entry`.
    pub entry: EntryVariant11Entry,
}

/// `EntryVariant11Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant11Entry {
    /// `steered`.
    #[serde(rename = "steered")]
    Steered,
}

impl EntryVariant11Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Steered => "steered",
        }
    }
}

/// A person answered the open question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant12 {
    /// The words.
    pub text: String,
    /// `plan`.
    pub plan: Option<Plan>,
    /// `entry`.
    pub entry: EntryVariant12Entry,
}

/// `EntryVariant12Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant12Entry {
    /// `answered`.
    #[serde(rename = "answered")]
    Answered,
}

impl EntryVariant12Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Answered => "answered",
        }
    }
}

/// Another model takes the attempt over where the one before failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant13 {
    /// The model so far, as `SPEC`.
    pub from: String,
    /// The model from here on.
    pub to: String,
    /// Why.
    pub reason: String,
    /// `entry`.
    pub entry: EntryVariant13Entry,
}

/// `EntryVariant13Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant13Entry {
    /// `fell_back`.
    #[serde(rename = "fell_back")]
    FellBack,
}

impl EntryVariant13Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::FellBack => "fell_back",
        }
    }
}

/// The conversation is about to be shortened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant14 {
    /// The turn after which it is.
    pub turn: u32,
    /// Which compaction of the attempt, from 1.
    pub number: u32,
    /// `entry`.
    pub entry: EntryVariant14Entry,
}

/// `EntryVariant14Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant14Entry {
    /// `compact_intended`.
    #[serde(rename = "compact_intended")]
    CompactIntended,
}

impl EntryVariant14Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CompactIntended => "compact_intended",
        }
    }
}

/// It was: the model goes on from `opening` and the turns after `folded`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant15 {
    /// The last turn that is no longer in the prompt.
    pub folded: u32,
    /// The first message from here on: pinned facts, summary, index of what can be recalled.
    pub opening: String,
    /// Who wrote the summary: a model's name, or `code`.
    pub by: String,
    /// What the try used.
    pub usage: TokenUsage,
    /// Its price; null: unknown; in nano-USD.
    pub cost: Option<i64>,
    /// How it scored, and what was refused.
    pub score: Option<Value>,
    /// `entry`.
    pub entry: EntryVariant15Entry,
}

/// `EntryVariant15Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant15Entry {
    /// `compacted`.
    #[serde(rename = "compacted")]
    Compacted,
}

impl EntryVariant15Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Compacted => "compacted",
        }
    }
}

/// An outside agent is about to be prompted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant16 {
    /// From 1, within the attempt.
    pub turn: u32,
    /// What it reads.
    pub prompt: String,
    /// `entry`.
    pub entry: EntryVariant16Entry,
}

/// `EntryVariant16Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant16Entry {
    /// `agent_intended`.
    #[serde(rename = "agent_intended")]
    AgentIntended,
}

impl EntryVariant16Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::AgentIntended => "agent_intended",
        }
    }
}

/// It did something: a tool call, or a request for permission with its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant17 {
    /// The turn.
    pub turn: u32,
    /// Its place within the turn, from 0.
    pub index: u32,
    /// The agent's own name of what it did.
    pub tool: String,
    /// What, bounded.
    pub text: String,
    /// Whether it failed or was refused.
    pub is_error: bool,
    /// The workspace afterwards (hex), when it changed.
    pub tree: Option<String>,
    /// `entry`.
    pub entry: EntryVariant17Entry,
}

/// `EntryVariant17Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant17Entry {
    /// `agent_acted`.
    #[serde(rename = "agent_acted")]
    AgentActed,
}

impl EntryVariant17Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::AgentActed => "agent_acted",
        }
    }
}

/// It ended its turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant18 {
    /// The turn.
    pub turn: u32,
    /// What it said last.
    pub summary: String,
    /// What its models used, as far as the broker saw.
    pub usage: TokenUsage,
    /// The price; null: unknown; in nano-USD.
    pub cost: Option<i64>,
    /// The workspace afterwards (hex), when it changed.
    pub tree: Option<String>,
    /// `error`.
    pub error: Option<Failure>,
    /// In milliseconds.
    pub wall_ms: u64,
    /// `entry`.
    pub entry: EntryVariant18Entry,
}

/// `EntryVariant18Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant18Entry {
    /// `agent_ended`.
    #[serde(rename = "agent_ended")]
    AgentEnded,
}

impl EntryVariant18Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::AgentEnded => "agent_ended",
        }
    }
}

/// An attempt that had ended goes on: gates, a reviewer, a person or a conflict sent its work back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant19 {
    /// The tree that it goes on from (hex); null: its own.
    pub tree: Option<String>,
    /// What it reads.
    pub text: String,
    /// Who sent it back: `gates`, `review`, `architecture`, `person`, `engine`.
    pub by: String,
    /// `entry`.
    pub entry: EntryVariant19Entry,
}

/// `EntryVariant19Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant19Entry {
    /// `sent_back`.
    #[serde(rename = "sent_back")]
    SentBack,
}

impl EntryVariant19Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::SentBack => "sent_back",
        }
    }
}

/// `EntryVariant1Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant1Entry {
    /// `created`.
    #[serde(rename = "created")]
    Created,
}

impl EntryVariant1Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Created => "created",
        }
    }
}

/// A process took the run's lease and goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant2 {
    /// The bounds from here on.
    pub limits: RunLimits,
    /// The model from here on.
    pub model: String,
    /// Approvals given beforehand from here on.
    pub yes: bool,
    /// `entry`.
    pub entry: EntryVariant2Entry,
}

/// An attempt is given up; its step may be planned anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant20 {
    /// Why.
    pub error: Failure,
    /// `entry`.
    pub entry: EntryVariant20Entry,
}

/// `EntryVariant20Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant20Entry {
    /// `gave_up`.
    #[serde(rename = "gave_up")]
    GaveUp,
}

impl EntryVariant20Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::GaveUp => "gave_up",
        }
    }
}

/// Results of steps became one tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant21 {
    /// The steps, in the order in which they were merged.
    pub steps: Vec<String>,
    /// The tree (hex); with conflict markers where there are conflicts.
    pub tree: String,
    /// Paths in conflict, with the kind.
    pub conflicts: Vec<Vec<Value>>,
    /// `entry`.
    pub entry: EntryVariant21Entry,
}

/// `EntryVariant21Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant21Entry {
    /// `merged`.
    #[serde(rename = "merged")]
    Merged,
}

impl EntryVariant21Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Merged => "merged",
        }
    }
}

/// Of several tries at one step this one is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant22 {
    /// The attempt.
    pub attempt: u32,
    /// Why, with the gates' verdicts of each.
    pub why: String,
    /// `entry`.
    pub entry: EntryVariant22Entry,
}

/// `EntryVariant22Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant22Entry {
    /// `chosen`.
    #[serde(rename = "chosen")]
    Chosen,
}

impl EntryVariant22Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Chosen => "chosen",
        }
    }
}

/// What was spent on work that no longer counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant23 {
    /// Tokens.
    pub usage: TokenUsage,
    /// The price; null: unknown; in nano-USD.
    pub cost: Option<i64>,
    /// `entry`.
    pub entry: EntryVariant23Entry,
}

/// `EntryVariant23Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant23Entry {
    /// `spent`.
    #[serde(rename = "spent")]
    Spent,
}

impl EntryVariant23Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Spent => "spent",
        }
    }
}

/// A person set the run back: what follows an entry no longer counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant24 {
    /// The last entry that counts.
    pub seq: u64,
    /// `entry`.
    pub entry: EntryVariant24Entry,
}

/// `EntryVariant24Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant24Entry {
    /// `rewound`.
    #[serde(rename = "rewound")]
    Rewound,
}

impl EntryVariant24Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Rewound => "rewound",
        }
    }
}

/// The workspace was set back to its last snapshot, after a crash in the middle of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant25 {
    /// The tree (hex).
    pub tree: String,
    /// `entry`.
    pub entry: EntryVariant25Entry,
}

/// `EntryVariant25Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant25Entry {
    /// `restored`.
    #[serde(rename = "restored")]
    Restored,
}

impl EntryVariant25Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Restored => "restored",
        }
    }
}

/// Gates are about to judge this tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant26 {
    /// From 1, anew after each change that passed.
    pub round: u32,
    /// The tree (hex).
    pub tree: String,
    /// `entry`.
    pub entry: EntryVariant26Entry,
}

/// `EntryVariant26Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant26Entry {
    /// `gates_intended`.
    #[serde(rename = "gates_intended")]
    GatesIntended,
}

impl EntryVariant26Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::GatesIntended => "gates_intended",
        }
    }
}

/// They judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant27 {
    /// The round.
    pub round: u32,
    /// The tree.
    pub tree: String,
    /// All of them, in order.
    pub results: Vec<GateResult>,
    /// Changed files that need a person's approval.
    pub protected: Option<Vec<String>>,
    /// `entry`.
    pub entry: EntryVariant27Entry,
}

/// `EntryVariant27Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant27Entry {
    /// `gates_judged`.
    #[serde(rename = "gates_judged")]
    GatesJudged,
}

impl EntryVariant27Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::GatesJudged => "gates_judged",
        }
    }
}

/// The offline engine is about to search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant28 {
    /// `entry`.
    pub entry: EntryVariant28Entry,
}

/// `EntryVariant28Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant28Entry {
    /// `repair_intended`.
    #[serde(rename = "repair_intended")]
    RepairIntended,
}

impl EntryVariant28Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::RepairIntended => "repair_intended",
        }
    }
}

/// It ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant29 {
    /// What it found, in words; with the patch in `tree`.
    pub report: String,
    /// The workspace afterwards (hex), when it changed.
    pub tree: Option<String>,
    /// `error`.
    pub error: Option<Failure>,
    /// What a pull request says, when something was found.
    pub closing: Option<Closing>,
    /// Figures of the search.
    pub stats: Option<Value>,
    /// `entry`.
    pub entry: EntryVariant29Entry,
}

/// `EntryVariant29Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant29Entry {
    /// `repair_ended`.
    #[serde(rename = "repair_ended")]
    RepairEnded,
}

impl EntryVariant29Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::RepairEnded => "repair_ended",
        }
    }
}

/// `EntryVariant2Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant2Entry {
    /// `resumed`.
    #[serde(rename = "resumed")]
    Resumed,
}

impl EntryVariant2Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Resumed => "resumed",
        }
    }
}

/// What the task was taken for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant3 {
    /// By facts.
    pub analysis: Analysis,
    /// `entry`.
    pub entry: EntryVariant3Entry,
}

/// The branch is about to be written. Keyed by branch name and expected old commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant30 {
    /// The tree (hex).
    pub tree: String,
    /// Name of the branch, without `refs/heads/`.
    pub branch: String,
    /// The commit's author and committer time: fixed here, so that a repeated delivery makes the same commit.
    pub at: String,
    /// The commit that the branch has now, if it exists (hex).
    pub expected_old: Option<String>,
    /// Where the run will end after it.
    pub ending: Ending,
    /// The draft or ready pull request that will be opened or updated.
    pub pull_request: PullRequestId,
    /// `entry`.
    pub entry: EntryVariant30Entry,
}

/// `EntryVariant30Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant30Entry {
    /// `delivery_intended`.
    #[serde(rename = "delivery_intended")]
    DeliveryIntended,
}

impl EntryVariant30Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::DeliveryIntended => "delivery_intended",
        }
    }
}

/// The branch has this commit, and the pull request exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant31 {
    /// The commit (hex).
    pub head_commit: String,
    /// The branch.
    pub branch: String,
    /// `entry`.
    pub entry: EntryVariant31Entry,
}

/// `EntryVariant31Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant31Entry {
    /// `delivered`.
    #[serde(rename = "delivered")]
    Delivered,
}

impl EntryVariant31Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Delivered => "delivered",
        }
    }
}

/// The run stands still or has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant32 {
    /// How.
    pub ending: Ending,
    /// `entry`.
    pub entry: EntryVariant32Entry,
}

/// `EntryVariant32Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant32Entry {
    /// `ended`.
    #[serde(rename = "ended")]
    Ended,
}

impl EntryVariant32Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ended => "ended",
        }
    }
}

/// `EntryVariant3Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant3Entry {
    /// `analyzed`.
    #[serde(rename = "analyzed")]
    Analyzed,
}

impl EntryVariant3Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Analyzed => "analyzed",
        }
    }
}

/// An attempt begins: one agent's try at a step. The first entry of its branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant4 {
    /// Its number within the run, from 1; the branch of its entries.
    pub attempt: u32,
    /// Which chair.
    pub seat: Seat,
    /// The step's id; `plan`, `architecture`, `review` for those seats, `build` without a plan.
    pub step: String,
    /// Which try at the step, from 1.
    pub number: u32,
    /// Name of its role file.
    pub role: String,
    /// Its model, as `SPEC`.
    pub model: String,
    /// The tree that it starts from (hex); empty for the base.
    pub tree: String,
    /// Why this agent, in words.
    pub why: String,
    /// Model calls that its role allows it; null: as many as the run has.
    pub max_turns: Option<u32>,
    /// What its role allows it to spend; null: as much as the run has; in nano-USD.
    pub budget: Option<i64>,
    /// `entry`.
    pub entry: EntryVariant4Entry,
}

/// `EntryVariant4Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant4Entry {
    /// `begun`.
    #[serde(rename = "begun")]
    Begun,
}

impl EntryVariant4Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Begun => "begun",
        }
    }
}

/// The attempt's workspace stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant5 {
    /// Tree of the base (hex).
    pub base_tree: String,
    /// Level of the sandbox in force, such as `S2`.
    pub sandbox: String,
    /// What dependencies and set-up the workspace has, in words.
    pub layers: Vec<String>,
    /// The role's prompt and the first message: what the model reads before its first turn.
    pub system: String,
    /// The first user message.
    pub opening: String,
    /// `entry`.
    pub entry: EntryVariant5Entry,
}

/// `EntryVariant5Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant5Entry {
    /// `prepared`.
    #[serde(rename = "prepared")]
    Prepared,
}

impl EntryVariant5Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Prepared => "prepared",
        }
    }
}

/// A model is about to be called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant6 {
    /// From 1, within the attempt.
    pub turn: u32,
    /// What the call may cost at most, held back from the budget; null: no budget or no price; in nano-USD.
    pub reserved: Option<i64>,
    /// SHA-256 of what is sent (hex), for replay.
    pub request: Option<String>,
    /// `entry`.
    pub entry: EntryVariant6Entry,
}

/// `EntryVariant6Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant6Entry {
    /// `model_intended`.
    #[serde(rename = "model_intended")]
    ModelIntended,
}

impl EntryVariant6Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ModelIntended => "model_intended",
        }
    }
}

/// It answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant7 {
    /// The turn.
    pub turn: u32,
    /// The parts of the answer in order.
    pub blocks: Vec<Block>,
    /// What this answer used.
    pub usage: TokenUsage,
    /// What failed tries before it used.
    pub wasted: Option<TokenUsage>,
    /// The price of both in nano-USD; null: unknown.
    pub cost: Option<i64>,
    /// The model as the provider names it.
    pub model: String,
    /// From request to last byte, in milliseconds.
    pub wall_ms: u64,
    /// `entry`.
    pub entry: EntryVariant7Entry,
}

/// `EntryVariant7Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant7Entry {
    /// `model_answered`.
    #[serde(rename = "model_answered")]
    ModelAnswered,
}

impl EntryVariant7Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ModelAnswered => "model_answered",
        }
    }
}

/// It did not, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant8 {
    /// The turn.
    pub turn: u32,
    /// Why.
    pub error: Failure,
    /// What the tries used all the same.
    pub wasted: TokenUsage,
    /// The price of that; null: unknown; in nano-USD.
    pub cost: Option<i64>,
    /// `entry`.
    pub entry: EntryVariant8Entry,
}

/// `EntryVariant8Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant8Entry {
    /// `model_failed`.
    #[serde(rename = "model_failed")]
    ModelFailed,
}

impl EntryVariant8Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ModelFailed => "model_failed",
        }
    }
}

/// A tool is about to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryVariant9 {
    /// The turn that asked for it.
    pub turn: u32,
    /// Its place among the turn's calls, from 0.
    pub index: u32,
    /// What it may do.
    pub effect: Effect,
    /// `entry`.
    pub entry: EntryVariant9Entry,
}

/// `EntryVariant9Entry` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryVariant9Entry {
    /// `tool_intended`.
    #[serde(rename = "tool_intended")]
    ToolIntended,
}

impl EntryVariant9Entry {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ToolIntended => "tool_intended",
        }
    }
}

/// A signed statement, in the Dead Simple Signing Envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The statement, in base64.
    pub payload: String,
    /// What it is.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// By whom it is signed.
    pub signatures: Vec<BTreeMap<String, Value>>,
}

/// All that policies have to say about a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// `allow` or `deny`.
    pub decision: Decision,
    /// The policies that decide; none where nothing permits.
    pub reasons: Vec<String>,
    /// What could not be evaluated.
    pub errors: Vec<String>,
    /// Policies that permit it, also those overruled.
    pub permits: Vec<String>,
    /// Policies that forbid it.
    pub forbids: Vec<String>,
    /// Policies that are about it, but whose conditions do not hold.
    pub nearly: Vec<NearlyApplies>,
    /// Roles with which the same person would be allowed.
    pub roles: Vec<TokenRole>,
}

/// What a run is written down as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportFormat {
    /// `atif`.
    #[serde(rename = "atif")]
    Atif,
    /// `html`.
    #[serde(rename = "html")]
    Html,
    /// `json`.
    #[serde(rename = "json")]
    ApiJson,
    /// `attestation`.
    #[serde(rename = "attestation")]
    Attestation,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ExportFormat {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Atif => "atif",
            Self::Html => "html",
            Self::ApiJson => "json",
            Self::Attestation => "attestation",
            Self::Other(word) => word,
        }
    }
}

/// `ExportRunFormat` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportRunFormat {
    /// `atif`.
    #[serde(rename = "atif")]
    Atif,
    /// `html`.
    #[serde(rename = "html")]
    Html,
    /// `json`.
    #[serde(rename = "json")]
    ApiJson,
    /// `attestation`.
    #[serde(rename = "attestation")]
    Attestation,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ExportRunFormat {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Atif => "atif",
            Self::Html => "html",
            Self::ApiJson => "json",
            Self::Attestation => "attestation",
            Self::Other(word) => word,
        }
    }
}

/// What became of [`Operation::ExportRun`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// The run.
    pub run_id: RunId,
    /// As what.
    pub format: ExportFormat,
    /// The artifact of the run that it was kept as.
    pub artifact_id: ArtifactId,
    /// The content's address among the objects.
    pub object: String,
    /// What it is, for `content-type`.
    pub media_type: String,
    /// A name for a file of it.
    pub file_name: String,
    /// Its size.
    pub size_bytes: u64,
}

/// `FactKind` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactKind {
    /// `run`.
    #[serde(rename = "run")]
    Run,
    /// `task`.
    #[serde(rename = "task")]
    Task,
    /// `pull_request`.
    #[serde(rename = "pull_request")]
    PullRequest,
    /// `agent`.
    #[serde(rename = "agent")]
    Agent,
    /// `samples`.
    #[serde(rename = "samples")]
    Samples,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl FactKind {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Run => "run",
            Self::Task => "task",
            Self::PullRequest => "pull_request",
            Self::Agent => "agent",
            Self::Samples => "samples",
            Self::Other(word) => word,
        }
    }
}

/// A fact that a number was computed from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactLine {
    /// `run`, `task`, `pull_request`, `agent` or `samples`.
    pub kind: FactKind,
    /// Its id; of measurements, what was measured.
    pub id: String,
    /// When it was counted.
    pub at: String,
    /// The line that people read of it.
    pub title: Option<String>,
    /// Where it stands.
    pub status: Option<String>,
    /// `project_id`.
    pub project_id: Option<ProjectId>,
    /// `task_id`.
    pub task_id: Option<TaskId>,
    /// What it adds to the sum, …
    pub part: i64,
    /// … and to what the sum is divided by, where the metric is a share or a mean.
    pub whole: u64,
}

/// Where the facts behind a number can be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactsLink {
    /// The query that lists them.
    pub query: String,
    /// How many there are.
    pub count: u64,
}

/// Why something came to nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// A word for programs.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// A member that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldError {
    /// Which, such as `name` or `dependencies[2]`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// `FileStatus` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileStatus {
    /// `added`.
    #[serde(rename = "added")]
    Added,
    /// `modified`.
    #[serde(rename = "modified")]
    Modified,
    /// `deleted`.
    #[serde(rename = "deleted")]
    Deleted,
    /// `renamed`.
    #[serde(rename = "renamed")]
    Renamed,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl FileStatus {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
            Self::Other(word) => word,
        }
    }
}

/// Forecasts of finished runs beside what came of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Runs that have both.
    pub runs: u64,
    /// How many came out between the low and the high end; eight of ten should.
    pub within: u64,
    /// The sum of the middles.
    pub forecast: f64,
    /// The sum of what it came to.
    pub actual: f64,
    /// The fifty newest.
    pub lines: Vec<ForecastLine>,
}

/// One forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastLine {
    /// The run.
    pub run_id: RunId,
    /// Its task.
    pub task_id: TaskId,
    /// The line that people read of it.
    pub title: String,
    /// The low end.
    pub low: f64,
    /// The middle.
    pub middle: f64,
    /// The high end.
    pub high: f64,
    /// What it came to.
    pub actual: f64,
}

/// Another way from an earlier point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fork {
    /// After the entry with this seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// After so many turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// What is different from there on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Another model from there on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What became of [`Operation::ForkRun`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forked {
    /// The new task.
    pub task_id: TaskId,
    /// Its run.
    pub run_id: RunId,
}

/// `GateName` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GateName {
    /// `tests`.
    #[serde(rename = "tests")]
    Tests,
    /// `build`.
    #[serde(rename = "build")]
    Build,
    /// `lint`.
    #[serde(rename = "lint")]
    Lint,
    /// `format`.
    #[serde(rename = "format")]
    Format,
    /// `tests_kept`.
    #[serde(rename = "tests_kept")]
    TestsKept,
    /// `secrets`.
    #[serde(rename = "secrets")]
    Secrets,
    /// `diff`.
    #[serde(rename = "diff")]
    Diff,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl GateName {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tests => "tests",
            Self::Build => "build",
            Self::Lint => "lint",
            Self::Format => "format",
            Self::TestsKept => "tests_kept",
            Self::Secrets => "secrets",
            Self::Diff => "diff",
            Self::Other(word) => word,
        }
    }
}

/// What a gate said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// Which.
    pub name: GateName,
    /// What it says.
    pub verdict: GateVerdict,
    /// One line for a person.
    pub summary: String,
    /// What an agent can act on when the verdict is not `passed`: names, places, messages. Not in documents
    /// of runs.
    pub reason: Option<String>,
    /// Commands, exit codes, counts, names of tests. Not in documents of runs.
    pub evidence: Option<Value>,
}

/// `GateVerdict` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GateVerdict {
    /// `passed`.
    #[serde(rename = "passed")]
    Passed,
    /// `failed`.
    #[serde(rename = "failed")]
    Failed,
    /// `skipped`.
    #[serde(rename = "skipped")]
    Skipped,
    /// `error`.
    #[serde(rename = "error")]
    Error,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl GateVerdict {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Error => "error",
            Self::Other(word) => word,
        }
    }
}

/// `GetCostGroup` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GetCostGroup {
    /// `model`.
    #[serde(rename = "model")]
    Model,
    /// `role`.
    #[serde(rename = "role")]
    Role,
    /// `day`.
    #[serde(rename = "day")]
    Day,
    /// `project`.
    #[serde(rename = "project")]
    Project,
    /// `task`.
    #[serde(rename = "task")]
    Task,
    /// `run`.
    #[serde(rename = "run")]
    Run,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl GetCostGroup {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Model => "model",
            Self::Role => "role",
            Self::Day => "day",
            Self::Project => "project",
            Self::Task => "task",
            Self::Run => "run",
            Self::Other(word) => word,
        }
    }
}

/// `GetDashboardTimeframe` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GetDashboardTimeframe {
    /// `24h`.
    #[serde(rename = "24h")]
    N24h,
    /// `7d`.
    #[serde(rename = "7d")]
    N7d,
    /// `30d`.
    #[serde(rename = "30d")]
    N30d,
    /// `90d`.
    #[serde(rename = "90d")]
    N90d,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl GetDashboardTimeframe {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::N24h => "24h",
            Self::N7d => "7d",
            Self::N30d => "30d",
            Self::N90d => "90d",
            Self::Other(word) => word,
        }
    }
}

/// An interval of hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its low end.
    pub low: f64,
    /// Its high end.
    pub high: f64,
}

/// An invitation, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    /// `token_…`.
    pub id: CredentialId,
    /// Who is invited.
    pub email: String,
    /// What they will be.
    pub role: Role,
    /// When it was made.
    pub created_at: String,
    /// When it ends by itself.
    pub expires_at: Option<String>,
    /// Who invites.
    pub created_by: String,
}

/// An invitation with its link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvitationWithLink {
    /// Members that it shares with others of its kind.
    #[serde(flatten)]
    pub invitation: Invitation,
    /// The secret of the link: shown once.
    pub link: String,
    /// What to send, behind the address of this server: the page that takes the link.
    pub page: String,
}

/// An entry of a journal, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its place, from 1.
    pub seq: u64,
    /// The attempt that it belongs to; 0: the run as a whole.
    pub attempt: u32,
    /// When.
    pub at: String,
    /// What it is, such as `tool_finished`.
    pub kind: String,
    /// How far its text may be trusted: `trusted`, `untrusted` or `secret`.
    pub taint: Taint,
    /// What it says.
    pub entry: Entry,
}

/// A remark of a reviewer on a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineComment {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// The words.
    pub body: String,
    /// How bad.
    pub severity: Severity,
}

/// `ListAgentsSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListAgentsSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
    /// `created_at`.
    #[serde(rename = "created_at")]
    CreatedAt2,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListAgentsSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
            Self::CreatedAt2 => "created_at",
            Self::Other(word) => word,
        }
    }
}

/// `ListAgentsType` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListAgentsType {
    /// `technical_lead`.
    #[serde(rename = "technical_lead")]
    TechnicalLead,
    /// `architecture`.
    #[serde(rename = "architecture")]
    Architecture,
    /// `developer`.
    #[serde(rename = "developer")]
    Developer,
    /// `reviewer`.
    #[serde(rename = "reviewer")]
    Reviewer,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListAgentsType {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::TechnicalLead => "technical_lead",
            Self::Architecture => "architecture",
            Self::Developer => "developer",
            Self::Reviewer => "reviewer",
            Self::Other(word) => word,
        }
    }
}

/// `ListArtifactsSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListArtifactsSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
}

impl ListArtifactsSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
        }
    }
}

/// `ListAuditOutcome` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListAuditOutcome {
    /// `done`.
    #[serde(rename = "done")]
    Done,
    /// `denied`.
    #[serde(rename = "denied")]
    Denied,
    /// `failed`.
    #[serde(rename = "failed")]
    Failed,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListAuditOutcome {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }
}

/// `ListAuditSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListAuditSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
    /// `created_at`.
    #[serde(rename = "created_at")]
    CreatedAt2,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListAuditSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
            Self::CreatedAt2 => "created_at",
            Self::Other(word) => word,
        }
    }
}

/// `ListCheckpointsSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListCheckpointsSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
}

impl ListCheckpointsSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
        }
    }
}

/// `ListFactsMetric` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListFactsMetric {
    /// `active_agents`.
    #[serde(rename = "active_agents")]
    ActiveAgents,
    /// `tasks_completed_today`.
    #[serde(rename = "tasks_completed_today")]
    TasksCompletedToday,
    /// `average_response_time`.
    #[serde(rename = "average_response_time")]
    AverageResponseTime,
    /// `success_rate`.
    #[serde(rename = "success_rate")]
    SuccessRate,
    /// `commits_per_day`.
    #[serde(rename = "commits_per_day")]
    CommitsPerDay,
    /// `pull_requests_created`.
    #[serde(rename = "pull_requests_created")]
    PullRequestsCreated,
    /// `bugs_fixed`.
    #[serde(rename = "bugs_fixed")]
    BugsFixed,
    /// `features_delivered`.
    #[serde(rename = "features_delivered")]
    FeaturesDelivered,
    /// `code_quality_score`.
    #[serde(rename = "code_quality_score")]
    CodeQualityScore,
    /// `test_coverage`.
    #[serde(rename = "test_coverage")]
    TestCoverage,
    /// `technical_debt_ratio`.
    #[serde(rename = "technical_debt_ratio")]
    TechnicalDebtRatio,
    /// `security_score`.
    #[serde(rename = "security_score")]
    SecurityScore,
    /// `cpu_usage`.
    #[serde(rename = "cpu_usage")]
    CpuUsage,
    /// `memory_usage`.
    #[serde(rename = "memory_usage")]
    MemoryUsage,
    /// `gpu_utilization`.
    #[serde(rename = "gpu_utilization")]
    GpuUtilization,
    /// `storage_usage`.
    #[serde(rename = "storage_usage")]
    StorageUsage,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListFactsMetric {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ActiveAgents => "active_agents",
            Self::TasksCompletedToday => "tasks_completed_today",
            Self::AverageResponseTime => "average_response_time",
            Self::SuccessRate => "success_rate",
            Self::CommitsPerDay => "commits_per_day",
            Self::PullRequestsCreated => "pull_requests_created",
            Self::BugsFixed => "bugs_fixed",
            Self::FeaturesDelivered => "features_delivered",
            Self::CodeQualityScore => "code_quality_score",
            Self::TestCoverage => "test_coverage",
            Self::TechnicalDebtRatio => "technical_debt_ratio",
            Self::SecurityScore => "security_score",
            Self::CpuUsage => "cpu_usage",
            Self::MemoryUsage => "memory_usage",
            Self::GpuUtilization => "gpu_utilization",
            Self::StorageUsage => "storage_usage",
            Self::Other(word) => word,
        }
    }
}

/// `ListFactsTimeframe` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListFactsTimeframe {
    /// `24h`.
    #[serde(rename = "24h")]
    N24h,
    /// `7d`.
    #[serde(rename = "7d")]
    N7d,
    /// `30d`.
    #[serde(rename = "30d")]
    N30d,
    /// `90d`.
    #[serde(rename = "90d")]
    N90d,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListFactsTimeframe {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::N24h => "24h",
            Self::N7d => "7d",
            Self::N30d => "30d",
            Self::N90d => "90d",
            Self::Other(word) => word,
        }
    }
}

/// `ListProjectAgentsSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListProjectAgentsSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
    /// `created_at`.
    #[serde(rename = "created_at")]
    CreatedAt2,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListProjectAgentsSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
            Self::CreatedAt2 => "created_at",
            Self::Other(word) => word,
        }
    }
}

/// `ListProjectTasksSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListProjectTasksSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
    /// `created_at`.
    #[serde(rename = "created_at")]
    CreatedAt2,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListProjectTasksSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
            Self::CreatedAt2 => "created_at",
            Self::Other(word) => word,
        }
    }
}

/// `ListProjectsSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListProjectsSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
    /// `created_at`.
    #[serde(rename = "created_at")]
    CreatedAt2,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListProjectsSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
            Self::CreatedAt2 => "created_at",
            Self::Other(word) => word,
        }
    }
}

/// `ListPullRequestsSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListPullRequestsSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
}

impl ListPullRequestsSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
        }
    }
}

/// `ListReceiptsAction` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListReceiptsAction {
    /// `organization.read`.
    #[serde(rename = "organization.read")]
    OrganizationRead,
    /// `organization.update`.
    #[serde(rename = "organization.update")]
    OrganizationUpdate,
    /// `projects.create`.
    #[serde(rename = "projects.create")]
    ProjectsCreate,
    /// `projects.read`.
    #[serde(rename = "projects.read")]
    ProjectsRead,
    /// `projects.update`.
    #[serde(rename = "projects.update")]
    ProjectsUpdate,
    /// `projects.delete`.
    #[serde(rename = "projects.delete")]
    ProjectsDelete,
    /// `tasks.create`.
    #[serde(rename = "tasks.create")]
    TasksCreate,
    /// `tasks.read`.
    #[serde(rename = "tasks.read")]
    TasksRead,
    /// `tasks.update`.
    #[serde(rename = "tasks.update")]
    TasksUpdate,
    /// `tasks.control`.
    #[serde(rename = "tasks.control")]
    TasksControl,
    /// `runs.read`.
    #[serde(rename = "runs.read")]
    RunsRead,
    /// `runs.control`.
    #[serde(rename = "runs.control")]
    RunsControl,
    /// `runs.steer`.
    #[serde(rename = "runs.steer")]
    RunsSteer,
    /// `runs.fork`.
    #[serde(rename = "runs.fork")]
    RunsFork,
    /// `runs.replay`.
    #[serde(rename = "runs.replay")]
    RunsReplay,
    /// `runs.export`.
    #[serde(rename = "runs.export")]
    RunsExport,
    /// `plans.approve`.
    #[serde(rename = "plans.approve")]
    PlansApprove,
    /// `pull_requests.read`.
    #[serde(rename = "pull_requests.read")]
    PullRequestsRead,
    /// `pull_requests.comment`.
    #[serde(rename = "pull_requests.comment")]
    PullRequestsComment,
    /// `pull_requests.approve`.
    #[serde(rename = "pull_requests.approve")]
    PullRequestsApprove,
    /// `pull_requests.merge`.
    #[serde(rename = "pull_requests.merge")]
    PullRequestsMerge,
    /// `pull_requests.close`.
    #[serde(rename = "pull_requests.close")]
    PullRequestsClose,
    /// `agents.read`.
    #[serde(rename = "agents.read")]
    AgentsRead,
    /// `agents.create`.
    #[serde(rename = "agents.create")]
    AgentsCreate,
    /// `agents.update`.
    #[serde(rename = "agents.update")]
    AgentsUpdate,
    /// `agents.delete`.
    #[serde(rename = "agents.delete")]
    AgentsDelete,
    /// `agents.heartbeat`.
    #[serde(rename = "agents.heartbeat")]
    AgentsHeartbeat,
    /// `members.read`.
    #[serde(rename = "members.read")]
    MembersRead,
    /// `members.manage`.
    #[serde(rename = "members.manage")]
    MembersManage,
    /// `invitations.manage`.
    #[serde(rename = "invitations.manage")]
    InvitationsManage,
    /// `tokens.read`.
    #[serde(rename = "tokens.read")]
    TokensRead,
    /// `tokens.manage`.
    #[serde(rename = "tokens.manage")]
    TokensManage,
    /// `policies.read`.
    #[serde(rename = "policies.read")]
    PoliciesRead,
    /// `policies.manage`.
    #[serde(rename = "policies.manage")]
    PoliciesManage,
    /// `audit.read`.
    #[serde(rename = "audit.read")]
    AuditRead,
    /// `audit.export`.
    #[serde(rename = "audit.export")]
    AuditExport,
    /// `audit.verify`.
    #[serde(rename = "audit.verify")]
    AuditVerify,
    /// `receipts.read`.
    #[serde(rename = "receipts.read")]
    ReceiptsRead,
    /// `cost.read`.
    #[serde(rename = "cost.read")]
    CostRead,
    /// `analytics.read`.
    #[serde(rename = "analytics.read")]
    AnalyticsRead,
    /// `models.read`.
    #[serde(rename = "models.read")]
    ModelsRead,
    /// `operations.read`.
    #[serde(rename = "operations.read")]
    OperationsRead,
    /// `events.read`.
    #[serde(rename = "events.read")]
    EventsRead,
    /// `sessions.manage`.
    #[serde(rename = "sessions.manage")]
    SessionsManage,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListReceiptsAction {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::OrganizationRead => "organization.read",
            Self::OrganizationUpdate => "organization.update",
            Self::ProjectsCreate => "projects.create",
            Self::ProjectsRead => "projects.read",
            Self::ProjectsUpdate => "projects.update",
            Self::ProjectsDelete => "projects.delete",
            Self::TasksCreate => "tasks.create",
            Self::TasksRead => "tasks.read",
            Self::TasksUpdate => "tasks.update",
            Self::TasksControl => "tasks.control",
            Self::RunsRead => "runs.read",
            Self::RunsControl => "runs.control",
            Self::RunsSteer => "runs.steer",
            Self::RunsFork => "runs.fork",
            Self::RunsReplay => "runs.replay",
            Self::RunsExport => "runs.export",
            Self::PlansApprove => "plans.approve",
            Self::PullRequestsRead => "pull_requests.read",
            Self::PullRequestsComment => "pull_requests.comment",
            Self::PullRequestsApprove => "pull_requests.approve",
            Self::PullRequestsMerge => "pull_requests.merge",
            Self::PullRequestsClose => "pull_requests.close",
            Self::AgentsRead => "agents.read",
            Self::AgentsCreate => "agents.create",
            Self::AgentsUpdate => "agents.update",
            Self::AgentsDelete => "agents.delete",
            Self::AgentsHeartbeat => "agents.heartbeat",
            Self::MembersRead => "members.read",
            Self::MembersManage => "members.manage",
            Self::InvitationsManage => "invitations.manage",
            Self::TokensRead => "tokens.read",
            Self::TokensManage => "tokens.manage",
            Self::PoliciesRead => "policies.read",
            Self::PoliciesManage => "policies.manage",
            Self::AuditRead => "audit.read",
            Self::AuditExport => "audit.export",
            Self::AuditVerify => "audit.verify",
            Self::ReceiptsRead => "receipts.read",
            Self::CostRead => "cost.read",
            Self::AnalyticsRead => "analytics.read",
            Self::ModelsRead => "models.read",
            Self::OperationsRead => "operations.read",
            Self::EventsRead => "events.read",
            Self::SessionsManage => "sessions.manage",
            Self::Other(word) => word,
        }
    }
}

/// `ListReceiptsDecision` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListReceiptsDecision {
    /// `allow`.
    #[serde(rename = "allow")]
    Allow,
    /// `deny`.
    #[serde(rename = "deny")]
    Deny,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListReceiptsDecision {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Other(word) => word,
        }
    }
}

/// `ListReceiptsSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListReceiptsSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
}

impl ListReceiptsSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
        }
    }
}

/// `ListRunsSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListRunsSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
}

impl ListRunsSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
        }
    }
}

/// `ListTaskRunsSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListTaskRunsSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
}

impl ListTaskRunsSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
        }
    }
}

/// `ListTasksSort` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListTasksSort {
    /// `-created_at`.
    #[serde(rename = "-created_at")]
    CreatedAt,
    /// `created_at`.
    #[serde(rename = "created_at")]
    CreatedAt2,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ListTasksSort {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreatedAt => "-created_at",
            Self::CreatedAt2 => "created_at",
            Self::Other(word) => word,
        }
    }
}

/// `Logo` of the API.
pub type Logo = String;

/// Members of my account that are to be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeChange {
    /// `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordChange>,
}

/// A member, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// `user_…`.
    pub user_id: UserId,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// `owner`, `admin`, `maintainer`, `developer`, `reviewer`, `viewer` or `auditor`.
    pub role: Role,
    /// Since when.
    pub joined_at: String,
    /// When a session of theirs was last used, to the minute; null when none is open.
    pub last_active: Option<String>,
}

/// Another role of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberChange {
    /// What they may do from now on.
    pub role: Role,
}

/// A merge, confirmed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Merge {
    /// The title of the pull request, typed by who merges; left out, nothing is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Whether a draft is merged too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<bool>,
}

/// Words for the agents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The words, up to 64 KB.
    pub message: Words,
}

/// `MetricKey` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricKey {
    /// `active_agents`.
    #[serde(rename = "active_agents")]
    ActiveAgents,
    /// `tasks_completed_today`.
    #[serde(rename = "tasks_completed_today")]
    TasksCompletedToday,
    /// `average_response_time`.
    #[serde(rename = "average_response_time")]
    AverageResponseTime,
    /// `success_rate`.
    #[serde(rename = "success_rate")]
    SuccessRate,
    /// `commits_per_day`.
    #[serde(rename = "commits_per_day")]
    CommitsPerDay,
    /// `pull_requests_created`.
    #[serde(rename = "pull_requests_created")]
    PullRequestsCreated,
    /// `bugs_fixed`.
    #[serde(rename = "bugs_fixed")]
    BugsFixed,
    /// `features_delivered`.
    #[serde(rename = "features_delivered")]
    FeaturesDelivered,
    /// `code_quality_score`.
    #[serde(rename = "code_quality_score")]
    CodeQualityScore,
    /// `test_coverage`.
    #[serde(rename = "test_coverage")]
    TestCoverage,
    /// `technical_debt_ratio`.
    #[serde(rename = "technical_debt_ratio")]
    TechnicalDebtRatio,
    /// `security_score`.
    #[serde(rename = "security_score")]
    SecurityScore,
    /// `cpu_usage`.
    #[serde(rename = "cpu_usage")]
    CpuUsage,
    /// `memory_usage`.
    #[serde(rename = "memory_usage")]
    MemoryUsage,
    /// `gpu_utilization`.
    #[serde(rename = "gpu_utilization")]
    GpuUtilization,
    /// `storage_usage`.
    #[serde(rename = "storage_usage")]
    StorageUsage,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl MetricKey {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ActiveAgents => "active_agents",
            Self::TasksCompletedToday => "tasks_completed_today",
            Self::AverageResponseTime => "average_response_time",
            Self::SuccessRate => "success_rate",
            Self::CommitsPerDay => "commits_per_day",
            Self::PullRequestsCreated => "pull_requests_created",
            Self::BugsFixed => "bugs_fixed",
            Self::FeaturesDelivered => "features_delivered",
            Self::CodeQualityScore => "code_quality_score",
            Self::TestCoverage => "test_coverage",
            Self::TechnicalDebtRatio => "technical_debt_ratio",
            Self::SecurityScore => "security_score",
            Self::CpuUsage => "cpu_usage",
            Self::MemoryUsage => "memory_usage",
            Self::GpuUtilization => "gpu_utilization",
            Self::StorageUsage => "storage_usage",
            Self::Other(word) => word,
        }
    }
}

/// A metric with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricView {
    /// Which, such as `success_rate`.
    pub key: MetricKey,
    /// What people read.
    pub title: String,
    /// `count`, `per_day`, `seconds`, `percent` or `per_100_lines`.
    pub unit: String,
    /// The number; null where there are no facts.
    pub value: Option<f64>,
    /// The number of the timeframe before, which is as long.
    pub previous: Option<f64>,
    /// Hour by hour of 24 h, else day by day, in UTC; empty where there is no number.
    pub series: Vec<PointView>,
    /// What the number was computed from.
    pub facts: FactsLink,
    /// What has to be said beside it; where there is no number, what would fill it.
    pub note: Option<String>,
}

/// Something in the text of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// What.
    pub message: String,
    /// The line, from 1.
    pub line: u64,
    /// The character in the line, from 1.
    pub column: u64,
}

/// A model whose price is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// As a task names it.
    pub id: String,
    /// The word before the slash.
    pub provider: String,
    /// The word behind it.
    pub name: String,
    /// Whether its provider can be asked.
    pub configured: bool,
    /// Where the price was seen, and when.
    pub note: Option<String>,
    /// US dollars for a million tokens of input.
    pub input_usd_per_million: f64,
    /// Of input read from the provider's cache.
    pub cached_usd_per_million: f64,
    /// Of output.
    pub output_usd_per_million: f64,
    /// Its context window, in tokens.
    pub context_tokens: Option<u64>,
}

/// What models this server can use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// The model of a task that names none, and whose project names none.
    pub default: String,
    /// Who answers for models.
    pub providers: Vec<Provider>,
    /// Models whose price is listed. Any other name works as well.
    pub items: Vec<Model>,
}

/// Another organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// Which.
    pub organization_id: OrganizationId,
}

/// `Name` of the API.
pub type Name = String;

/// `NameOrNone` of the API.
pub type NameOrNone = String;

/// A policy that would have applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NearlyApplies {
    /// Its id.
    pub policy: String,
    /// Whether it forbids; else it permits.
    pub forbids: bool,
    /// What it says of itself, or else its text.
    pub text: String,
}

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// `question`, `plan` (to be approved), `approval` (of a change that acts outside the code), `input`
    /// (what else a run
    /// stands still for), `review`, `failed` or `unassigned`.
    pub kind: NeedKind,
    /// The line that people read.
    pub title: String,
    /// What is asked, or why it came to nothing.
    pub detail: Option<String>,
    /// The id of what is to be opened: of a review the pull request, else the task.
    pub id: String,
    /// `project_id`.
    pub project_id: Option<ProjectId>,
    /// The task.
    pub task_id: TaskId,
    /// `run_id`.
    pub run_id: Option<RunId>,
    /// `pull_request_id`.
    pub pull_request_id: Option<PullRequestId>,
    /// Since when it waits.
    pub since: String,
}

/// `NeedKind` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NeedKind {
    /// `question`.
    #[serde(rename = "question")]
    Question,
    /// `plan`.
    #[serde(rename = "plan")]
    Plan,
    /// `approval`.
    #[serde(rename = "approval")]
    Approval,
    /// `input`.
    #[serde(rename = "input")]
    Input,
    /// `review`.
    #[serde(rename = "review")]
    Review,
    /// `failed`.
    #[serde(rename = "failed")]
    Failed,
    /// `unassigned`.
    #[serde(rename = "unassigned")]
    Unassigned,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl NeedKind {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Question => "question",
            Self::Plan => "plan",
            Self::Approval => "approval",
            Self::Input => "input",
            Self::Review => "review",
            Self::Failed => "failed",
            Self::Unassigned => "unassigned",
            Self::Other(word) => word,
        }
    }
}

/// An agent that is to be registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewAgent {
    /// Its name, 1 to 100 characters; no other agent of the organization has it.
    pub name: Name,
    /// `technical_lead`, `architecture`, `developer` or `reviewer`.
    pub r#type: AgentType,
    /// `specialization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specialization: Option<NameOrNone>,
    /// What it can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Word>>,
    /// `model_version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<NameOrNone>,
    /// Its projects; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<ProjectId>>,
}

/// A remark that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewComment {
    /// The words, up to 64 KB.
    pub body: Words,
    /// On which changed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// On which line of it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Who is to be invited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewInvitation {
    /// The e-mail address.
    pub email: EmailAddress,
    /// What they will be: no more than whoever invites.
    pub role: Role,
}

/// A new organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewOrganization {
    /// What it is called.
    pub name: Name,
}

/// A policy that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewPolicy {
    /// Its name.
    pub name: Name,
    /// Its text, in Cedar.
    pub text: String,
    /// Whether it counts; if not given: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A project that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewProject {
    /// Its name, 1 to 100 characters.
    pub name: Name,
    /// Where its repository is: a directory on the server, `file://…`, `https://…` or `ssh://…`.
    pub repository_url: RepositoryUrl,
    /// Languages and frameworks; found in the repository if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tech_stack: Option<Vec<Word>>,
    /// `requirements`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<ProjectRequirements>,
    /// `configuration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<ProjectConfiguration>,
}

/// A task that is to be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewTask {
    /// What should change, 1 byte to 1 MB.
    pub description: Description,
    /// `title`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// `type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<TaskType>,
    /// `priority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// `requirements`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<Requirements>,
    /// Tasks of the same project that have to be completed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Vec<TaskId>>,
    /// When it should be done, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<String>,
    /// `model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Title>,
    /// What the run may cost, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    /// Answers of models in the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_turns: Option<u32>,
    /// One builder and the gates, without a team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solo: Option<bool>,
    /// Stop after the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_only: Option<bool>,
    /// `base`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Revision>,
    /// Plans and changes of protected paths are approved beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<bool>,
    /// Whether to begin as soon as its turn comes (if not given: yes); else it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<bool>,
}

/// What a ticket is for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewTicket {
    /// `project_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
}

/// A token that is to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewToken {
    /// A name for people.
    pub name: Name,
    /// A role of members, no more than one's own, or `agent` or `ci` for a machine.
    pub role: TokenRole,
    /// `project_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// How many days it counts; 90 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// A one-time link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OneTimeLink {
    /// The link (its part behind `link=`).
    pub link: String,
}

/// `OperationId` of the API.
pub type OperationId = String;

/// What an operation came to, by its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OperationResult {
    /// As `Prepared`.
    Prepared(Box<Prepared>),
    /// As `PullRequestChanged`.
    PullRequestChanged(Box<PullRequestChanged>),
    /// As `Forked`.
    Forked(Box<Forked>),
    /// As `Replayed`.
    Replayed(Box<Replayed>),
    /// As `Exported`.
    Exported(Box<Exported>),
    /// As `RunChanged`.
    RunChanged(Box<RunChanged>),
    /// What this client does not know.
    Other(Value),
}

/// `OperationStatus` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationStatus {
    /// `queued`.
    #[serde(rename = "queued")]
    Queued,
    /// `running`.
    #[serde(rename = "running")]
    Running,
    /// `done`.
    #[serde(rename = "done")]
    Done,
    /// `failed`.
    #[serde(rename = "failed")]
    Failed,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl OperationStatus {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }
}

/// What an operation came to so far, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationView {
    /// `operation_…`.
    pub operation_id: OperationId,
    /// What is to be done, such as `pull_request.merge`.
    pub kind: String,
    /// `queued`, `running`, `done` or `failed`.
    pub status: OperationStatus,
    /// `result`.
    pub result: Option<OperationResult>,
    /// `error`.
    pub error: Option<Failure>,
    /// When it was asked for.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// An organization, as its members see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// `tenant_…`.
    pub id: OrganizationId,
    /// What it is called.
    pub name: String,
    /// `role`.
    pub role: Option<TokenRole>,
    /// How its pages look.
    pub branding: Branding,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// Members of an organization that are to be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrganizationChange {
    /// `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// `branding`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branding: Option<BrandingChange>,
}

/// `OrganizationId` of the API.
pub type OrganizationId = String;

/// `Outcome` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// `done`.
    #[serde(rename = "done")]
    Done,
    /// `denied`.
    #[serde(rename = "denied")]
    Denied,
    /// `failed`.
    #[serde(rename = "failed")]
    Failed,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Outcome {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfAgent {
    /// The items.
    pub items: Vec<Agent>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfAuditEntry {
    /// The items.
    pub items: Vec<AuditEntry>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfCheckpoint {
    /// The items.
    pub items: Vec<Checkpoint>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfCodeArtifact {
    /// The items.
    pub items: Vec<CodeArtifact>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfComment {
    /// The items.
    pub items: Vec<Comment>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfFactLine {
    /// The items.
    pub items: Vec<FactLine>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfGateResult {
    /// The items.
    pub items: Vec<GateResult>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfInvitation {
    /// The items.
    pub items: Vec<Invitation>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfJournalEntry {
    /// The items.
    pub items: Vec<JournalEntry>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfMember {
    /// The items.
    pub items: Vec<Member>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfNeed {
    /// The items.
    pub items: Vec<Need>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfOrganization {
    /// The items.
    pub items: Vec<Organization>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfPolicy {
    /// The items.
    pub items: Vec<Policy>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfProject {
    /// The items.
    pub items: Vec<Project>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfPullRequestView {
    /// The items.
    pub items: Vec<PullRequestView>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfReceipt {
    /// The items.
    pub items: Vec<Receipt>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfRun {
    /// The items.
    pub items: Vec<Run>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfSessionLine {
    /// The items.
    pub items: Vec<SessionLine>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfTask {
    /// The items.
    pub items: Vec<Task>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOfToken {
    /// The items.
    pub items: Vec<Token>,
    /// Where the next page begins; null: this is the last one.
    pub next_cursor: Option<String>,
}

/// Four figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PanelView {
    /// `agent_performance`, `development_velocity`, `code_quality` or `resource_utilization`.
    pub key: String,
    /// What people read.
    pub title: String,
    /// The figures.
    pub metrics: Vec<MetricView>,
}

/// Another password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PasswordChange {
    /// The present one.
    pub current: String,
    /// The new one.
    pub new: String,
}

/// What became of an agent's work. Null where there was none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// Tasks that ended with a result.
    pub tasks_completed: u64,
    /// Tasks that ended without one.
    pub tasks_failed: u64,
    /// The part of the tasks that ended with a result, 0 to 1.
    pub success_rate: Option<f64>,
    /// The part of the tasks that ended with an error of a model or of ours, 0 to 1.
    pub error_rate: Option<f64>,
    /// Seconds of a turn, commands included.
    pub average_turn_seconds: Option<f64>,
    /// US dollars of a task, where prices were known.
    pub average_cost_usd: Option<f64>,
}

/// How a task is to be done: steps and what each waits for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What will be done and why, for a person.
    pub summary: String,
    /// Title of the pull request.
    pub title: String,
    /// The steps, in the planner's order.
    pub steps: Vec<PlanStep>,
    /// The planner's estimate for all of it, in hours.
    pub effort_hours: f64,
    /// What may go wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risks: Option<Vec<String>>,
}

/// A step of the builder's own list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanItem {
    /// What is to be done.
    pub title: String,
    /// `pending`, `in_progress` or `completed`.
    pub status: String,
}

/// A plan with what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanLine {
    /// Members that it shares with others of its kind.
    #[serde(flatten)]
    pub plan: Plan,
    /// What the task was taken for, by facts.
    pub analysis: Analysis,
    /// `cost_usd`.
    pub cost_usd: Option<Dollars>,
    /// What they cost in the end; only of a finished run whose prices are known.
    pub actual_cost_usd: Option<f64>,
    /// Hours that the run took in the end; only of a finished one.
    pub actual_effort_hours: Option<f64>,
}

/// One node of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// What the plan calls it.
    pub id: String,
    /// What is to be done.
    pub title: String,
    /// Name of the role file that does it.
    pub role: String,
    /// Ids of the steps whose results it starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Vec<String>>,
    /// How one sees that it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<Vec<String>>,
}

/// The plan of a run, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    /// The run.
    pub run_id: RunId,
    /// Where the run stands.
    pub run_status: RunStatus,
    /// Whether it waits for a person's approval.
    pub waits_for_approval: bool,
    /// `analysis`.
    pub analysis: Option<Analysis>,
    /// `plan`.
    pub plan: Option<Plan>,
}

/// A point of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointView {
    /// The beginning of its hour or day.
    pub at: String,
    /// The number; null where nothing was observed and the metric is no count.
    pub value: Option<f64>,
}

/// An own policy, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `policy_…`.
    pub id: PolicyId,
    /// Its name, which no other policy of the organization has.
    pub name: String,
    /// Its text, in Cedar.
    pub text: String,
    /// Whether it counts.
    pub enabled: bool,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// Members of a policy that are to be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyChange {
    /// `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Another text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// `PolicyId` of the API.
pub type PolicyId = String;

/// A policy that is to be tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyTrial {
    /// Its text. What is wrong with it is no error but the answer.
    pub text: String,
    /// `policy_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<PolicyId>,
    /// Requests to try it on; if not given, those of the past that have receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Vec<Question>>,
}

/// What became of [`Operation::PrepareProject`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// The project.
    pub project_id: ProjectId,
    /// Where its repository is on this server.
    pub checkout: String,
    /// The branch that is checked out there.
    pub default_branch: Option<String>,
    /// Languages and frameworks.
    pub tech_stack: Vec<String>,
}

/// `Priority` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Priority {
    /// `low`.
    #[serde(rename = "low")]
    Low,
    /// `medium`.
    #[serde(rename = "medium")]
    Medium,
    /// `high`.
    #[serde(rename = "high")]
    High,
    /// `critical`.
    #[serde(rename = "critical")]
    Critical,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Priority {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
            Self::Other(word) => word,
        }
    }
}

/// A problem document. `type` never changes for a cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:aamas:problem:` and the code.
    pub r#type: String,
    /// What sort of problem it is, always the same for a type.
    pub title: String,
    /// The status of HTTP.
    pub status: u32,
    /// What is wrong with this request, in a sentence.
    pub detail: String,
    /// A word for programs.
    pub code: String,
    /// What to do.
    pub hint: Option<String>,
    /// The members that were refused.
    pub errors: Option<Vec<FieldError>>,
    /// An id to quote.
    pub request_id: Option<String>,
}

/// A project, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// `project_…`.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Where its repository is.
    pub repository_url: String,
    /// Languages and frameworks.
    pub tech_stack: Vec<String>,
    /// Its agents.
    pub agents_assigned: Vec<AgentId>,
    /// Settings of its runs.
    pub configuration: ProjectConfiguration,
    /// What is asked of its agents.
    pub requirements: Value,
    /// `preparing`, `active`, `failed` or `archived`.
    pub status: ProjectStatus,
    /// What it is doing, or why it failed.
    pub status_detail: Option<String>,
    /// The branch that is checked out there.
    pub default_branch: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// Members of a project that are to be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProjectChange {
    /// `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// `repository_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_url: Option<RepositoryUrl>,
    /// Other languages and frameworks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tech_stack: Option<Vec<Word>>,
    /// `requirements`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<ProjectRequirements>,
    /// `configuration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<ProjectConfiguration>,
    /// Other agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents_assigned: Option<Vec<AgentId>>,
    /// `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProjectStatusChange>,
}

/// Settings of a project's runs. Members that are not given leave it to `aamas.toml` and the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProjectConfiguration {
    /// `model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Title>,
    /// What a run may cost, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    /// Answers of models in a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_turns: Option<u32>,
    /// `base`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Revision>,
    /// `data_class`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_class: Option<DataClass>,
    /// Whether changes of protected paths and plans are approved beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<bool>,
}

/// `ProjectId` of the API.
pub type ProjectId = String;

/// What is asked of the agents of a project: at most 64 KB of JSON. Of `capabilities`, a list of words, those
/// are chosen who have one.
pub type ProjectRequirements = BTreeMap<String, Value>;

/// `ProjectStatus` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProjectStatus {
    /// `preparing`.
    #[serde(rename = "preparing")]
    Preparing,
    /// `active`.
    #[serde(rename = "active")]
    Active,
    /// `failed`.
    #[serde(rename = "failed")]
    Failed,
    /// `archived`.
    #[serde(rename = "archived")]
    Archived,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ProjectStatus {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Preparing => "preparing",
            Self::Active => "active",
            Self::Failed => "failed",
            Self::Archived => "archived",
            Self::Other(word) => word,
        }
    }
}

/// `ProjectStatusChange` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProjectStatusChange {
    /// `active`.
    #[serde(rename = "active")]
    Active,
    /// `archived`.
    #[serde(rename = "archived")]
    Archived,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ProjectStatusChange {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Other(word) => word,
        }
    }
}

/// Who answers for models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    /// The word before the slash of a model's name.
    pub id: String,
    /// What it speaks.
    pub name: String,
    /// Whether it can be asked as things are.
    pub configured: bool,
    /// What is missing, if it is not.
    pub hint: Option<String>,
}

/// A provider of identities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderLine {
    /// Its id in addresses.
    pub id: String,
    /// Its name on the button.
    pub name: String,
}

/// What became of a pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PullRequestChanged {
    /// Which.
    pub pull_request_id: PullRequestId,
    /// Where it stands now.
    pub status: PullRequestStatus,
}

/// `PullRequestId` of the API.
pub type PullRequestId = String;

/// A pull request in a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PullRequestLine {
    /// Its id.
    pub id: PullRequestId,
    /// Its title.
    pub title: String,
    /// Where a person can read it: a `file:` address for a local one.
    pub url: String,
}

/// `PullRequestStatus` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullRequestStatus {
    /// `draft`.
    #[serde(rename = "draft")]
    Draft,
    /// `open`.
    #[serde(rename = "open")]
    Open,
    /// `applied`.
    #[serde(rename = "applied")]
    Applied,
    /// `merged`.
    #[serde(rename = "merged")]
    Merged,
    /// `closed`.
    #[serde(rename = "closed")]
    Closed,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl PullRequestStatus {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Applied => "applied",
            Self::Merged => "merged",
            Self::Closed => "closed",
            Self::Other(word) => word,
        }
    }
}

/// A pull request, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PullRequestView {
    /// `pr_…`.
    pub id: PullRequestId,
    /// `project_id`.
    pub project_id: Option<ProjectId>,
    /// The run that made it.
    pub run_id: RunId,
    /// `task_id`.
    pub task_id: Option<TaskId>,
    /// Its title.
    pub title: String,
    /// Its description, in Markdown.
    pub description: String,
    /// `draft`, `open`, `applied`, `merged` or `closed`.
    pub status: PullRequestStatus,
    /// The branch.
    pub branch: String,
    /// The branch that it should go into.
    pub target: Option<String>,
    /// The commit that the branch grows from.
    pub base_commit: String,
    /// The commit on the branch.
    pub head_commit: String,
    /// Labels by code.
    pub labels: Vec<String>,
    /// People who know the changed files best.
    pub reviewers: Vec<String>,
    /// Changed files.
    pub files: Vec<ChangedFile>,
    /// What the gates said.
    pub gates: Vec<GateResult>,
    /// Remarks of people.
    pub comments: Vec<Comment>,
    /// Approvals of people.
    pub approvals: Vec<Approval>,
    /// `superseded_by`.
    pub superseded_by: Option<PullRequestId>,
    /// Who merged it.
    pub merged_by: Option<String>,
    /// When it was merged.
    pub merged_at: Option<String>,
    /// When it was opened.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// A question to the policies. What is not given is as for the one who asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// What somebody wants to do, such as `tasks.create`.
    pub action: Action,
    /// `resource`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Thing>,
    /// `principal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Somebody>,
}

/// A receipt, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `receipt_…`.
    pub id: ReceiptId,
    /// When.
    pub at: String,
    /// Who asked, by id.
    pub principal: String,
    /// Their role.
    pub role: TokenRole,
    /// For what.
    pub action: Action,
    /// On what: kind and id.
    pub resource: String,
    /// `allow` or `deny`.
    pub decision: Decision,
    /// The policies that decided; none where nothing permits.
    pub policies: Vec<String>,
    /// The same in a sentence.
    pub reason: String,
    /// Names the rules that decided.
    pub policy_set_hash: String,
    /// SHA-256 of everything that the decision was made from.
    pub inputs_hash: String,
}

/// `ReceiptId` of the API.
pub type ReceiptId = String;

/// Codes for the day the phone is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// Each counts once.
    pub recovery_codes: Vec<String>,
}

/// What became of [`Operation::ReplayRun`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// Whether every step is the same.
    pub identical: bool,
    /// Steps that are the same.
    pub entries: u64,
    /// Requests to models that were rendered again and compared byte for byte.
    pub requests: u64,
    /// The first step that differs.
    pub first_difference: Option<Value>,
    /// What could not be derived again, and why.
    pub notes: Vec<String>,
}

/// `RepositoryUrl` of the API.
pub type RepositoryUrl = String;

/// What is asked of the agents of a task beside its words: at most 64 KB of JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Requirements {
    /// What they should be able to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Word>>,
    /// Members that have no place of their own.
    #[serde(flatten)]
    pub additional_members: BTreeMap<String, Value>,
}

/// `ResourceType` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceType {
    /// `Organization`.
    #[serde(rename = "Organization")]
    Organization,
    /// `Project`.
    #[serde(rename = "Project")]
    Project,
    /// `Task`.
    #[serde(rename = "Task")]
    Task,
    /// `Run`.
    #[serde(rename = "Run")]
    Run,
    /// `Plan`.
    #[serde(rename = "Plan")]
    Plan,
    /// `PullRequest`.
    #[serde(rename = "PullRequest")]
    PullRequest,
    /// `Agent`.
    #[serde(rename = "Agent")]
    Agent,
    /// `Member`.
    #[serde(rename = "Member")]
    Member,
    /// `Invitation`.
    #[serde(rename = "Invitation")]
    Invitation,
    /// `Token`.
    #[serde(rename = "Token")]
    Token,
    /// `Policy`.
    #[serde(rename = "Policy")]
    Policy,
    /// `Audit`.
    #[serde(rename = "Audit")]
    Audit,
    /// `Receipt`.
    #[serde(rename = "Receipt")]
    Receipt,
    /// `Operation`.
    #[serde(rename = "Operation")]
    Operation,
    /// `Session`.
    #[serde(rename = "Session")]
    Session,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl ResourceType {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Organization => "Organization",
            Self::Project => "Project",
            Self::Task => "Task",
            Self::Run => "Run",
            Self::Plan => "Plan",
            Self::PullRequest => "PullRequest",
            Self::Agent => "Agent",
            Self::Member => "Member",
            Self::Invitation => "Invitation",
            Self::Token => "Token",
            Self::Policy => "Policy",
            Self::Audit => "Audit",
            Self::Receipt => "Receipt",
            Self::Operation => "Operation",
            Self::Session => "Session",
            Self::Other(word) => word,
        }
    }
}

/// What a reviewer says of a plan or a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Whether it may go on as it is.
    pub approved: bool,
    /// Why.
    pub summary: String,
    /// Remarks.
    pub comments: Option<Vec<LineComment>>,
}

/// `Revision` of the API.
pub type Revision = String;

/// `Risk` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Risk {
    /// `low`.
    #[serde(rename = "low")]
    Low,
    /// `medium`.
    #[serde(rename = "medium")]
    Medium,
    /// `high`.
    #[serde(rename = "high")]
    High,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Risk {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Other(word) => word,
        }
    }
}

/// A risk and its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskLine {
    /// `low`, `medium` or `high`.
    pub level: Risk,
    /// Why.
    pub reasons: Vec<String>,
}

/// `Role` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// `owner`.
    #[serde(rename = "owner")]
    Owner,
    /// `admin`.
    #[serde(rename = "admin")]
    Admin,
    /// `maintainer`.
    #[serde(rename = "maintainer")]
    Maintainer,
    /// `developer`.
    #[serde(rename = "developer")]
    Developer,
    /// `reviewer`.
    #[serde(rename = "reviewer")]
    Reviewer,
    /// `viewer`.
    #[serde(rename = "viewer")]
    Viewer,
    /// `auditor`.
    #[serde(rename = "auditor")]
    Auditor,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Role {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Maintainer => "maintainer",
            Self::Developer => "developer",
            Self::Reviewer => "reviewer",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Other(word) => word,
        }
    }
}

/// A run, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// `run_…`.
    pub id: RunId,
    /// Its task.
    pub task_id: TaskId,
    /// `project_id`.
    pub project_id: Option<ProjectId>,
    /// The line that people read of its task.
    pub title: String,
    /// `queued`, `running`, `paused`, `interrupted`, `needs_input`, `limit_reached`, `failed`, `ready`,
    /// `no_change`,
    /// `gates_failed` or `canceled`.
    pub status: RunStatus,
    /// The model.
    pub model: String,
    /// The delivered branch.
    pub branch: Option<String>,
    /// Where its journal ends.
    pub journal_seq: u64,
    /// What it spent so far.
    pub spent: Spent,
    /// `document`.
    pub document: Option<RunDocument>,
    /// When it began.
    pub created_at: String,
    /// When it was last saved.
    pub updated_at: String,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunChanged {
    /// Which.
    pub run_id: RunId,
    /// Where it stands now; `running` when a living process was told.
    pub status: RunStatus,
    /// The entry that it was set back to.
    pub entry: Option<u64>,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDocument {
    /// The run.
    pub run_id: RunId,
    /// Its task.
    pub task_id: TaskId,
    /// How it ended or stands.
    pub status: RunStatus,
    /// The model.
    pub model: String,
    /// The delivered branch.
    pub branch: Option<String>,
    /// The commit that the work started from.
    pub base_commit: String,
    /// The commit on the branch.
    pub head_commit: Option<String>,
    /// `pull_request`.
    pub pull_request: Option<PullRequestLine>,
    /// What the gates said, in order.
    pub gates: Vec<GateResult>,
    /// What the models used.
    pub usage: UsageLine,
    /// Answered calls of models.
    pub turns: u32,
    /// Milliseconds that processes spent on the run.
    pub duration_ms: u64,
    /// Level of the sandbox in force, such as `S2`; null before a workspace stood.
    pub sandbox: Option<String>,
    /// Where the report lies on the server.
    pub report: Option<String>,
    /// Where the report with the evidence lies: a page of HTML that needs nothing else.
    pub report_html: Option<String>,
    /// `error`.
    pub error: Option<Failure>,
    /// `plan`.
    pub plan: Option<PlanLine>,
    /// The attempts of a team, in the order in which they began.
    pub attempts: Option<Vec<AttemptLine>>,
}

/// `RunId` of the API.
pub type RunId = String;

/// Bounds of a whole run; each ends in `limit_reached`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunLimits {
    /// Calls of models that were answered.
    pub max_turns: u32,
    /// Nano-USD; null: no limit.
    pub budget: Option<i64>,
    /// Tokens of all prompts and answers.
    pub max_tokens: u64,
    /// Time that processes spent on the run.
    pub timeout: Span,
}

/// What a run follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RunOrigin {
    /// As `RunOriginVariant1`.
    RunOriginVariant1(Box<RunOriginVariant1>),
    /// As `RunOriginVariant2`.
    RunOriginVariant2(Box<RunOriginVariant2>),
    /// As `RunOriginVariant3`.
    RunOriginVariant3(Box<RunOriginVariant3>),
    /// What this client does not know.
    Other(Value),
}

/// A follow-up on what a finished run delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOriginVariant1 {
    /// A follow-up on what a finished run delivered.
    pub continues: RunOriginVariant1Continues,
}

/// A follow-up on what a finished run delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOriginVariant1Continues {
    /// The run.
    pub run: RunId,
    /// What agents should know of it.
    pub words: String,
}

/// The same run up to an entry, and another way from there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOriginVariant2 {
    /// The same run up to an entry, and another way from there.
    pub forked: Box<RunOriginVariant2Forked>,
}

/// The same run up to an entry, and another way from there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOriginVariant2Forked {
    /// The run.
    pub run: RunId,
    /// The last entry that both share.
    pub seq: u64,
    /// `origin`.
    pub origin: Option<Box<RunOrigin>>,
}

/// A public page, whose text is untrusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOriginVariant3 {
    /// A public page, whose text is untrusted.
    pub page: RunOriginVariant3Page,
}

/// A public page, whose text is untrusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOriginVariant3Page {
    /// Its address.
    pub url: String,
    /// Its text.
    pub text: String,
}

/// What a run was asked, fixed when it became durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Top level of the repository on the server.
    pub repo: String,
    /// The task, as given.
    pub task: String,
    /// The model.
    pub model: String,
    /// Name of the role file that a single builder has.
    pub role: String,
    /// Names of the role files that steps of a plan may have.
    pub roles: Option<Vec<String>>,
    /// The seats that are taken beside the builders'; none: one builder and the gates.
    pub team: Option<Vec<Seat>>,
    /// Builders that work side by side at most; 0 means the default.
    pub parallel: Option<u32>,
    /// Whether the run ends with its plan.
    pub plan_only: Option<bool>,
    /// Whether a person approves the plan before anything is written.
    pub plan_approval: Option<bool>,
    /// Builders that try the same work side by side; the best result is taken. 0 and 1 mean one.
    pub best_of: Option<u32>,
    /// Whether `model` was named by hand: then it stands for all seats.
    pub model_given: Option<bool>,
    /// Models by seat, in order of preference, where they differ from `model`.
    pub routes: Option<BTreeMap<String, Vec<String>>>,
    /// The same by the name of a role file, which is stronger than its seat.
    pub role_routes: Option<BTreeMap<String, Vec<String>>>,
    /// Models to fall back to, in order, when the one in force fails for good.
    pub fallback: Option<Vec<String>>,
    /// `origin`.
    pub origin: Option<RunOrigin>,
    /// Images of the task.
    pub images: Option<Vec<TaskImage>>,
    /// The commit that the work starts from (hex).
    pub base_commit: String,
    /// The commit of the repository that a delivered branch grows from (hex).
    pub base_head: String,
    /// The branch that the change should go into.
    pub target: Option<String>,
    /// Bounds of the whole run.
    pub limits: RunLimits,
    /// Whether plans and changes to protected paths are approved beforehand.
    pub yes: bool,
    /// Warnings given before the start, for the report.
    pub warnings: Option<Vec<String>>,
}

/// `RunStatus` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    /// `queued`.
    #[serde(rename = "queued")]
    Queued,
    /// `running`.
    #[serde(rename = "running")]
    Running,
    /// `paused`.
    #[serde(rename = "paused")]
    Paused,
    /// `interrupted`.
    #[serde(rename = "interrupted")]
    Interrupted,
    /// `needs_input`.
    #[serde(rename = "needs_input")]
    NeedsInput,
    /// `limit_reached`.
    #[serde(rename = "limit_reached")]
    LimitReached,
    /// `failed`.
    #[serde(rename = "failed")]
    Failed,
    /// `ready`.
    #[serde(rename = "ready")]
    Ready,
    /// `no_change`.
    #[serde(rename = "no_change")]
    NoChange,
    /// `gates_failed`.
    #[serde(rename = "gates_failed")]
    GatesFailed,
    /// `canceled`.
    #[serde(rename = "canceled")]
    Canceled,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl RunStatus {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
            Self::NeedsInput => "needs_input",
            Self::LimitReached => "limit_reached",
            Self::Failed => "failed",
            Self::Ready => "ready",
            Self::NoChange => "no_change",
            Self::GatesFailed => "gates_failed",
            Self::Canceled => "canceled",
            Self::Other(word) => word,
        }
    }
}

/// `Seat` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seat {
    /// `planner`.
    #[serde(rename = "planner")]
    Planner,
    /// `architecture`.
    #[serde(rename = "architecture")]
    Architecture,
    /// `builder`.
    #[serde(rename = "builder")]
    Builder,
    /// `reviewer`.
    #[serde(rename = "reviewer")]
    Reviewer,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Seat {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Planner => "planner",
            Self::Architecture => "architecture",
            Self::Builder => "builder",
            Self::Reviewer => "reviewer",
            Self::Other(word) => word,
        }
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionLine {
    /// `token_…`.
    pub id: CredentialId,
    /// When it began.
    pub created_at: String,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// When it ends at the latest.
    pub expires_at: Option<String>,
    /// What the browser called itself.
    pub user_agent: Option<String>,
    /// Where it began.
    pub address: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// What anybody may know of the installation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Whether the first start still has to be ended.
    pub needed: bool,
    /// Whether organizations are filled for a demonstration.
    pub demo: bool,
    /// How the first organization looks.
    pub branding: Branding,
    /// Where people can sign in beside here.
    pub providers: Vec<ProviderLine>,
}

/// The end of the first start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SetupRequest {
    /// The link that `aamas serve` printed (its part behind `link=`).
    pub link: String,
    /// What the organization is called.
    pub organization_name: Name,
    /// The owner's name.
    pub name: Name,
    /// The owner's e-mail address.
    pub email: EmailAddress,
    /// The owner's password.
    pub password: String,
}

/// `Severity` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Severity {
    /// `info`.
    #[serde(rename = "info")]
    Info,
    /// `minor`.
    #[serde(rename = "minor")]
    Minor,
    /// `major`.
    #[serde(rename = "major")]
    Major,
    /// `blocker`.
    #[serde(rename = "blocker")]
    Blocker,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Severity {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Info => "info",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Blocker => "blocker",
            Self::Other(word) => word,
        }
    }
}

/// A sign-in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SignIn {
    /// The e-mail address.
    pub email: EmailAddress,
    /// The password.
    pub password: String,
    /// The code of the second factor, or a recovery code, if the account has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `organization_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
}

/// Somebody that a question is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Somebody {
    /// `user_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TokenRole>,
    /// Whether the second factor was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa: Option<bool>,
}

/// A span of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Whole seconds.
    pub secs: u64,
    /// And nanoseconds.
    pub nanos: u32,
}

/// What a run spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// US dollars; null when a price is unknown.
    pub cost_usd: Option<f64>,
    /// What it may spend.
    pub limit_usd: Option<f64>,
    /// Calls of models.
    pub calls: u64,
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
}

/// `Taint` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taint {
    /// `trusted`.
    #[serde(rename = "trusted")]
    Trusted,
    /// `untrusted`.
    #[serde(rename = "untrusted")]
    Untrusted,
    /// `secret`.
    #[serde(rename = "secret")]
    Secret,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Taint {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Trusted => "trusted",
            Self::Untrusted => "untrusted",
            Self::Secret => "secret",
            Self::Other(word) => word,
        }
    }
}

/// A task, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// `task_…`.
    pub id: TaskId,
    /// `project_id`.
    pub project_id: Option<ProjectId>,
    /// Its place among the tasks of its organization, from 1.
    pub number: u64,
    /// A line for people.
    pub title: String,
    /// What was asked.
    pub description: String,
    /// `feature`, `fix`, `refactor`, `test`, `docs` or `chore`.
    pub r#type: TaskType,
    /// `low`, `medium`, `high` or `critical`.
    pub priority: Priority,
    /// `submitted`, `working`, `input_required`, `paused`, `completed`, `failed` or `canceled`.
    pub status: TaskStatus,
    /// `assigned_agent`.
    pub assigned_agent: Option<AgentId>,
    /// Who was found for it, and why.
    pub assignment: Assignment,
    /// What is asked beside the words.
    pub requirements: Value,
    /// Tasks that have to be completed before it begins.
    pub dependencies: Vec<TaskId>,
    /// Hours that it will take, by the middle of the estimate.
    pub estimated_effort: f64,
    /// Eight of ten such tasks stay in it.
    pub effort_interval: Interval,
    /// Hours that it took; null until it ended.
    pub actual_effort: Option<f64>,
    /// How good the result is, 0 to 1, by gates and review; null until there is one.
    pub quality_score: Option<f64>,
    /// What a mistake would cost.
    pub risk: RiskLine,
    /// When it should be done.
    pub due_date: Option<String>,
    /// Whether a person holds it.
    pub held: bool,
    /// Whether an engine will begin it when its turn comes.
    pub queued: bool,
    /// `run_id`.
    pub run_id: Option<RunId>,
    /// `pull_request_id`.
    pub pull_request_id: Option<PullRequestId>,
    /// What its last run has cost so far, in US dollars; null when a price is unknown.
    pub cost_usd: Option<f64>,
    /// `error`.
    pub error: Option<Failure>,
    /// Who asked.
    pub created_by: String,
    /// When it was asked.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// Members of a task that are to be changed. A member that is null in JSON is taken as not given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskChange {
    /// `title`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// `priority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// `due_date`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<DueDate>,
    /// `assigned_agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_agent: Option<AgentOrNone>,
    /// Other dependencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Vec<TaskId>>,
}

/// `TaskId` of the API.
pub type TaskId = String;

/// An image of a task, kept as an artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskImage {
    /// Its name as given.
    pub name: String,
    /// Such as `image/png`.
    pub media_type: String,
    /// Its content address.
    pub object: String,
}

/// `TaskStatus` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskStatus {
    /// `submitted`.
    #[serde(rename = "submitted")]
    Submitted,
    /// `working`.
    #[serde(rename = "working")]
    Working,
    /// `input_required`.
    #[serde(rename = "input_required")]
    InputRequired,
    /// `paused`.
    #[serde(rename = "paused")]
    Paused,
    /// `completed`.
    #[serde(rename = "completed")]
    Completed,
    /// `failed`.
    #[serde(rename = "failed")]
    Failed,
    /// `canceled`.
    #[serde(rename = "canceled")]
    Canceled,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl TaskStatus {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Submitted => "submitted",
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Other(word) => word,
        }
    }
}

/// `TaskType` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskType {
    /// `feature`.
    #[serde(rename = "feature")]
    Feature,
    /// `fix`.
    #[serde(rename = "fix")]
    Fix,
    /// `refactor`.
    #[serde(rename = "refactor")]
    Refactor,
    /// `test`.
    #[serde(rename = "test")]
    Test,
    /// `docs`.
    #[serde(rename = "docs")]
    Docs,
    /// `chore`.
    #[serde(rename = "chore")]
    Chore,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl TaskType {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Feature => "feature",
            Self::Fix => "fix",
            Self::Refactor => "refactor",
            Self::Test => "test",
            Self::Docs => "docs",
            Self::Chore => "chore",
            Self::Other(word) => word,
        }
    }
}

/// A thing that a question is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    /// Its kind as policies say it, such as `PullRequest`.
    pub r#type: ResourceType,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The project that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Whom it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Who works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// `data_class`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_class: Option<DataClass>,
    /// `risk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// What it costs, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TokenRole>,
    /// `gives`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gives: Option<TokenRole>,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The `token` of a WebSocket's address, for one use.
    pub ticket: String,
    /// When it ends unused.
    pub expires_at: Option<String>,
}

/// `Timeframe` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timeframe {
    /// `24h`.
    #[serde(rename = "24h")]
    N24h,
    /// `7d`.
    #[serde(rename = "7d")]
    N7d,
    /// `30d`.
    #[serde(rename = "30d")]
    N30d,
    /// `90d`.
    #[serde(rename = "90d")]
    N90d,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl Timeframe {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::N24h => "24h",
            Self::N7d => "7d",
            Self::N30d => "30d",
            Self::N90d => "90d",
            Self::Other(word) => word,
        }
    }
}

/// `Title` of the API.
pub type Title = String;

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// `token_…`.
    pub id: CredentialId,
    /// Its name.
    pub name: String,
    /// The role that it has at most; that of a person's token is never above the person's.
    pub role: TokenRole,
    /// `project_id`.
    pub project_id: Option<ProjectId>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: String,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<String>,
}

/// `TokenRole` of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenRole {
    /// `owner`.
    #[serde(rename = "owner")]
    Owner,
    /// `admin`.
    #[serde(rename = "admin")]
    Admin,
    /// `maintainer`.
    #[serde(rename = "maintainer")]
    Maintainer,
    /// `developer`.
    #[serde(rename = "developer")]
    Developer,
    /// `reviewer`.
    #[serde(rename = "reviewer")]
    Reviewer,
    /// `viewer`.
    #[serde(rename = "viewer")]
    Viewer,
    /// `auditor`.
    #[serde(rename = "auditor")]
    Auditor,
    /// `agent`.
    #[serde(rename = "agent")]
    Agent,
    /// `ci`.
    #[serde(rename = "ci")]
    Ci,
    /// A word that this client does not know.
    #[serde(untagged)]
    Other(String),
}

impl TokenRole {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Maintainer => "maintainer",
            Self::Developer => "developer",
            Self::Reviewer => "reviewer",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Agent => "agent",
            Self::Ci => "ci",
            Self::Other(word) => word,
        }
    }
}

/// Tokens of one call or of many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// All tokens of the prompt, cached ones included.
    pub input_tokens: u64,
    /// The part of them that the provider read from its cache.
    pub cached_tokens: u64,
    /// The part of them that the provider wrote to its cache.
    pub cache_write_tokens: Option<u64>,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: u64,
    /// The part of them that the model thought with.
    pub reasoning_tokens: Option<u64>,
}

/// A token with its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenWithSecret {
    /// Members that it shares with others of its kind.
    #[serde(flatten)]
    pub token_members: Token,
    /// The secret: shown once.
    pub token: String,
}

/// What a tool call meant for the run, beyond its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToolMeaning {
    /// As `ToolMeaningVariant1`.
    ToolMeaningVariant1(Box<ToolMeaningVariant1>),
    /// As `ToolMeaningVariant2`.
    ToolMeaningVariant2(Box<ToolMeaningVariant2>),
    /// As `ToolMeaningVariant3`.
    ToolMeaningVariant3(Box<ToolMeaningVariant3>),
    /// As `ToolMeaningVariant4`.
    ToolMeaningVariant4(Box<ToolMeaningVariant4>),
    /// As `ToolMeaningVariant5`.
    ToolMeaningVariant5(Box<ToolMeaningVariant5>),
    /// As `ToolMeaningVariant6`.
    ToolMeaningVariant6(Box<ToolMeaningVariant6>),
    /// What this client does not know.
    Other(Value),
}

/// Nothing but its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolMeaningVariant1 {
    /// `plain`.
    #[serde(rename = "plain")]
    Plain,
}

impl ToolMeaningVariant1 {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Plain => "plain",
        }
    }
}

/// The plan is now this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolMeaningVariant2 {
    /// The plan is now this.
    pub plan: Vec<PlanItem>,
}

/// A person is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolMeaningVariant3 {
    /// A person is asked.
    pub question: String,
}

/// The builder says that it is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolMeaningVariant4 {
    /// The builder says that it is done.
    pub finish: Closing,
}

/// The planner's plan, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolMeaningVariant5 {
    /// The planner's plan, checked.
    pub planned: Plan,
}

/// A verdict on a plan or a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolMeaningVariant6 {
    /// A verdict on a plan or a change.
    pub reviewed: Review,
}

/// A trajectory in the Agent Trajectory Interchange Format.
pub type Trajectory = BTreeMap<String, Value>;

/// What a policy would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialReport {
    /// Whether it can be read.
    pub valid: bool,
    /// What is wrong with it.
    pub errors: Vec<Mistake>,
    /// What is allowed but looks like a mistake.
    pub warnings: Vec<Mistake>,
    /// How many requests were tried.
    pub requests: u64,
    /// Those that are answered differently; at most 200.
    pub changed: Vec<ChangedDecision>,
}

/// What models used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageLine {
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// The cached part.
    pub cached_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
    /// US dollars; null when a price is unknown.
    pub cost_usd: Option<f64>,
}

/// `UserId` of the API.
pub type UserId = String;

/// An answer and its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `allow` or `deny`.
    pub decision: Decision,
    /// The policies that decide.
    pub policies: Vec<String>,
}

/// What a verification came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether nothing is wrong.
    pub valid: bool,
    /// Whose log.
    pub organization_id: OrganizationId,
    /// Entries that were read.
    pub entries: u64,
    /// Checkpoints that were read.
    pub checkpoints: u64,
    /// Receipts of decisions that were read.
    pub receipts: u64,
    /// The number of the last receipt that an entry names by hash: those behind it are not covered.
    pub receipts_bound: u64,
    /// The root of the Merkle tree over the entries, in hexadecimal; null if some are missing or altered.
    pub root: Option<String>,
    /// The size of the largest checkpoint from elsewhere that fits; null if none was given.
    pub anchored: Option<u64>,
    /// `first_problem`.
    pub first_problem: Option<AuditProblem>,
    /// Everything that is wrong; at most 100.
    pub problems: Vec<AuditProblem>,
    /// How many more there are.
    pub more_problems: u64,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Who {
    /// `user`.
    pub user: Option<WhoUser>,
    /// The organization that everything is read and written in.
    pub organization: Organization,
    /// The role in it.
    pub role: TokenRole,
    /// What can be asked for, by the policies, of the organization or of one's own things.
    pub permissions: Vec<Action>,
    /// `token`.
    pub token: Option<WhoToken>,
}

/// A token that calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhoToken {
    /// `token_…`; of a service that an issuer vouches for, who it is to the issuer.
    pub id: String,
    /// The name.
    pub name: String,
}

/// A person who calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhoUser {
    /// `user_…`.
    pub id: UserId,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Whether the account has a second factor.
    pub totp: bool,
}

/// `Word` of the API.
pub type Word = String;

/// `Words` of the API.
pub type Words = String;
