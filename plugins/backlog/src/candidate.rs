//! The rows of the backlog: [`Candidate`], and [`rank`] that chooses and orders them.
//!
//! Loops that are classified to be worked on come first, then what nobody classified, each by measured inclusive
//! share. What is settled (vectorized, safe) is no candidate. A candidate states how well its place is known.

use hot_loops_model::{Attribution, HotLoop, HotLoops, Outside, Variation};
use loop_inventory_model::{Class, Loop};
use serde::Serialize;

use crate::bound::{Bounds, are_tied, standard_error};
use crate::step;

/// What is proposed to be worked on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Candidate {
    /// Counted from 1.
    pub(crate) rank: usize,
    /// The id of the loop; `None` for hot code in no loop of the inventory.
    pub(crate) loop_id: Option<String>,
    /// The source file.
    pub(crate) module: String,
    /// The line; `None` where only the function is known.
    pub(crate) line: Option<u64>,
    /// The head of the loop.
    pub(crate) header: Option<String>,
    /// The function around it.
    pub(crate) function: Option<String>,
    /// The class; `None` when nobody classified it.
    pub(crate) class: Option<Class>,
    /// The row of a table that says so.
    pub(crate) class_source: Option<String>,
    /// How the share is known; with `function` it is an upper bound, and so are the speed-ups.
    pub(crate) attribution: Attribution,
    /// In percent.
    pub(crate) inclusive_percent: f64,
    /// In percent.
    pub(crate) self_percent: f64,
    /// Standard error of the inclusive share in percent; `None` with the reason in the backlog's `error_reason`.
    pub(crate) standard_error_percent: Option<f64>,
    /// How much faster the whole run gets at most.
    pub(crate) speedup: Bounds,
    /// How many seconds of an iteration are at stake at most; `None` where wall times are not known or not comparable.
    pub(crate) seconds: Option<f64>,
    /// How often the function around it was called.
    pub(crate) calls: Option<u64>,
    /// Why `calls` is `None`.
    pub(crate) calls_reason: Option<String>,
    /// Over the measured iterations.
    pub(crate) variation: Variation,
    /// Ranks of candidates whose order to this one is within the sampling error.
    pub(crate) tied_with: Vec<usize>,
    /// Rank of the candidate whose loop is around this one.
    pub(crate) inside: Option<usize>,
    /// Why the inventory does not fit the sources here.
    pub(crate) stale: Option<String>,
    /// What to do.
    pub(crate) next_step: String,
    #[serde(skip)]
    share: f64,
    /// Other loops on the same stacks: id to share.
    #[serde(skip)]
    common: Vec<(String, f64)>,
    #[serde(skip)]
    of: Option<Loop>,
}

impl Candidate {
    /// The share of the stacks that hold both.
    fn in_common(&self, other: &Self) -> f64 {
        let found = self.common.iter().find(|(id, _)| Some(id) == other.loop_id.as_ref());
        found.map_or(0.0, |(_, share)| *share)
    }
}

