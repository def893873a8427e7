//! Who is best for a task: by capability, specialization, load and track record. Every part of the score has its reason.

use domain::{AgentId, AgentKind, AgentState, ProjectId};

use crate::lazy::Lazy;
use crate::records::{AgentDoc, Assignment, Candidate, NOBODY_FITS};
use crate::{agents, estimate};

/// How much each part counts; together 1.
const CAPABILITY: f64 = 0.45;
const SPECIALIZATION: f64 = 0.2;
const LOAD: f64 = 0.15;
const RECORD: f64 = 0.2;
/// Candidates that are kept with the assignment.
const KEPT: usize = 5;

/// An agent as the matcher sees it.
#[derive(Clone, Debug)]
pub struct Player {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: AgentKind,
    /// What it knows best; empty: everything.
    pub specialization: String,
    /// What it is doing.
    pub state: AgentState,
    /// The rest of its row.
    pub doc: AgentDoc,
}

/// Finds the best agent for a task that asks for `capabilities` in a project, or says why nobody fits and what would
/// change that. Of what was `required` in so many words, an agent has to have whatever is no usual field of work.
#[must_use]
pub fn find(
    players: &[Player],
    project: ProjectId,
    capabilities: &[String],
    required: &[String],
) -> (Option<AgentId>, Assignment) {
    let builders: Vec<_> = players.iter().filter(|p| p.kind == AgentKind::Developer).collect();
    if builders.is_empty() {
        return nobody("no developer is registered", "register one with POST /api/v1/agents");
    }
    let here: Vec<_> = builders
        .iter()
        .copied()
        .filter(|p| p.doc.projects.is_empty() || p.doc.projects.contains(&project))
        .collect();
    if here.is_empty() {
        return nobody("no developer belongs to this project", "assign one to the project");
    }
    let there: Vec<_> = here
        .iter()
        .copied()
        .filter(|p| !matches!(p.state, AgentState::Offline | AgentState::Retired))
        .collect();
    if there.is_empty() {
        return nobody(
            "every developer of this project is offline or retired",
            "start one (its heartbeat brings it back), or bring a retired one back",
        );
    }
    let unusual: Vec<&String> = required.iter().filter(|word| !is_usual(word)).collect();
    let able: Vec<_> = there.into_iter().filter(|p| unusual.iter().all(|word| p.has(word))).collect();
    if able.is_empty() {
        let words: Vec<&str> = unusual.iter().map(|word| word.as_str()).collect();
        return nobody(
            &format!("no developer of this project has the required {}", words.join(", ")),
            "add the capability to an agent, or register one that has it",
        );
    }
    let mut candidates: Vec<_> =
        able.iter().filter_map(|p| weigh(p, capabilities).map(|c| (c, p.doc.tasks.len()))).collect();
    if candidates.is_empty() {
        return nobody(
            &format!("no developer has what it takes: {}", capabilities.join(", ")),
            "add the capability to an agent, or register one that has it",
        );
    }
    // Equal scores go to who has less to do, then to who came first.
    candidates.sort_by(|(a, load_a), (b, load_b)| {
        b.score.total_cmp(&a.score).then(load_a.cmp(load_b)).then(a.agent_id.cmp(&b.agent_id))
    });
    let mut candidates: Vec<_> = candidates.into_iter().map(|(c, _)| c).collect();
    candidates.truncate(KEPT);
    let best = candidates[0].clone();
    let reason = format!("{}: {}", best.name, best.reasons.join("; "));
    (Some(best.agent_id), Assignment { reason, score: best.score, candidates: Lazy::of(&candidates) })
}

fn nobody(why: &str, fix: &str) -> (Option<AgentId>, Assignment) {
    let reason = format!("{NOBODY_FITS}{why}; {fix}");
    (None, Assignment { reason, score: 0.0, candidates: Lazy::default() })
}

/// Whether a word names what the built-in agents do, which those without a field of their own take on as well.
fn is_usual(word: &str) -> bool {
    estimate::is_field(word) || agents::is_built_in_capability(word)
}

impl Player {
    /// Whether it has a capability, or that is its field.
    fn has(&self, capability: &str) -> bool {
        self.specialization == capability || self.doc.capabilities.iter().any(|own| own == capability)
    }
}

