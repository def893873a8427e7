//! From a task to a run in the hands of this process: its last one goes on, or a new one begins.

use std::path::PathBuf;

use app::people::is_live;
use app::records::{ProjectConfiguration, ProjectDoc, TaskDoc, TaskSettings, of_doc};
use app::{Claim, TaskOf};
use domain::{NanoUsd, ProjectState, RunId, RunLimits, RunState, TaskId, TaskState};
use store::{ProjectRecord, RunRecord, TaskRecord};

use super::Options;
use crate::model_pool::named;
use crate::service::{LimitsOver, app_refusal};
use crate::{Engine, Refusal, ResumeRequest, Resumed, RunRequest};

/// What a task came to so far.
pub(super) enum Begun {
    /// Its run is in the hands of this process.
    Claimed(Claim),
    /// There is nothing to do for it now.
    Nothing,
}

/// A task with what belongs to it.
struct Asked {
    task: TaskRecord,
    doc: TaskDoc,
    project: ProjectRecord,
    project_doc: ProjectDoc,
    run: Option<RunRecord>,
}

impl Engine {
    /// Takes a wanted task.
    ///
    /// # Errors
    /// A [`Refusal`] when its run can't begin; nothing was written then.
    pub(super) async fn begin(&self, id: TaskId, options: &Options) -> Result<Begun, Refusal> {
        let engine = self.clone();
        let asked = tokio::task::spawn_blocking(move || engine.asked(id))
            .await
            .map_err(|_| Refusal::internal(crate::EngineError::Lost("reading a task")))??;
        let Some(asked) = asked else { return Ok(Begun::Nothing) };
        if matches!(asked.task.state, TaskState::Completed | TaskState::Canceled) {
            return self.nothing(id);
        }
        if let Some(model) = asked.named_model() {
            self.may_use(model, options)?;
        }
        if let Some(run) = asked.run.as_ref().filter(|run| !run.state.is_finished()) {
            if is_live(&self.desk, run.id).map_err(app_refusal)? {
                return self.nothing(id);
            }
            match self.resume(asked.resume_request(run)).await {
                Ok(Resumed::Claimed(claim)) => return Ok(Begun::Claimed(claim)),
                // A limit that was not raised ends what there is; asked for again, it is tried afresh.
                Ok(Resumed::Document(document)) if document.status == RunState::LimitReached => {}
                Ok(Resumed::Document(_)) => return self.nothing(id),
                // Another process was quicker.
                Err(refusal) if refusal.error.code == "run_is_running" => return self.nothing(id),
                Err(refusal) => return Err(refusal),
            }
        }
        let request = asked.run_request(self, options)?;
        match self.create_of(TaskOf::Wanted(id), request).await {
            Ok(created) => Ok(Begun::Claimed(created.claim)),
            Err(refusal) => Err(refusal),
        }
    }

    fn nothing(&self, id: TaskId) -> Result<Begun, Refusal> {
        app::work::unwant(&self.desk, id).map_err(app_refusal)?;
        Ok(Begun::Nothing)
    }

    /// A task that is still wanted, with what belongs to it.
    fn asked(&self, id: TaskId) -> Result<Option<Asked>, Refusal> {
        let rows = self.desk.store.read_blocking(self.desk.tenant, |tx| {
            let Some(task) = tx.task(id)?.filter(|t| t.wanted_at.is_some()) else { return Ok(None) };
            let project = task.project.map(|p| tx.project(p)).transpose()?.flatten();
            let last = task.doc.read::<LastRun>().unwrap_or_default().run;
            let run = last.map(|r| tx.run(r)).transpose()?.flatten();
            Ok(project.map(|project| (task, project, run)))
        });
        let Some((task, project, run)) = rows.map_err(|e| app_refusal(e.into()))? else { return Ok(None) };
        let doc = of_doc("task", &task.doc).map_err(app_refusal)?;
        let project_doc = of_doc("project", &project.doc).map_err(app_refusal)?;
        Ok(Some(Asked { task, doc, project, project_doc, run }))
    }
}

/// The part of a task's document that names its last run.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct LastRun {
    run: Option<RunId>,
}

impl Asked {
    fn configuration(&self) -> &ProjectConfiguration {
        &self.project_doc.configuration
    }

    fn approved(&self) -> bool {
        self.doc.settings.approve || self.configuration().approve.unwrap_or(false)
    }

