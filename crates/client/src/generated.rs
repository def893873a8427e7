//! Written by `cargo run -p client --example generate` from `openapi.json`. Change that, not this.

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
    pub fn list_run_gates(&self, run_id: &str) -> Asked<'_, Json<Value>> {
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
    pub fn fork_run(&self, run_id: &str, body: Option<&Fork>) -> Asked<'_, OrLater<Json<Value>, Value>> {
        let call = Call::new("POST", "/api/v1/runs/{run_id}/fork", &[run_id]).optional_body(body);
        Asked::new(self, call)
    }

    /// Decides a recorded run again, without a model, and compares.
    ///
    /// `POST /api/v1/runs/{run_id}/replay`
    pub fn replay_run(&self, run_id: &str) -> Asked<'_, OrLater<Json<Value>, Value>> {
        let call = Call::new("POST", "/api/v1/runs/{run_id}/replay", &[run_id]);
        Asked::new(self, call)
    }

    /// Reads a run as one document: its trajectory, a page, its journal, or the signed envelope of its
    /// change.
    ///
    /// `GET /api/v1/runs/{run_id}/export`
    pub fn export_run(&self, run_id: &str, query: &ExportRunQuery) -> Asked<'_, OrLater<Bytes, Value>> {
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
    pub fn edit_plan(&self, run_id: &str, body: &Value) -> Asked<'_, Nothing> {
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
    pub fn list_pull_request_comments(&self, pull_request_id: &str) -> Asked<'_, Json<Value>> {
        let call = Call::new("GET", "/api/v1/pull-requests/{pull_request_id}/comments", &[pull_request_id]);
        Asked::new(self, call)
    }

    /// Leaves a comment, on the whole or on a line of a changed file.
    ///
    /// `POST /api/v1/pull-requests/{pull_request_id}/comments`
    pub fn comment_pull_request(&self, pull_request_id: &str, body: &NewComment) -> Asked<'_, Json<Value>> {
        let call = Call::new("POST", "/api/v1/pull-requests/{pull_request_id}/comments", &[pull_request_id]).body(body);
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

    /// Merges a pull request into the branch that is checked out in its repository.
    ///
    /// `POST /api/v1/pull-requests/{pull_request_id}/merge`
    pub fn merge_pull_request(
        &self,
        pull_request_id: &str,
        body: Option<&Merge>,
    ) -> Asked<'_, OrLater<Json<PullRequestView>, Value>> {
        let call = Call::new("POST", "/api/v1/pull-requests/{pull_request_id}/merge", &[pull_request_id]).optional_body(body);
        Asked::new(self, call)
    }

    /// Closes a pull request without merging; its branch stays.
    ///
    /// `POST /api/v1/pull-requests/{pull_request_id}/close`
    pub fn close_pull_request(
        &self,
        pull_request_id: &str,
    ) -> Asked<'_, OrLater<Json<PullRequestView>, Value>> {
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
    pub fn finish_sso(&self, provider_id: &str) -> Asked<'_, Bytes> {
        let call = Call::new("GET", "/api/v1/session/sso/{provider_id}/callback", &[provider_id]);
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
    pub fn verify_audit(&self, body: &Anchors) -> Asked<'_, Json<Verification>> {
        let call = Call::new("POST", "/api/v1/audit/verify", &[]).body(body);
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
    pub fn create_ticket(&self, body: &NewTicket) -> Asked<'_, Json<Ticket>> {
        let call = Call::new("POST", "/api/v1/tickets", &[]).body(body);
        Asked::new(self, call)
    }
}

/// The query of [`Client::list_projects`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListProjectsQuery {
    /// `preparing`, `active`, `failed` or `archived`; all but archived ones if not given.
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

/// The query of [`Client::list_project_tasks`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListProjectTasksQuery {
    /// Of this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Of this type.
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

/// The query of [`Client::list_tasks`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListTasksQuery {
    /// Of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Of this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Of this type.
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
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
    /// Of this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
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
    /// `atif` (if not given), `html`, `json` or `attestation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// The query of [`Client::list_pull_requests`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListPullRequestsQuery {
    /// `draft`, `open`, `applied`, `merged` or `closed`.
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

