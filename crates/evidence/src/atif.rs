//! Trajectories in the Agent Trajectory Interchange Format, version 1.7 (RFC 0001 of the Harbor framework).
//!
//! One trajectory for each attempt and one for the run. The run's steps are what people and the engine did; where an
//! attempt began it has a step that refers to the attempt's trajectory, which is either embedded in the same document
//! or a file beside it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{Block, Entry, NanoUsd, Recorded, Usage};
use serde_json::{Map, Value, json};

use crate::history::{Attempt, History, tool_calls, words};
use crate::ledger::{Ledger, Sum};

/// The version of the format.
pub const SCHEMA_VERSION: &str = "ATIF-v1.7";

/// What an export needs beside the journal.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// The run's id.
    pub run_id: &'a str,
    /// The version of AAMAS.
    pub version: &'a str,
    /// The tools' definitions by role, in the function-calling schema, if they are to be there.
    pub tools: Option<&'a BTreeMap<String, Vec<Value>>>,
    /// The journal.
    pub entries: &'a [Recorded],
}

/// Where the trajectories of the attempts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempts {
    /// Within the run's document.
    Embedded,
    /// In files beside it, named by [`file_name`].
    Beside,
}

/// The name of an attempt's file beside the run's.
#[must_use]
pub fn file_name(attempt: u32) -> String {
    format!("attempt-{attempt}.trajectory.json")
}

/// The run's trajectory.
#[must_use]
pub fn run_trajectory(export: &Export<'_>, attempts: Attempts) -> Value {
    let history = History::of(export.entries);
    let ledger = Ledger::of_history(&history);
    let mut steps = Steps::default();
    let mut begun = BTreeSet::new();
    for r in &history.all {
        // The attempt of a journal that has no entry for its beginning begins with its first entry.
        if !matches!(r.entry, Entry::Begun { .. }) && !begun.contains(&r.attempt) && is_work(&r.entry) {
            begun.insert(r.attempt);
            delegate(export, &history, r, r.attempt, attempts, &mut steps);
        }
        if let Entry::Begun { attempt, .. } = &r.entry {
            begun.insert(*attempt);
        }
        let before = steps.0.len();
        run_step(export, &history, r, attempts, &mut steps);
        steps.mark(before, &history, r);
    }
    if steps.0.is_empty() {
        steps.system(None, "The journal is empty.".to_owned());
    }
    let mut agent = json!({"name": "aamas", "version": export.version, "extra": {"seat": "team"}});
    if let Some(settings) = history.settings {
        agent["model_name"] = json!(settings.model);
    }
    let mut root = json!({
        "schema_version": SCHEMA_VERSION,
        "session_id": export.run_id,
        "trajectory_id": export.run_id,
        "agent": agent,
        "steps": steps.0,
        "notes": "Final metrics are those of the run with all its attempts; the steps of this document are what people and the engine did.",
        "final_metrics": metrics_of(&ledger.total, steps.0.len()),
    });
    if attempts == Attempts::Embedded {
        let subagents: Vec<Value> =
            history.attempts.values().map(|a| attempt_value(export, &history, &ledger, a)).collect();
        if !subagents.is_empty() {
            root["subagent_trajectories"] = Value::Array(subagents);
        }
    }
    root
}

/// The trajectory of one attempt; `None` if there is no such attempt.
#[must_use]
pub fn attempt_trajectory(export: &Export<'_>, attempt: u32) -> Option<Value> {
    let history = History::of(export.entries);
    let ledger = Ledger::of_history(&history);
    let attempt = history.attempts.get(&attempt)?;
    Some(attempt_value(export, &history, &ledger, attempt))
}

