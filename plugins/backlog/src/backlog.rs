//! The document: [`Backlog`], written as `backlog.json`, made from a [`HotLoops`] and the wall times of the run.
//!
//! Candidates, what is hot but settled, what waits for work but is cold, and the next actions for the ledger. Pure.

use hot_loops_model::{HotLoops, Share};
use loop_inventory_model::{Class, Classification, Inventory, Loop, classify};
use serde::Serialize;

use crate::candidate::{Candidate, is_settled, rank};
use crate::step;
use crate::times::Times;

/// Loops without time that become next actions; all of them are in `cold`.
const COLD_ACTIONS: usize = 3;
/// Next actions in all: a ledger entry lists no more.
const ACTIONS: usize = 10;

/// The whole document.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Backlog {
    /// Of this format.
    pub(crate) version: u32,
    /// What it was made from.
    pub(crate) hot_loops: String,
    /// The profile that was ranked.
    pub(crate) profile: String,
    /// The share from which on a loop is hot, in percent.
    pub(crate) threshold_percent: f64,
    /// Samples behind the shares.
    pub(crate) samples: Option<u64>,
    /// Why shares have no standard error.
    pub(crate) error_reason: Option<String>,
    /// Wall times of the run.
    pub(crate) times: Option<Times>,
    /// Why there are none, or why no candidate has seconds.
    pub(crate) times_reason: Option<String>,
    /// Best first.
    pub(crate) candidates: Vec<Candidate>,
    /// Hot candidates that are not listed for want of room.
    pub(crate) more: usize,
    /// Hot, and vectorized or safe.
    pub(crate) settled: Vec<Settled>,
    /// To be worked on, and below the threshold or not seen at all.
    pub(crate) cold: Vec<Cold>,
    /// One line each, for the ledger.
    pub(crate) next_actions: Vec<String>,
    /// What would change this ranking, one line each.
    pub(crate) caveats: Vec<String>,
}

/// A hot loop that is no candidate.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settled {
    pub(crate) loop_id: String,
    pub(crate) module: String,
    pub(crate) line: u64,
    pub(crate) header: String,
    pub(crate) class: Option<Class>,
    pub(crate) inclusive_percent: f64,
    pub(crate) self_percent: f64,
    /// Why it is no candidate.
    pub(crate) why_not: String,
}

/// A loop that waits for work and has no time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cold {
    pub(crate) loop_id: String,
    pub(crate) module: String,
    pub(crate) line: u64,
    pub(crate) header: String,
    pub(crate) class: Option<Class>,
    pub(crate) inclusive_percent: f64,
    pub(crate) next_step: String,
}