/// The query of [`Client::list_agents`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListAgentsQuery {
    /// `technical_lead`, `architecture`, `developer` or `reviewer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// `idle`, `working`, `offline` or `retired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

/// The query of [`Client::get_dashboard`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GetDashboardQuery {
    /// `24h`, `7d` (if not given), `30d` or `90d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeframe: Option<String>,
}

/// The query of [`Client::list_facts`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListFactsQuery {
    /// Which metric, such as `success_rate`.
    pub metric: String,
    /// `24h`, `7d` (if not given), `30d` or `90d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeframe: Option<String>,
    /// `to` of the dashboard, RFC 3339; now if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
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
    /// `model`, `role`, `day`, `project`, `task` or `run`: only these sums beside the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

/// The query of [`Client::list_receipts`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListReceiptsQuery {
    /// `allow` or `deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Who asked, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// For what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
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
    /// `done`, `denied` or `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// At this moment or later, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Before this moment, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Only entries behind the one with this number, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
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
    /// `-created_at` (newest first) or `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

/// The acceptance of an invitation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The link (its part behind `link=`).
    pub link: String,
    /// The name of a new account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The password: a new one for a new account, the present one for an account that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The code of the second factor, if the account has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What came of deciding again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Again {
    /// `same`, `other_policies` (they have changed since), `altered` (the receipt was changed after it was
    /// made) or
    /// `different`.
    pub outcome: String,
    /// `now`.
    pub now: Option<Verdict>,
}

/// An agent, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// `agent_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for: `technical_lead`, `architecture`, `developer` or `reviewer`.
    pub r#type: String,
    /// What it knows best, such as `backend`; empty: everything.
    pub specialization: String,
    /// The model that it has; empty: whatever the run has.
    pub model_version: String,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// Its projects; none: all of them.
    pub current_projects: Vec<String>,
    /// What it works on.
    pub current_tasks: Vec<String>,
    /// What became of its work.
    pub performance_metrics: Performance,
    /// `idle`, `working`, `offline` or `retired`.
    pub status: String,
    /// When it last gave a sign of life.
    pub last_active: String,
    /// When it was registered.
    pub created_at: String,
}

/// Members of an agent that are to be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentChange {
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specialization: Option<String>,
    /// Other capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Another model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<String>,
    /// Other projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<String>>,
    /// `retired` takes it out; `idle` brings it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// What the facts of a timeframe say, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analytics {
    /// Whose facts.
    pub organization_id: String,
    /// `24h`, `7d`, `30d` or `90d`.
    pub timeframe: String,
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
    pub outcome: String,
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
    /// `missing`, `order`, `unreadable`, `chain`, `hash`, `content`, `head`, `truncated`, `rewritten`,
    /// `checkpoint` or
    /// `tenant`.
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
    /// The name on the pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The accent, as `#rrggbb`, with a contrast of 3:1 to white.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// The logo: a PNG, JPEG or WebP of at most 64 KB as a `data:` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
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

/// A request that would be answered differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedDecision {
    /// Who asked.
    pub principal: String,
    /// For what.
    pub action: String,
    /// On what.
    pub resource: String,
    /// When.
    pub at: String,
    /// `allow` or `deny`, by the policies as they are.
    pub before: String,
    /// `allow` or `deny`, by the policies as they would be.
    pub after: String,
    /// The policies that would decide.
    pub reasons: Vec<String>,
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
    pub id: String,
    /// Its project.
    pub project_id: String,
    /// The run that wrote it.
    pub run_id: String,
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

/// All that policies have to say about a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// `allow` or `deny`.
    pub decision: String,
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
    pub roles: Vec<String>,
}