fn attempt_value(export: &Export<'_>, history: &History<'_>, ledger: &Ledger, attempt: &Attempt) -> Value {
    let mut steps = Steps::default();
    let mut open = Open::default();
    for r in history.all.iter().filter(|r| r.attempt == attempt.number) {
        let before = steps.0.len();
        attempt_step(r, &mut steps, &mut open);
        steps.mark(before, history, r);
    }
    open.close(&mut steps);
    if steps.0.is_empty() {
        steps.system(None, "The attempt ended before it began its work.".to_owned());
    }
    let mut agent = json!({
        "name": if attempt.role.is_empty() { "agent" } else { attempt.role.as_str() },
        "version": export.version,
        "model_name": attempt.model,
        "extra": {
            "attempt": attempt.number,
            "step": attempt.step,
            "seat": attempt.seat.map(domain::Seat::as_str),
            "try": attempt.try_number,
            "why": attempt.why,
        },
    });
    if let Some(tools) = export.tools.and_then(|t| t.get(&attempt.role)) {
        agent["tool_definitions"] = json!(tools);
    }
    json!({
        "schema_version": SCHEMA_VERSION,
        "session_id": export.run_id,
        "trajectory_id": trajectory_id(export, attempt.number),
        "agent": agent,
        "steps": steps.0,
        "final_metrics": metrics_of(&ledger.by_attempt.get(&attempt.number).copied().unwrap_or_default(), steps.0.len()),
    })
}

/// Whether only an attempt has such entries.
fn is_work(entry: &Entry) -> bool {
    matches!(
        entry,
        Entry::Prepared { .. }
            | Entry::ModelIntended { .. }
            | Entry::RepairIntended {}
            | Entry::AgentIntended { .. }
    )
}

fn trajectory_id(export: &Export<'_>, attempt: u32) -> String {
    format!("{}/attempt-{attempt}", export.run_id)
}

/// The steps of a document, numbered as they come.
#[derive(Default)]
struct Steps(Vec<Value>);

impl Steps {
    fn push(&mut self, r: Option<&Recorded>, source: &str, message: String) -> &mut Map<String, Value> {
        let mut step = Map::new();
        step.insert("step_id".to_owned(), json!(self.0.len() + 1));
        if let Some(r) = r {
            step.insert("timestamp".to_owned(), json!(r.at));
        }
        step.insert("source".to_owned(), json!(source));
        step.insert("message".to_owned(), Value::String(message));
        if let Some(r) = r {
            step.insert("extra".to_owned(), json!({"seq": r.seq, "entry": r.entry.kind()}));
        }
        self.0.push(Value::Object(step));
        match self.0.last_mut() {
            Some(Value::Object(step)) => step,
            _ => unreachable!("an object was pushed"),
        }
    }

    fn system(&mut self, r: Option<&Recorded>, message: String) -> &mut Map<String, Value> {
        self.push(r, "system", message)
    }

    fn user(&mut self, r: &Recorded, message: &str) -> &mut Map<String, Value> {
        self.push(Some(r), "user", message.to_owned())
    }

    fn agent(&mut self, r: &Recorded, message: String) -> &mut Map<String, Value> {
        self.push(Some(r), "agent", message)
    }

    /// Says of the steps from `from` on that a person took them back, if so.
    fn mark(&mut self, from: usize, history: &History<'_>, r: &Recorded) {
        if !history.counts(r.seq) {
            for step in self.0[from..].iter_mut().filter_map(Value::as_object_mut) {
                extra(step, "taken_back", json!(true));
            }
        }
    }

    fn get(&mut self, index: usize) -> Option<&mut Map<String, Value>> {
        self.0.get_mut(index).and_then(Value::as_object_mut)
    }
}

/// Adds to a step's `extra`.
fn extra(step: &mut Map<String, Value>, name: &str, value: Value) {
    if let Some(Value::Object(extra)) = step.get_mut("extra") {
        extra.insert(name.to_owned(), value);
    }
}

