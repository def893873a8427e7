//! What must not be forgotten: typed facts, taken from the journal by code and never by a model.

use std::fmt;

use domain::{Entry, GateResult, Plan, PlanItem, Recorded, Review, Seat, ToolMeaning};

use crate::ProjectRules;
use crate::prompt::printable;
use crate::recall::comment_line;

/// Most facts of one kind; of more, the rest is one fact that names their entries.
const MAX_OF_KIND: usize = 100;
/// What a shortened fact keeps at least, in bytes.
const MIN_FACT: usize = 80;

/// What kind of fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// What was asked.
    Task,
    /// A rule of the project.
    Constraint,
    /// A step of the plan or of the agent's own list.
    PlanStep,
    /// How one sees that the step is done.
    Acceptance,
    /// What was decided: an answer to a question, the line of the plan.
    Decision,
    /// A person's words.
    PersonSaid,
    /// What a reviewer wants changed.
    OpenComment,
    /// Why a gate refused.
    GateRefusal,
}

impl FactKind {
    /// The word in ids and prompts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Constraint => "rule",
            Self::PlanStep => "step",
            Self::Acceptance => "done-when",
            Self::Decision => "decision",
            Self::PersonSaid => "person",
            Self::OpenComment => "comment",
            Self::GateRefusal => "gate",
        }
    }
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A fact that every later prompt has, word for word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedFact {
    /// Its name, the same after every compaction: kind, entry, and place among the entry's facts, such as `step-7.2`.
    pub id: String,
    /// What kind.
    pub kind: FactKind,
    /// The words.
    pub text: String,
    /// The entry of the journal that it was taken from.
    pub source_entry: u64,
}

/// The facts of an attempt, by kind and then in the order of the journal. `rules` are those of the run's base commit:
/// only their own text becomes a rule, never what a file or tool says is one.
#[must_use]
pub fn facts(entries: &[Recorded], attempt: u32, rules: &ProjectRules) -> Vec<PinnedFact> {
    let mut collector = Collector::new(attempt, rules);
    entries.iter().for_each(|recorded| collector.take(recorded));
    collector.finish()
}

/// The facts in at most `limit` bytes of prompt: when they are more, the longest are cut, each with a word on where
/// all of it is. None is left out; with more facts than a limit of a few kilobytes holds, it is exceeded.
#[must_use]
pub fn fit(facts: Vec<PinnedFact>, limit: usize) -> Vec<PinnedFact> {
    let size = |cap: usize| facts.iter().map(|f| f.text.len().min(cap) + OVERHEAD).sum::<usize>();
    let longest = facts.iter().map(|f| f.text.len()).max().unwrap_or(0);
    if size(longest) <= limit {
        return facts;
    }
    let (mut low, mut high) = (MIN_FACT, longest.max(MIN_FACT));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if size(middle) <= limit { low = middle } else { high = middle - 1 }
    }
    facts.into_iter().map(|fact| shortened(fact, low)).collect()
}

/// What a fact takes in a prompt beside its text, in bytes.
const OVERHEAD: usize = 48;

fn shortened(mut fact: PinnedFact, cap: usize) -> PinnedFact {
    if fact.text.len() > cap {
        let pointer = format!("… [all of it: recall #{}]", fact.source_entry);
        let kept = fact.text.floor_char_boundary(cap.saturating_sub(pointer.len()));
        fact.text.truncate(kept);
        fact.text.push_str(&pointer);
    }
    fact
}

struct Collector<'a> {
    attempt: u32,
    rules: &'a ProjectRules,
    seat: Option<Seat>,
    step: String,
    question: Option<String>,
    task: Vec<(u64, String)>,
    constraints: Vec<(u64, String)>,
    list: Option<(u64, Vec<PlanItem>)>,
    plan: Option<(u64, Plan)>,
    decisions: Vec<(u64, String)>,
    said: Vec<(u64, String)>,
    review: Option<(u64, Review)>,
    comments: Vec<(u64, String)>,
    judged: Option<(u64, Vec<GateResult>)>,
    refusals: Vec<(u64, String)>,
}

impl<'a> Collector<'a> {
    fn new(attempt: u32, rules: &'a ProjectRules) -> Self {
        Self {
            attempt,
            rules,
            seat: None,
            step: String::new(),
            question: None,
            task: Vec::new(),
            constraints: Vec::new(),
            list: None,
            plan: None,
            decisions: Vec::new(),
            said: Vec::new(),
            review: None,
            comments: Vec::new(),
            judged: None,
            refusals: Vec::new(),
        }
    }

    fn take(&mut self, recorded: &Recorded) {
        let seq = recorded.seq;
        match &recorded.entry {
            Entry::Created { settings } => self.task.push((seq, settings.task.clone())),
            Entry::Steered { text } => self.said.push((seq, text.clone())),
            Entry::Answered { text, .. } => match self.question.take() {
                Some(question) => self.decisions.push((seq, format!("Asked: {question}\nAnswered: {text}"))),
                None => self.said.push((seq, text.clone())),
            },
            Entry::GatesJudged { results, .. } => {
                if results.iter().all(GateResult::lets_through) {
                    self.refusals.clear();
                }
                self.judged = Some((seq, results.clone()));
            }
            Entry::ToolFinished { meaning: ToolMeaning::Planned(plan), .. } => {
                self.plan = Some((seq, (**plan).clone()));
            }
            Entry::ToolFinished { meaning: ToolMeaning::Reviewed(review), .. } => {
                if review.approved {
                    self.comments.clear();
                }
                self.review = Some((seq, (**review).clone()));
            }
            own if recorded.attempt == self.attempt => self.take_own(seq, own),
            _ => {}
        }
    }