/// A fact that a number was computed from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactLine {
    /// `run`, `task`, `pull_request`, `agent` or `samples`.
    pub kind: String,
    /// Its id; of measurements, what was measured.
    pub id: String,
    /// When it was counted.
    pub at: String,
    /// The line that people read of it.
    pub title: Option<String>,
    /// Where it stands.
    pub status: Option<String>,
    /// Its project.
    pub project_id: Option<String>,
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
    pub run_id: String,
    /// Its task.
    pub task_id: String,
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
    pub id: String,
    /// Who is invited.
    pub email: String,
    /// What they will be.
    pub role: String,
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
    /// What to send: shown once. It belongs behind `/invite?link=`.
    pub link: String,
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
    pub taint: String,
    /// What it says.
    pub entry: Value,
}

/// Members of my account that are to be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeChange {
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordChange>,
}

/// A member, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// `user_…`.
    pub user_id: String,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// `owner`, `admin`, `maintainer`, `developer`, `reviewer`, `viewer` or `auditor`.
    pub role: String,
    /// Since when.
    pub joined_at: String,
    /// When a session of theirs was last used, to the minute; null when none is open.
    pub last_active: Option<String>,
}

/// Another role of a member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MemberChange {
    /// `owner`, `admin`, `maintainer`, `developer`, `reviewer`, `viewer` or `auditor`.
    pub role: String,
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
    pub message: String,
}

/// A metric with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricView {
    /// Which, such as `success_rate`.
    pub key: String,
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
    pub organization_id: String,
}

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
    pub kind: String,
    /// The line that people read.
    pub title: String,
    /// What is asked, or why it came to nothing.
    pub detail: Option<String>,
    /// The id of what is to be opened: of a review the pull request, else the task.
    pub id: String,
    /// Its project.
    pub project_id: Option<String>,
    /// The task.
    pub task_id: String,
    /// Its last run.
    pub run_id: Option<String>,
    /// The pull request, of a review.
    pub pull_request_id: Option<String>,
    /// Since when it waits.
    pub since: String,
}

/// An agent that is to be registered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewAgent {
    /// Its name, 1 to 100 characters; no other agent of the organization has it.
    pub name: String,
    /// `technical_lead`, `architecture`, `developer` or `reviewer`.
    pub r#type: String,
    /// What it knows best, such as `backend`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specialization: Option<String>,
    /// What it can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// The model that it has, as `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<String>,
    /// Its projects; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<String>>,
}

/// A remark that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewComment {
    /// The words, up to 64 KB.
    pub body: String,
    /// On which changed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// On which line of it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Who is to be invited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewInvitation {
    /// The e-mail address.
    pub email: String,
    /// What they will be: no more than whoever invites.
    pub role: String,
}

/// A new organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewOrganization {
    /// What it is called.
    pub name: String,
}

/// A policy that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewPolicy {
    /// Its name.
    pub name: String,
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
    pub name: String,
    /// Where its repository is: a directory on the server, `file://…`, `https://…` or `ssh://…`.
    pub repository_url: String,
    /// Languages and frameworks; found in the repository if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tech_stack: Option<Vec<String>>,
    /// What is asked of its agents; `capabilities` is a list of what they should be able to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<Value>,
    /// Settings of its runs: `model`, `budget_usd`, `max_turns`, `base`, `data_class`, `approve`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Value>,
}

/// A task that is to be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewTask {
    /// What should change, 1 byte to 1 MB.
    pub description: String,
    /// A line for people; the description's first line if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `feature`, `fix`, `refactor`, `test`, `docs` or `chore`; found from its words if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// `low`, `medium` (if not given), `high` or `critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// What is asked beside the words; `capabilities` is a list of what its agent should be able to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<Value>,
    /// Tasks of the same project that have to be completed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Vec<String>>,
    /// When it should be done, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<String>,
    /// The model, as `provider/model` (`SPEC` of the command line); the project's if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
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
    /// The branch, tag or commit to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
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
    /// The one project that it is for; whatever its caller may watch, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// A token that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewToken {
    /// A name for people.
    pub name: String,
    /// A role of members, no more than one's own, or `agent` or `ci` for a machine.
    pub role: String,
    /// The only project that it may touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
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