/// Gives the loops the classes of these tables; what does not fit is returned, one line each.
pub(crate) fn reclassify(hot: &mut HotLoops, tables: &[Classification]) -> Vec<String> {
    if tables.is_empty() {
        return Vec::new();
    }
    let rows = hot.loops.iter().map(|row| &row.r#loop).chain(hot.unseen.iter().map(|row| &row.r#loop));
    let mut all: Vec<Loop> = rows.cloned().collect();
    all.sort_by(|a, b| (&a.module, a.line, a.col_offset).cmp(&(&b.module, b.line, b.col_offset)));
    let mut inventory = Inventory { all_loops: all, ..Inventory::default() };
    classify(&mut inventory, tables);
    let now = |one: &mut Loop| {
        if let Some(found) =
            inventory.all_loops.iter().find(|other| other.id == one.id && other.line == one.line)
        {
            one.clone_from(found);
        }
    };
    hot.loops.iter_mut().for_each(|row| now(&mut row.r#loop));
    for row in &mut hot.unseen {
        now(&mut row.r#loop);
        row.cold = row.undetermined.is_none() && is_open(row.r#loop.class);
    }
    inventory.contradictions.iter().map(ToString::to_string).collect()
}

fn is_open(class: Option<Class>) -> bool {
    matches!(class, Some(Class::Todo | Class::Uncertain))
}

impl Backlog {
    /// Makes it. `path` is that of `hot_loops.json`.
    pub(crate) fn of(hot: &HotLoops, path: &str, top: usize, times: Option<Times>) -> Self {
        let parallel = hot.profile.threads > 1;
        let seconds = times.as_ref().filter(|_| !parallel).map(|times| times.median_s);
        let times_reason = match &times {
            None => Some("the step names no file with the wall times of the run (`run:`)".to_owned()),
            Some(_) if parallel => Some(format!(
                "{} threads: a share of processor time says nothing of seconds of wall time",
                hot.profile.threads
            )),
            Some(_) => None,
        };
        let (candidates, rest) = rank(hot, top, seconds);
        let cold = cold(hot);
        let mut caveats = caveats(hot, &candidates, &rest);
        caveats.extend(times.as_ref().and_then(Times::caveat));
        let mut backlog = Self {
            version: 1,
            hot_loops: path.to_owned(),
            profile: hot.profile.path.clone(),
            threshold_percent: hot.threshold_percent,
            samples: hot.profile.samples,
            error_reason: hot.profile.samples.is_none().then(|| {
                format!("the profile counts {} and does not say from how many samples", hot.profile.unit)
            }),
            times,
            times_reason,
            caveats,
            more: rest.len(),
            settled: settled(hot),
            candidates,
            cold,
            next_actions: Vec::new(),
        };
        let hot_steps = backlog.candidates.iter().map(|candidate| &candidate.next_step);
        let cold_steps = backlog.cold.iter().take(COLD_ACTIONS).map(|row| &row.next_step);
        let mut actions: Vec<String> = Vec::new();
        for action in hot_steps.chain(cold_steps) {
            // Loops of one function that nobody can tell apart have one next step.
            if !actions.contains(action) {
                actions.push(action.clone());
            }
        }
        actions.truncate(ACTIONS);
        backlog.next_actions = actions;
        backlog
    }
}

fn settled(hot: &HotLoops) -> Vec<Settled> {
    let rows = hot.hot().filter(|row| is_settled(row.r#loop.class));
    rows.map(|row| {
        let one = &row.r#loop;
        let source = one.class_source.as_deref().map_or_else(String::new, |source| format!(" ({source})"));
        let notes = one.class_notes.as_deref().map_or_else(String::new, |notes| format!(": {notes}"));
        let class = one.class.map_or("unclassified", Class::name);
        Settled {
            loop_id: one.id.clone(),
            module: one.module.clone(),
            line: one.line,
            header: one.loop_header.clone(),
            class: one.class,
            inclusive_percent: row.inclusive.percent,
            self_percent: row.own.percent,
            why_not: format!("classified {class}{source}{notes}"),
        }
    })
    .collect()
}

fn cold(hot: &HotLoops) -> Vec<Cold> {
    let seen = hot.loops.iter().filter(|row| !hot.is_hot(row.inclusive.weight) && is_open(row.r#loop.class));
    // Of a loop without its last line only the first was found: a small share of it says nothing.
    let seen = seen.filter(|row| row.r#loop.end_line.is_some());
    let seen = seen.map(|row| (&row.r#loop, row.inclusive));
    let unseen = hot.unseen.iter().filter(|row| row.cold);
    let unseen = unseen.map(|row| (&row.r#loop, Share::default()));
    seen.chain(unseen)
        .map(|(one, share)| Cold {
            loop_id: one.id.clone(),
            module: one.module.clone(),
            line: one.line,
            header: one.loop_header.clone(),
            class: one.class,
            inclusive_percent: share.percent,
            next_step: step::for_cold(one, share.percent),
        })
        .collect()
}

/// What would change the ranking.
fn caveats(hot: &HotLoops, candidates: &[Candidate], rest: &[Candidate]) -> Vec<String> {
    let mut caveats = Vec::new();
    for one in candidates {
        let within = one.tied_with.iter().filter(|rank| **rank > one.rank && **rank <= candidates.len());
        for rank in within {
            caveats.push(format!(
                "candidates {} and {rank} are tied: their shares differ by less than the sampling error",
                one.rank
            ));
        }
    }
    let first_out = rest.iter().find(|other| other.tied_with.contains(&candidates.len()));
    if let (Some(other), Some(last)) = (first_out, candidates.last()) {
        let line = other.line.map_or_else(String::new, |line| format!(":{line}"));
        caveats.push(format!("{}{line} is not listed, and tied with candidate {}", other.module, last.rank));
    }
    let bounded =
        candidates.iter().filter(|one| one.attribution == hot_loops_model::Attribution::Function).count();
    if bounded > 0 {
        caveats.push(format!(
            "{bounded} of {} candidates are known by their function only: a profile with lines may lower them",
            candidates.len()
        ));
    }
    let unexplained = hot.parts.unexplained.percent + hot.parts.groups.percent;
    if unexplained > 0.0 {
        caveats.push(format!("{unexplained:.2} % of the profile is in no loop and no line that is known"));
    }
    let undetermined =
        hot.unseen.iter().filter(|row| row.undetermined.is_some() && is_open(row.r#loop.class)).count();
    if undetermined > 0 {
        caveats.push(format!(
            "{undetermined} loops that are todo or uncertain may have had time: profile and inventory do not tell"
        ));
    }
    if hot.profile.threads > 1 {
        caveats.push(format!(
            "{} threads: shares are of the time of all of them together, also of those that waited in a trace, not \
             of wall time",
            hot.profile.threads
        ));
    }
    if let Some(lost) = hot.profile.lost.filter(|lost| *lost > 0) {
        caveats.push(format!("{lost} samples were lost"));
    }
    caveats.extend(hot.warnings.iter().cloned());
    caveats
}