fn run_step(export: &Export<'_>, history: &History<'_>, r: &Recorded, attempts: Attempts, steps: &mut Steps) {
    match &r.entry {
        Entry::Begun { attempt, .. } => delegate(export, history, r, *attempt, attempts, steps),
        _ if r.attempt != 0 => {}
        Entry::Created { settings } => {
            steps.user(r, &settings.task);
        }
        Entry::Steered { text } | Entry::Answered { text, .. } => {
            steps.user(r, text);
        }
        Entry::Analyzed { analysis } => {
            let text = format!("Taken for a {}, {} risk, {}.", analysis.kind, analysis.risk, analysis.effort);
            extra(steps.system(Some(r), text), "analysis", json!(analysis));
        }
        Entry::Merged { steps: merged, tree, conflicts } => {
            let text = format!("Merged {}; {} in conflict.", merged.join(", "), conflicts.len());
            let step = steps.system(Some(r), text);
            extra(step, "tree", json!(tree));
            extra(step, "conflicts", json!(conflicts));
        }
        Entry::Chosen { attempt, why } => {
            steps.system(Some(r), format!("Attempt {attempt} was chosen: {why}"));
        }
        Entry::GatesJudged { round, tree, results, .. } => {
            let lines: Vec<String> =
                results.iter().map(|g| format!("{} {}: {}", g.name, g.verdict, g.summary)).collect();
            let step = steps.system(Some(r), format!("Gates, round {round}:\n{}", lines.join("\n")));
            extra(step, "tree", json!(tree));
            extra(step, "results", json!(results));
        }
        Entry::SentBack { text, by, .. } => extra(steps.user(r, text), "by", json!(by)),
        Entry::Rewound { seq } => {
            steps.user(r, &format!("Set back to entry {seq}."));
        }
        Entry::Delivered { head_commit, branch } => {
            steps.system(Some(r), format!("Delivered {head_commit} on {branch}."));
        }
        Entry::Ended { ending } => {
            let why = ending.error.as_ref().map(|e| format!(": {}", e.message)).unwrap_or_default();
            steps.system(Some(r), format!("Ended {}{why}", ending.state));
        }
        Entry::GaveUp { error } => {
            steps.system(Some(r), format!("Given up: {}", error.message));
        }
        _ => {}
    }
}

/// The step with which an attempt's work is handed out.
fn delegate(
    export: &Export<'_>,
    history: &History<'_>,
    r: &Recorded,
    attempt: u32,
    attempts: Attempts,
    steps: &mut Steps,
) {
    let Some(known) = history.attempts.get(&attempt) else { return };
    let step = steps.agent(r, format!("Begins {}.", known.label()));
    let id = format!("begin-{attempt}");
    let mut reference = json!({"trajectory_id": trajectory_id(export, attempt), "session_id": export.run_id});
    if attempts == Attempts::Beside {
        reference["trajectory_path"] = json!(file_name(attempt));
    }
    let arguments = json!({"attempt": attempt, "step": known.step, "role": known.role, "model": known.model});
    step.insert(
        "tool_calls".to_owned(),
        json!([{"tool_call_id": id, "function_name": "begin_attempt", "arguments": arguments}]),
    );
    let content = known.gave_up.as_ref().or(known.closing.as_ref()).map_or("", String::as_str);
    let result = json!({"source_call_id": id, "content": content, "subagent_trajectory_ref": [reference]});
    step.insert("observation".to_owned(), json!({"results": [result]}));
    step.insert("llm_call_count".to_owned(), json!(0));
}

/// What later entries of an attempt belong to.
#[derive(Default)]
struct Open<'a> {
    /// The step of each turn.
    turns: HashMap<u32, usize>,
    /// Acts of an outside agent whose turn has not ended.
    acts: Vec<&'a Recorded>,
}