/// What an operation came to so far, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationView {
    /// `operation_…`.
    pub operation_id: String,
    /// What is to be done, such as `pull_request.merge`.
    pub kind: String,
    /// `queued`, `running`, `done` or `failed`.
    pub status: String,
    /// What it came to; null until it is done.
    pub result: Option<Value>,
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
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The role of whoever asks.
    pub role: Option<String>,
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
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `branding`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branding: Option<BrandingChange>,
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
pub struct PageOfFactLine {
    /// The items.
    pub items: Vec<FactLine>,
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

/// The plan of a run, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    /// The run.
    pub run_id: String,
    /// Where the run stands.
    pub run_status: String,
    /// Whether it waits for a person's approval.
    pub waits_for_approval: bool,
    /// What it was taken for, by facts; null before that.
    pub analysis: Option<Value>,
    /// Summary, title, steps, effort and risks; null until a planner made one.
    pub plan: Option<Value>,
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
    pub id: String,
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
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A policy that is to be tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyTrial {
    /// Its text.
    pub text: String,
    /// The policy that it would take the place of; none: it would be another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<String>,
    /// Requests to try it on; if not given, those of the past that have receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Vec<Question>>,
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
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub organization_id: String,
    /// Where its repository is.
    pub repository_url: String,
    /// Languages and frameworks.
    pub tech_stack: Vec<String>,
    /// Its agents.
    pub agents_assigned: Vec<String>,
    /// Settings of its runs.
    pub configuration: Value,
    /// What is asked of its agents.
    pub requirements: Value,
    /// `preparing`, `active`, `failed` or `archived`.
    pub status: String,
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
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another repository; it is brought in anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_url: Option<String>,
    /// Other languages and frameworks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tech_stack: Option<Vec<String>>,
    /// Other requirements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<Value>,
    /// Other settings, as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Value>,
    /// Other agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents_assigned: Option<Vec<String>>,
    /// `active` brings an archived project back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
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

/// A pull request, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PullRequestView {
    /// `pr_…`.
    pub id: String,
    /// Its project; null for a run of the command line.
    pub project_id: Option<String>,
    /// The run that made it.
    pub run_id: String,
    /// The task of that run.
    pub task_id: Option<String>,
    /// Its title.
    pub title: String,
    /// Its description, in Markdown.
    pub description: String,
    /// `draft`, `open`, `applied`, `merged` or `closed`.
    pub status: String,
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
    pub files: Vec<Value>,
    /// What the gates said.
    pub gates: Vec<Value>,
    /// Remarks of people.
    pub comments: Vec<Value>,
    /// Approvals of people.
    pub approvals: Vec<Value>,
    /// When it was opened.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// A question to the policies. What is not given is as for the one who asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// What somebody wants to do, such as `tasks.create`.
    pub action: String,
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
    pub id: String,
    /// When.
    pub at: String,
    /// Who asked, by id.
    pub principal: String,
    /// Their role.
    pub role: String,
    /// For what.
    pub action: String,
    /// On what: kind and id.
    pub resource: String,
    /// `allow` or `deny`.
    pub decision: String,
    /// The policies that decided; none where nothing permits.
    pub policies: Vec<String>,
    /// The same in a sentence.
    pub reason: String,
    /// Names the rules that decided.
    pub policy_set_hash: String,
    /// SHA-256 of everything that the decision was made from.
    pub inputs_hash: String,
}

/// Codes for the day the phone is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// Each counts once.
    pub recovery_codes: Vec<String>,
}

/// A risk and its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskLine {
    /// `low`, `medium` or `high`.
    pub level: String,
    /// Why.
    pub reasons: Vec<String>,
}