    fn resume_request(&self, run: &RunRecord) -> ResumeRequest {
        let settings = self.doc.settings.clone();
        ResumeRequest {
            run: run.id.to_string(),
            model: self.other_model(run),
            limits: Box::new(move |recorded| raised(&settings, recorded)),
            yes: self.approved(),
        }
    }

    /// The model that the task names, else its project.
    fn named_model(&self) -> Option<&str> {
        self.doc.settings.model.as_deref().or(self.configuration().model.as_deref())
    }

    /// The task's model, when it was changed since the run began.
    fn other_model(&self, run: &RunRecord) -> Option<String> {
        let wanted = named(self.doc.settings.model.as_deref()?).ok()?.to_string();
        let began = run.settings.get("model").and_then(|m| m.as_str()).unwrap_or_default();
        (wanted != began && wanted != run.model).then_some(wanted)
    }

    fn run_request(&self, engine: &Engine, options: &Options) -> Result<RunRequest, Refusal> {
        let (settings, configuration) = (&self.doc.settings, self.configuration());
        let base = settings.base.clone().or_else(|| configuration.base.clone());
        let (mut repo, mut base) = (self.checkout()?, base.unwrap_or_else(|| "HEAD".to_owned()));
        let mut origin = None;
        if let Some(before) = settings.continues {
            let (record, head, follows) = engine.follow_up(&before.to_string())?;
            (repo, base, origin) = (record.repo, head, Some(follows));
        }
        Ok(RunRequest {
            repo,
            task: self.words(),
            model: self.named_model().map(ToOwned::to_owned).or_else(|| options.model.clone()),
            base,
            include_dirty: false,
            limits: limits(settings, configuration),
            yes: self.approved(),
            solo: settings.solo,
            plan_only: settings.plan_only,
            best_of: 1,
            origin,
            images: Vec::new(),
        })
    }

    fn checkout(&self) -> Result<PathBuf, Refusal> {
        let name = &self.project.name;
        let detail = self.project_doc.status_detail.clone().unwrap_or_default();
        match (self.project.state, &self.project_doc.checkout) {
            (ProjectState::Active, Some(checkout)) => Ok(checkout.clone()),
            (ProjectState::Archived, _) => Err(Refusal::usage(
                "project_archived",
                format!("the project {name:?} is archived"),
                "make a new project for its repository",
            )),
            _ => Err(Refusal::usage(
                "project_failed",
                format!("the repository of the project {name:?} can't be had: {detail}"),
                "mend the repository, or the project's repository_url, set the project's status to active, and retry the task",
            )),
        }
    }

    /// What the agents read: title, text, and what is required beside them, of the task and of its project.
    fn words(&self) -> String {
        let text = self.task.text.trim();
        let mut words = match self.task.title.as_deref().map(str::trim) {
            Some(title) if !title.is_empty() && !text.starts_with(title) => format!("{title}\n\n{text}"),
            _ => text.to_owned(),
        };
        let required = self.project_doc.requirements.iter().chain(&self.doc.requirements);
        let required: Vec<_> = required.map(|(name, value)| format!("- {name}: {}", plain(value))).collect();
        if !required.is_empty() {
            words.push_str(&format!("\n\nRequirements:\n{}", required.join("\n")));
        }
        words
    }
}

/// A value without the quotes of JSON where it is one text or a list of them.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The limits of a new run: the task's, else the project's, else those of `aamas.toml`.
fn limits(settings: &TaskSettings, configuration: &ProjectConfiguration) -> LimitsOver {
    let turns = settings.max_turns.or(configuration.max_turns);
    let budget = settings.budget_usd.or(configuration.budget_usd).and_then(NanoUsd::from_usd);
    Box::new(move |defaults| RunLimits {
        max_turns: turns.unwrap_or(defaults.max_turns),
        budget: budget.or(defaults.budget),
        ..defaults
    })
}

/// The limits of a run that goes on: those that it has, or more where the task says more.
fn raised(settings: &TaskSettings, recorded: RunLimits) -> RunLimits {
    let wanted = settings.budget_usd.and_then(NanoUsd::from_usd);
    let budget = match (recorded.budget, wanted) {
        (Some(old), Some(new)) => Some(old.max(new)),
        (old, _) => old,
    };
    RunLimits { max_turns: recorded.max_turns.max(settings.max_turns.unwrap_or(0)), budget, ..recorded }
}