/// The score of an agent; none if it lacks everything that the task asks for.
fn weigh(player: &Player, asked: &[String]) -> Option<Candidate> {
    let generalist = player.specialization.is_empty();
    let mut reasons = Vec::new();

    let known: Vec<&str> = asked.iter().filter(|c| player.has(c)).map(String::as_str).collect();
    let capability = match (asked.len(), known.len()) {
        (0, _) => 1.0,
        // A generalist can do anything, and is the best at nothing.
        (_, 0) if generalist => 0.4,
        (_, 0) => return None,
        #[expect(clippy::cast_precision_loss, reason = "a handful of words")]
        (all, some) => some as f64 / all as f64,
    };
    if !known.is_empty() && known.len() == asked.len() {
        reasons.push(format!("can do what it asks for: {}", known.join(", ")));
    } else if !known.is_empty() {
        reasons.push(format!(
            "can do {} of the {} things it asks for: {}",
            known.len(),
            asked.len(),
            known.join(", ")
        ));
    } else if generalist {
        reasons.push("takes any work".to_owned());
    }

    let special = match asked.first() {
        None if generalist => 1.0,
        Some(first) if *first == player.specialization => 1.0,
        _ if asked.contains(&player.specialization) => 0.8,
        _ if generalist => 0.5,
        _ => 0.0,
    };
    if special >= 0.8 && !generalist {
        reasons.push(format!("knows {} best", player.specialization));
    }

    let load = player.doc.tasks.len();
    #[expect(clippy::cast_precision_loss, reason = "a handful of tasks")]
    let free = 1.0 / (1.0 + load as f64);
    reasons.push(match load {
        0 => "has nothing else to do".to_owned(),
        1 => "works on 1 other task".to_owned(),
        n => format!("works on {n} other tasks"),
    });

    let record = &player.doc.record;
    let done = record.completed + record.failed;
    // One success and one failure more than there were: a short record says little (Laplace's rule of succession).
    #[expect(clippy::cast_precision_loss, reason = "few tasks")]
    let success = (record.completed as f64 + 1.0) / (done as f64 + 2.0);
    reasons.push(match done {
        0 => "no track record yet".to_owned(),
        n => format!("{} of {n} tasks ended with a result", record.completed),
    });

    let score = CAPABILITY * capability + SPECIALIZATION * special + LOAD * free + RECORD * success;
    Some(Candidate {
        agent_id: player.id,
        name: player.name.clone(),
        score: (score * 1000.0).round() / 1000.0,
        reasons,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::TrackRecord;

    fn player(number: u8, special: &str) -> Player {
        Player {
            id: AgentId::from_bytes([number; 16]),
            name: format!("{special} {number}"),
            kind: AgentKind::Developer,
            specialization: special.to_owned(),
            state: AgentState::Idle,
            doc: AgentDoc::default(),
        }
    }

    fn best(players: &[Player], asked: &[&str]) -> (Option<u8>, String) {
        let asked: Vec<String> = asked.iter().map(|w| (*w).to_owned()).collect();
        let (id, assignment) = find(players, ProjectId::from_bytes([9; 16]), &asked, &[]);
        (id.map(|id| id.to_bytes()[0]), assignment.reason)
    }

    #[test]
    fn the_specialist_wins_then_the_free_one_then_the_proven_one() {
        let (generalist, data) = (player(1, ""), player(2, "data"));
        assert_eq!(best(&[generalist.clone(), data.clone()], &["data"]).0, Some(2));
        assert_eq!(best(&[generalist.clone(), data.clone()], &[]).0, Some(1));
        let mut busy = data.clone();
        busy.doc.tasks = vec![domain::TaskId::from_bytes([1; 16]); 3];
        assert_eq!(best(&[busy, player(3, "data")], &["data"]).0, Some(3));
        let mut proven = player(4, "data");
        proven.doc.record = TrackRecord { completed: 9, failed: 1, ..TrackRecord::default() };
        assert_eq!(best(&[data, proven], &["data"]).0, Some(4));
    }

    #[test]
    fn what_is_required_in_so_many_words_must_be_there() {
        let required = |players: &[Player], words: &[&str]| {
            let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            let (id, assignment) = find(players, ProjectId::from_bytes([9; 16]), &words, &words);
            (id.map(|id| id.to_bytes()[0]), assignment.reason)
        };
        let (generalist, data) = (player(1, ""), player(2, "data"));
        let mut physicist = player(3, "");
        physicist.doc.capabilities = vec!["quantum".to_owned()];
        let all = [generalist.clone(), data, physicist];
        assert_eq!(required(&all, &["quantum"]).0, Some(3));
        assert_eq!(required(&all, &["quantum", "data"]).0, Some(3));
        assert_eq!(
            required(std::slice::from_ref(&generalist), &["data", "testing"]).0,
            Some(1),
            "usual work"
        );
        let (nobody, why) = required(&[generalist], &["quantum"]);
        assert_eq!(nobody, None);
        assert_eq!(
            why,
            "nobody fits: no developer of this project has the required quantum; add the capability to an agent, or \
             register one that has it"
        );
    }

    #[test]
    fn nobody_fits_has_a_reason_and_a_way_out() {
        let offline = Player { state: AgentState::Offline, ..player(1, "") };
        let elsewhere = Player {
            doc: AgentDoc { projects: vec![ProjectId::from_bytes([1; 16])], ..AgentDoc::default() },
            ..player(1, "")
        };
        let cases = [
            best(&[], &[]),
            best(&[elsewhere], &[]),
            best(&[offline], &[]),
            best(&[player(1, "mobile")], &["data"]),
        ];
        assert_eq!(
            cases,
            [
                (None, "nobody fits: no developer is registered; register one with POST /api/v1/agents".into()),
                (None, "nobody fits: no developer belongs to this project; assign one to the project".into()),
                (
                    None,
                    "nobody fits: every developer of this project is offline or retired; start one (its heartbeat \
                     brings it back), or bring a retired one back"
                        .into()
                ),
                (
                    None,
                    "nobody fits: no developer has what it takes: data; add the capability to an agent, or register \
                     one that has it"
                        .into()
                ),
            ]
        );
    }
}