fn attempt_step<'a>(r: &'a Recorded, steps: &mut Steps, open: &mut Open<'a>) {
    match &r.entry {
        Entry::Prepared { system, opening, .. } => {
            steps.system(Some(r), system.clone());
            steps.user(r, opening);
        }
        Entry::ModelAnswered { turn, blocks, .. } => {
            open.turns.insert(*turn, steps.0.len());
            answered(r, blocks, steps);
        }
        Entry::ModelFailed { error, wasted, cost, .. } => {
            let step = steps.agent(r, String::new());
            step.insert("metrics".to_owned(), metrics(wasted, *cost));
            extra(step, "error", json!(error));
        }
        Entry::ToolFinished { turn, index, .. } => {
            if let Some(step) = open.turns.get(turn).and_then(|at| steps.get(*at)) {
                finished(r, *index, step);
            }
        }
        Entry::Steered { text } | Entry::Answered { text, .. } => {
            steps.user(r, text);
        }
        Entry::SentBack { text, by, .. } => extra(steps.user(r, text), "by", json!(by)),
        Entry::FellBack { from, to, reason } => {
            steps.system(Some(r), format!("From here on {to} instead of {from}: {reason}"));
        }
        Entry::Compacted { folded, opening, by, usage, cost, score } => {
            let step = steps.agent(r, opening.clone());
            step.insert("llm_call_count".to_owned(), json!(u8::from(by != "code")));
            if by != "code" {
                step.insert("model_name".to_owned(), json!(by));
                step.insert("metrics".to_owned(), metrics(usage, *cost));
            }
            extra(step, "folded", json!(folded));
            extra(step, "score", score.clone());
        }
        Entry::AgentActed { .. } => open.acts.push(r),
        Entry::AgentEnded { .. } => open.end_turn(Some(r), steps),
        Entry::RepairEnded { report, stats, .. } => {
            let step = steps.agent(r, report.clone());
            step.insert("llm_call_count".to_owned(), json!(0));
            extra(step, "stats", stats.clone());
        }
        Entry::Restored { tree } => {
            steps.system(Some(r), format!("The workspace was set back to its last snapshot, {tree}."));
        }
        Entry::GaveUp { error } => {
            steps.system(Some(r), format!("Given up: {}", error.message));
        }
        _ => {}
    }
}

fn answered(r: &Recorded, blocks: &[Block], steps: &mut Steps) {
    let Entry::ModelAnswered { turn, usage, wasted, cost, model, wall_ms, .. } = &r.entry else { return };
    let step = steps.agent(r, words(blocks));
    if !model.is_empty() {
        step.insert("model_name".to_owned(), json!(model));
    }
    if let Some(reasoning) = reasoning(blocks) {
        step.insert("reasoning_content".to_owned(), json!(reasoning));
    }
    let calls: Vec<Value> = tool_calls(blocks)
        .enumerate()
        .map(|(i, call)| {
            let (arguments, raw) = arguments(call.arguments);
            let mut value = json!({
                "tool_call_id": call_id(call.id, i),
                "function_name": call.name,
                "arguments": arguments,
            });
            if let Some(raw) = raw {
                value["extra"] = json!({"arguments_as_written": raw});
            }
            value
        })
        .collect();
    if !calls.is_empty() {
        step.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    let mut used = metrics(usage, *cost);
    used["extra"] = json!({
        "cache_write_tokens": usage.cache_write_tokens,
        "failed_tries": {"prompt_tokens": wasted.input_tokens, "completion_tokens": wasted.output_tokens},
        "wall_ms": wall_ms,
    });
    step.insert("metrics".to_owned(), used);
    step.insert("llm_call_count".to_owned(), json!(1));
    extra(step, "turn", json!(turn));
}

/// Adds a tool's result to the step that asked for it.
fn finished(r: &Recorded, index: u32, step: &mut Map<String, Value>) {
    let Entry::ToolFinished { text, is_error, tree, wall_ms, outputs, .. } = &r.entry else { return };
    let id = step["tool_calls"]
        .get(usize::try_from(index).unwrap_or(usize::MAX))
        .map(|c| c["tool_call_id"].clone());
    let mut about = json!({"is_error": is_error, "wall_ms": wall_ms, "seq": r.seq});
    if let Some(tree) = tree {
        about["tree"] = json!(tree);
    }
    if !outputs.is_empty() {
        about["outputs"] = json!(outputs);
    }
    let mut result = json!({"content": text, "extra": about});
    if let Some(id) = id {
        result["source_call_id"] = id;
    }
    add_result(step, result);
}

fn add_result(step: &mut Map<String, Value>, result: Value) {
    let observation = step.entry("observation").or_insert_with(|| json!({"results": []}));
    if let Some(results) = observation["results"].as_array_mut() {
        results.push(result);
    }
}

impl Open<'_> {
    /// An outside agent's turn: what it did, and what it said last.
    fn end_turn(&mut self, ended: Option<&Recorded>, steps: &mut Steps) {
        let Some(r) = ended.or(self.acts.last().copied()) else { return };
        let step = steps.agent(r, String::new());
        let calls: Vec<Value> = self.acts.iter().filter_map(|r| act(r)).collect();
        if !calls.is_empty() {
            step.insert("tool_calls".to_owned(), Value::Array(calls));
        }
        for act in self.acts.drain(..) {
            if let Entry::AgentActed { turn, index, text, is_error, tree, .. } = &act.entry {
                let about = json!({"is_error": is_error, "tree": tree, "seq": act.seq});
                let result =
                    json!({"source_call_id": act_id(*turn, *index), "content": text, "extra": about});
                add_result(step, result);
            }
        }
        if let Entry::AgentEnded { summary, usage, cost, error, .. } = &r.entry {
            step.insert("message".to_owned(), json!(summary));
            step.insert("metrics".to_owned(), metrics(usage, *cost));
            if let Some(error) = error {
                extra(step, "error", json!(error));
            }
        }
    }

    /// Whatever a crash left without its end.
    fn close(mut self, steps: &mut Steps) {
        if !self.acts.is_empty() {
            self.end_turn(None, steps);
        }
    }
}