    fn take_own(&mut self, seq: u64, entry: &Entry) {
        match entry {
            Entry::Begun { seat, step, .. } => {
                self.seat = Some(*seat);
                self.step.clone_from(step);
            }
            Entry::Prepared { .. } => {
                let rules = self.rules.opening();
                if !rules.is_empty() && self.constraints.is_empty() {
                    self.constraints.push((seq, rules));
                }
            }
            Entry::ToolFinished { text, meaning, .. } => {
                self.constraints.extend(self.rules.shown_in(text).map(|section| (seq, section)));
                match meaning {
                    ToolMeaning::Plan(items) => self.list = Some((seq, items.clone())),
                    ToolMeaning::Question(question) => self.question = Some(question.clone()),
                    _ => {}
                }
            }
            Entry::SentBack { text, by, .. } => self.sent_back(seq, text, by),
            _ => {}
        }
    }

    fn sent_back(&mut self, seq: u64, text: &str, by: &str) {
        match (by, &self.review, &self.judged) {
            ("gates", _, Some((judged, results))) => {
                let refused = results.iter().filter(|g| !g.lets_through());
                self.refusals = refused.map(|gate| (*judged, refusal(gate))).collect();
            }
            ("review" | "architecture", Some((reviewed, review)), _) if !review.comments.is_empty() => {
                self.comments = review.comments.iter().map(|c| (*reviewed, comment_line(c))).collect();
            }
            ("person", _, _) => self.said.push((seq, text.to_owned())),
            _ => self.comments = vec![(seq, text.to_owned())],
        }
    }

    fn finish(self) -> Vec<PinnedFact> {
        let (mut steps, mut acceptances, mut decisions) = (Vec::new(), Vec::new(), Vec::new());
        if let Some((seq, plan)) = &self.plan {
            decisions.push((*seq, format!("The plan: {}", plan.summary)));
            let own = |id: &str| self.seat != Some(Seat::Builder) || id == self.step;
            for step in plan.steps.iter().filter(|s| own(&s.id)) {
                steps.push((*seq, format!("{}: {}", step.id, step.title)));
                acceptances.extend(step.acceptance.iter().map(|a| (*seq, a.clone())));
            }
        }
        if let Some((seq, items)) = &self.list {
            steps.extend(items.iter().map(|item| (*seq, format!("[{}] {}", item.status, item.title))));
        }
        decisions.extend(self.decisions);
        let mut all = Vec::new();
        pin(FactKind::Task, self.task, &mut all);
        pin(FactKind::Constraint, self.constraints, &mut all);
        pin(FactKind::PlanStep, steps, &mut all);
        pin(FactKind::Acceptance, acceptances, &mut all);
        pin(FactKind::Decision, decisions, &mut all);
        pin(FactKind::PersonSaid, self.said, &mut all);
        pin(FactKind::OpenComment, self.comments, &mut all);
        pin(FactKind::GateRefusal, self.refusals, &mut all);
        all
    }
}

fn refusal(gate: &GateResult) -> String {
    let reason = if gate.reason.is_empty() { String::new() } else { format!("\n{}", gate.reason) };
    format!("{} {}: {}{reason}", gate.name, gate.verdict, gate.summary)
}

/// Names the facts of a kind. The last ones stay when there are too many of what grows with time, else the first.
fn pin(kind: FactKind, mut found: Vec<(u64, String)>, all: &mut Vec<PinnedFact>) {
    found.iter_mut().for_each(|(_, text)| *text = printable(text));
    found.retain(|(_, text)| !text.is_empty());
    let surplus = found.len().saturating_sub(MAX_OF_KIND);
    let left_out: Vec<(u64, String)> = match kind {
        FactKind::PersonSaid | FactKind::Decision => found.drain(..surplus).collect(),
        _ => found.split_off(found.len() - surplus),
    };
    if let Some((first, _)) = left_out.first() {
        let mut entries: Vec<u64> = left_out.iter().map(|(seq, _)| *seq).collect();
        entries.dedup();
        let named: Vec<String> = entries.iter().take(MAX_OF_KIND).map(|seq| format!("#{seq}")).collect();
        found.push((*first, format!("{surplus} more: recall {}", named.join(", "))));
    }
    let mut of_entry = (0, 0);
    for (seq, text) in found {
        of_entry = if of_entry.0 == seq { (seq, of_entry.1 + 1) } else { (seq, 1) };
        let place = if of_entry.1 > 1 { format!(".{}", of_entry.1) } else { String::new() };
        all.push(PinnedFact { id: format!("{kind}-{seq}{place}"), kind, text, source_entry: seq });
    }
}