/// A run, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// `run_…`.
    pub id: String,
    /// Its task.
    pub task_id: String,
    /// Its project; null for a run of the command line.
    pub project_id: Option<String>,
    /// The line that people read of its task.
    pub title: String,
    /// `queued`, `running`, `paused`, `interrupted`, `needs_input`, `limit_reached`, `failed`, `ready`,
    /// `no_change`,
    /// `gates_failed` or `canceled`.
    pub status: String,
    /// The model.
    pub model: String,
    /// The delivered branch.
    pub branch: Option<String>,
    /// Where its journal ends.
    pub journal_seq: u64,
    /// What it spent so far.
    pub spent: Spent,
    /// Its document, as `aamas run --json` prints it; null until it stands still.
    pub document: Option<Value>,
    /// When it began.
    pub created_at: String,
    /// When it was last saved.
    pub updated_at: String,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionLine {
    /// `token_…`.
    pub id: String,
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
    pub organization_name: String,
    /// The owner's name.
    pub name: String,
    /// The owner's e-mail address.
    pub email: String,
    /// The owner's password.
    pub password: String,
}

/// A sign-in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SignIn {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The code of the second factor, or a recovery code, if the account has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The organization; the first one of the person if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
}

/// Somebody that a question is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Somebody {
    /// A member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Anybody with this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether the second factor was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa: Option<bool>,
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

/// A task, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// `task_…`.
    pub id: String,
    /// Its project; null for a task of the command line.
    pub project_id: Option<String>,
    /// Its place among the tasks of its organization, from 1.
    pub number: u64,
    /// A line for people.
    pub title: String,
    /// What was asked.
    pub description: String,
    /// `feature`, `fix`, `refactor`, `test`, `docs` or `chore`.
    pub r#type: String,
    /// `low`, `medium`, `high` or `critical`.
    pub priority: String,
    /// `submitted`, `working`, `input_required`, `paused`, `completed`, `failed` or `canceled`.
    pub status: String,
    /// The agent that it was given to; null: nobody fits, and `assignment` says why.
    pub assigned_agent: Option<String>,
    /// Who was found for it, and why.
    pub assignment: Value,
    /// What is asked beside the words.
    pub requirements: Value,
    /// Tasks that have to be completed before it begins.
    pub dependencies: Vec<String>,
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
    /// Its last run.
    pub run_id: Option<String>,
    /// The pull request of its last run.
    pub pull_request_id: Option<String>,
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
    /// Another title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Another priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// Another due date; an empty text takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<String>,
    /// Another agent; an empty text lets the matcher choose anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_agent: Option<String>,
    /// Other dependencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Vec<String>>,
}

/// A thing that a question is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    /// Its kind as policies say it, such as `PullRequest`.
    pub r#type: String,
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
    /// `public`, `internal`, `confidential` or `restricted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_class: Option<String>,
    /// `low`, `medium` or `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// What it costs, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Of a member, an invitation or a token: its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The role that it would get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gives: Option<String>,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The `token` of a WebSocket's address, for one use.
    pub ticket: String,
    /// When it ends unused.
    pub expires_at: Option<String>,
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// `token_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The role that it has at most; that of a person's token is never above the person's.
    pub role: String,
    /// The only project that it may touch.
    pub project_id: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: String,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<String>,
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

/// An answer and its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `allow` or `deny`.
    pub decision: String,
    /// The policies that decide.
    pub policies: Vec<String>,
}

/// What a verification came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether nothing is wrong.
    pub valid: bool,
    /// Entries that were read.
    pub entries: u64,
    /// Checkpoints that were read.
    pub checkpoints: u64,
    /// The root of the Merkle tree over the entries, in hexadecimal; null if some are missing or altered.
    pub root: Option<String>,
    /// `first_problem`.
    pub first_problem: Option<AuditProblem>,
    /// Everything that is wrong; at most 100.
    pub problems: Vec<AuditProblem>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Who {
    /// `user`.
    pub user: Option<WhoUser>,
    /// The organization that everything is read and written in.
    pub organization: Organization,
    /// The role in it.
    pub role: String,
    /// What can be asked for, by the policies, of the organization or of one's own things.
    pub permissions: Vec<String>,
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
    pub id: String,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Whether the account has a second factor.
    pub totp: bool,
}