fn act(r: &Recorded) -> Option<Value> {
    let Entry::AgentActed { turn, index, tool, .. } = &r.entry else { return None };
    Some(json!({"tool_call_id": act_id(*turn, *index), "function_name": tool, "arguments": {}}))
}

fn act_id(turn: u32, index: u32) -> String {
    format!("act_{turn}_{index}")
}

fn call_id(id: &str, index: usize) -> String {
    if id.is_empty() { format!("call_{index}") } else { id.to_owned() }
}

/// The arguments as an object. What the model wrote that is none is kept beside it.
fn arguments(written: &str) -> (Value, Option<&str>) {
    match serde_json::from_str(written) {
        Ok(Value::Object(map)) => (Value::Object(map), None),
        Ok(_) | Err(_) => (json!({}), Some(written)),
    }
}

/// The readable part of the reasoning that providers hand out, in whatever shape.
fn reasoning(blocks: &[Block]) -> Option<String> {
    let mut parts = Vec::new();
    for block in blocks {
        if let Block::Reasoning(json) = block
            && let Ok(value) = serde_json::from_str::<Value>(json)
        {
            readable(&value, &mut parts);
        }
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn readable(value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.is_empty() => parts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|i| readable(i, parts)),
        Value::Object(map) => {
            for name in [
                "thinking",
                "reasoning_content",
                "reasoning",
                "reasoning_details",
                "summary",
                "text",
                "content",
            ] {
                if let Some(inner) = map.get(name) {
                    readable(inner, parts);
                }
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A step's metrics. An unknown price is left out.
fn metrics(usage: &Usage, cost: Option<NanoUsd>) -> Value {
    let mut metrics = json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
    });
    if let Some(cost) = cost {
        metrics["cost_usd"] = json!(cost.as_usd());
    }
    metrics
}

fn metrics_of(sum: &Sum, steps: usize) -> Value {
    let usage = sum.total_usage();
    let mut metrics = json!({
        "total_prompt_tokens": usage.input_tokens,
        "total_completion_tokens": usage.output_tokens,
        "total_cached_tokens": usage.cached_tokens,
        "total_steps": steps,
    });
    if let Some(cost) = sum.cost() {
        metrics["total_cost_usd"] = json!(cost.as_usd());
    } else {
        metrics["extra"] = json!({"unpriced_calls": sum.unpriced, "known_cost_usd": sum.known.as_usd()});
    }
    metrics
}