/// The candidates, best first, and how many more there are.
pub(crate) fn rank(hot: &HotLoops, top: usize, seconds: Option<f64>) -> (Vec<Candidate>, Vec<Candidate>) {
    let open = hot.hot().filter(|row| !is_settled(row.r#loop.class));
    let mut all: Vec<Candidate> = open.map(|row| of_loop(hot, row, seconds)).collect();
    all.extend(hot.outside.iter().map(|row| of_outside(hot, row, seconds)));
    // Stable: of equal shares the outer loop stays first, as `hot_loops.json` has them.
    all.sort_by(|a, b| order(a).cmp(&order(b)).then(b.share.total_cmp(&a.share)));
    for (candidate, rank) in all.iter_mut().zip(1..) {
        candidate.rank = rank;
    }
    let samples = hot.profile.samples.unwrap_or(0);
    for at in 0..all.len() {
        let one = &all[at];
        let tied = all.iter().filter(|other| {
            other.rank != one.rank
                && order(other) == order(one)
                && !is_nested(one, other)
                && !is_nested(other, one)
        });
        let tied: Vec<usize> = tied
            .filter(|other| are_tied((one.share, other.share, one.in_common(other)), samples))
            .map(|other| other.rank)
            .collect();
        let around = all.iter().filter(|outer| is_nested(one, outer));
        // The nearest: the one that begins last.
        let inside = around.max_by_key(|outer| outer.line).map(|outer| outer.rank);
        all[at].tied_with = tied;
        all[at].inside = inside;
    }
    let rest = all.split_off(top.min(all.len()));
    (all, rest)
}

/// Whether a class says that there is nothing to do.
pub(crate) fn is_settled(class: Option<Class>) -> bool {
    matches!(class, Some(Class::Vectorized | Class::Safe))
}

fn order(candidate: &Candidate) -> u8 {
    u8::from(!matches!(candidate.class, Some(Class::Todo | Class::Uncertain)))
}

/// Whether one loop lies in another in the source.
fn is_nested(inner: &Candidate, outer: &Candidate) -> bool {
    let (Some(inner), Some(outer)) = (&inner.of, &outer.of) else { return false };
    let same = inner.module == outer.module && inner.function == outer.function && inner.id != outer.id;
    let begins = (outer.line, outer.col_offset) < (inner.line, inner.col_offset);
    same && begins && outer.end_line.is_some() && inner.last_line() <= outer.last_line()
}

fn of_loop(hot: &HotLoops, row: &HotLoop, seconds: Option<f64>) -> Candidate {
    let one = &row.r#loop;
    let mut candidate = measured(hot, row.inclusive.weight, seconds);
    candidate.loop_id = Some(one.id.clone());
    candidate.module.clone_from(&one.module);
    candidate.line = Some(one.line);
    candidate.header = Some(one.loop_header.clone());
    candidate.function.clone_from(&one.function);
    candidate.class = one.class;
    candidate.class_source.clone_from(&one.class_source);
    candidate.attribution = row.attribution;
    candidate.inclusive_percent = row.inclusive.percent;
    candidate.self_percent = row.own.percent;
    candidate.calls = row.calls;
    candidate.calls_reason.clone_from(&row.calls_reason);
    candidate.variation = row.variation.clone();
    candidate.stale.clone_from(&row.stale);
    candidate.next_step = step::for_loop(row);
    let share = |weight: u64| weight as f64 / hot.profile.total.max(1) as f64;
    candidate.common = row.common.iter().map(|other| (other.loop_id.clone(), share(other.weight))).collect();
    candidate.of = Some(one.clone());
    candidate
}

fn of_outside(hot: &HotLoops, row: &Outside, seconds: Option<f64>) -> Candidate {
    let mut candidate = measured(hot, row.inclusive.weight, seconds);
    candidate.module.clone_from(&row.file);
    candidate.line = row.line.map(u64::from);
    candidate.function = Some(row.function.clone());
    candidate.attribution = if row.line.is_some() { Attribution::Line } else { Attribution::Function };
    candidate.inclusive_percent = row.inclusive.percent;
    candidate.self_percent = row.own.percent;
    candidate.calls_reason = Some("it is no loop of the inventory".to_owned());
    candidate.variation.reason = Some("iterations are looked at for loops only".to_owned());
    candidate.next_step = step::for_outside(row);
    candidate
}

fn measured(hot: &HotLoops, weight: u64, seconds: Option<f64>) -> Candidate {
    let total = hot.profile.total;
    let share = if total == 0 { 0.0 } else { weight as f64 / total as f64 };
    let error = hot.profile.samples.and_then(|samples| standard_error(share, samples));
    Candidate {
        rank: 0,
        loop_id: None,
        module: String::new(),
        line: None,
        header: None,
        function: None,
        class: None,
        class_source: None,
        attribution: Attribution::Line,
        inclusive_percent: 0.0,
        self_percent: 0.0,
        standard_error_percent: error.map(|error| (error * 10_000.0).round() / 100.0),
        speedup: Bounds::of(share),
        seconds: seconds.map(|seconds| share * seconds),
        calls: None,
        calls_reason: None,
        variation: Variation::default(),
        tied_with: Vec::new(),
        inside: None,
        stale: None,
        next_step: String::new(),
        share,
        common: Vec::new(),
        of: None,
    }
}
