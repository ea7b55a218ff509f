//! The result: [`Correlation`], from a profile and an inventory to a [`HotLoops`] and the heat of source lines.
//!
//! Called by the plugin; pure but for the sources, which it asks for by module through a closure, to tell whether
//! the inventory still fits them. What a row says follows from [`Tally`]; here it is only put into words.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use hot_loops_model::{
    Attribution, Common, Group, HotLoop, HotLoops, InventoryFacts, Outside, Parts, ProfileFacts, Share,
    Unexplained, UnseenLoop, VERSION, Variation,
};
use loop_inventory_model::{Class, Inventory, Loop, stale};
use profile_model::{Profile, Unit};

use crate::places::{Place, Places};
use crate::tally::{Tally, kind_name};

/// Rows of unexplained time that are listed; the others are one sum.
const UNEXPLAINED_ROWS: usize = 10;
/// Stale loops that are named in the warning.
const NAMED: usize = 5;

/// Weight of a source line: with callees, and of the line itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heat {
    pub(crate) inclusive: u64,
    pub(crate) own: u64,
}

/// What the correlation found.
#[derive(Debug)]
pub(crate) struct Correlation {
    /// The document.
    pub(crate) hot_loops: HotLoops,
    /// Module to text, of the loops that were seen; the error says why it cannot be read.
    pub(crate) sources: BTreeMap<String, Result<String, String>>,
    /// Module and line to weight.
    pub(crate) heat: BTreeMap<(String, u32), Heat>,
}

/// Where profile and inventory came from, and the threshold in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) profile: &'a str,
    pub(crate) inventory: &'a str,
    pub(crate) threshold_percent: f64,
}

impl Correlation {
    pub(crate) fn of(
        profile: &Profile,
        inventory: &Inventory,
        origin: Origin<'_>,
        read: impl Fn(&str) -> Result<String, String>,
    ) -> Self {
        let places = Places::of(profile, inventory);
        let tally = Tally::of(profile, &places, inventory.all_loops.len());
        let heat = heat(profile, &places);
        let shares = tally.shares(profile);
        let seen = SeenModules::of(profile, &places);
        let total = profile.stacks.iter().map(|stack| stack.weight).sum();
        let mut result = Self {
            hot_loops: HotLoops {
                version: VERSION,
                threshold_percent: origin.threshold_percent,
                profile: profile_facts(profile, origin.profile, total),
                inventory: inventory_facts(inventory, origin.inventory),
                parts: parts(&tally, total),
                loops: Vec::new(),
                groups: groups(inventory, &places, &tally, total),
                unseen: Vec::new(),
                outside: Vec::new(),
                unexplained: unexplained(profile, &tally, total),
                warnings: places.warnings.iter().cloned().collect(),
            },
            sources: BTreeMap::new(),
            heat,
        };
        for (at, one) in inventory.all_loops.iter().enumerate() {
            if tally.loops[at].inclusive == 0 {
                let undetermined = seen.undetermined(one);
                let cold =
                    undetermined.is_none() && matches!(one.class, Some(Class::Todo | Class::Uncertain));
                result.hot_loops.unseen.push(UnseenLoop { r#loop: one.clone(), cold, undetermined });
                continue;
            }
            let source = result.sources.entry(one.module.clone()).or_insert_with(|| read(&one.module));
            let unfit = source.as_ref().map_or_else(
                |error| Some(format!("the source cannot be read: {error}")),
                |text| stale(one, text),
            );
            result.hot_loops.loops.push(row(profile, &tally, (at, &shares[at]), one, unfit, total));
        }
        result.set_common(profile, inventory, &tally);
        let hot = &mut result.hot_loops;
        // Ties: the one with more self time, then by place, so that equal profiles give equal files.
        hot.loops.sort_by(|a, b| {
            let key = |row: &HotLoop| (Reverse(row.inclusive.weight), Reverse(row.own.weight));
            key(a).cmp(&key(b)).then_with(|| place(&a.r#loop).cmp(&place(&b.r#loop)))
        });
        hot.unseen.sort_by_key(|row| class_order(row.r#loop.class)); // stable: by place within a class
        let rows = outside(profile, &places, &tally, total);
        hot.outside = rows.into_iter().filter(|row| hot.is_hot(row.inclusive.weight)).collect();
        let warnings = warnings(hot, inventory, &result.sources, &result.heat, seen.all.is_empty());
        hot.warnings.extend(warnings);
        result
    }
}

impl Correlation {
    /// Before the rows are sorted: they stand in the order of the inventory.
    fn set_common(&mut self, profile: &Profile, inventory: &Inventory, tally: &Tally) {
        let hot = &mut self.hot_loops;
        let seen: Vec<usize> = (0..tally.loops.len()).filter(|at| tally.loops[*at].inclusive > 0).collect();
        let above = seen.iter().copied().filter(|at| hot.is_hot(tally.loops[*at].inclusive));
        let common = tally.common(profile, &above.collect());
        for (row, at) in hot.loops.iter_mut().zip(seen) {
            let others = common.range((at, 0)..=(at, usize::MAX));
            row.common = others
                .map(|((_, other), weight)| {
                    let loop_id = inventory.all_loops[*other].id.clone();
                    Common { loop_id, weight: *weight }
                })
                .collect();
        }
    }
}

/// The modules that are on any stack.
struct SeenModules<'a> {
    all: BTreeSet<&'a str>,
    /// Those with a frame of which only the function is known.
    without_lines: BTreeSet<&'a str>,
}

impl<'a> SeenModules<'a> {
    fn of(profile: &Profile, places: &'a Places) -> Self {
        let mut seen = Self { all: BTreeSet::new(), without_lines: BTreeSet::new() };
        let stacks = profile.stacks.iter().filter(|stack| stack.weight > 0);
        for frame in stacks.flat_map(|stack| &stack.frames) {
            let Some(module) = places.modules[*frame as usize].as_deref() else { continue };
            seen.all.insert(module);
            if profile.frames[*frame as usize].line.is_none() {
                seen.without_lines.insert(module);
            }
        }
        seen
    }

    /// Why a loop without any time may have had some.
    fn undetermined(&self, one: &Loop) -> Option<String> {
        let reason = match one {
            _ if !self.all.contains(one.module.as_str()) => return None,
            Loop { end_line: None, .. } => {
                "its module was on the stack, and the inventory has no `end_line` for it"
            }
            Loop { function: None, .. } if self.without_lines.contains(one.module.as_str()) => {
                "its module was on the stack without lines, and the inventory has no function for it"
            }
            _ => return None,
        };
        Some(reason.to_owned())
    }
}

fn place(one: &Loop) -> (&str, u64, u64) {
    (&one.module, one.line, one.col_offset)
}

/// What waits for work first.
fn class_order(class: Option<Class>) -> u8 {
    match class {
        Some(Class::Todo) => 0,
        Some(Class::Uncertain) => 1,
        None => 2,
        Some(Class::Vectorized) => 3,
        Some(Class::Safe) => 4,
    }
}

fn profile_facts(profile: &Profile, path: &str, total: u64) -> ProfileFacts {
    ProfileFacts {
        path: path.to_owned(),
        source: profile.source.clone(),
        unit: profile.unit.symbol().to_owned(),
        total,
        samples: (profile.unit == Unit::Samples).then_some(total),
        hz: profile.hz,
        seconds: profile.seconds,
        iterations: profile.iterations,
        lost: profile.lost,
        threads: profile.threads.len() as u64,
    }
}

fn inventory_facts(inventory: &Inventory, path: &str) -> InventoryFacts {
    let count = |is: fn(&Loop) -> bool| inventory.all_loops.iter().filter(|one| is(one)).count() as u64;
    InventoryFacts {
        path: path.to_owned(),
        scan_timestamp: inventory.scan_timestamp.clone(),
        loops: inventory.all_loops.len() as u64,
        classified: count(|one| one.class.is_some()),
        with_end: count(|one| one.end_line.is_some()),
        with_function: count(|one| one.function.is_some()),
    }
}

fn parts(tally: &Tally, total: u64) -> Parts {
    Parts {
        loops: Share::of(tally.loops.iter().map(|weight| weight.own).sum(), total),
        groups: Share::of(tally.groups.iter().sum(), total),
        outside: Share::of(tally.outside.values().map(|(inclusive, _)| inclusive).sum(), total),
        unexplained: Share::of(tally.unexplained.values().sum(), total),
    }
}

fn row(
    profile: &Profile,
    tally: &Tally,
    (at, shares): (usize, &[f64]),
    one: &Loop,
    stale: Option<String>,
    total: u64,
) -> HotLoop {
    let weight = tally.loops[at];
    let proven = weight.inclusive == weight.inclusive_by_line;
    let calls: Option<u64> =
        tally.functions[at].iter().map(|function| profile.functions[*function as usize].calls).sum();
    let calls_reason = calls.is_none().then(|| match profile.unit {
        Unit::Samples => "samples do not count calls".to_owned(),
        _ => "the profile does not say how often its function was called".to_owned(),
    });
    HotLoop {
        r#loop: one.clone(),
        attribution: if proven { Attribution::Line } else { Attribution::Function },
        inclusive: Share::of(weight.inclusive, total),
        inclusive_by_line: Share::of(weight.inclusive_by_line, total),
        own: Share::of(weight.own, total),
        self_by_line: Share::of(weight.own_by_line, total),
        calls,
        calls_reason,
        variation: variation(shares, profile),
        common: Vec::new(),
        stale,
    }
}

fn variation(shares: &[f64], profile: &Profile) -> Variation {
    let count = shares.len() as f64;
    let rounded = |share: f64| (share * 10_000.0).round() / 100.0;
    let mean = shares.iter().sum::<f64>() / count;
    let squares: f64 = shares.iter().map(|share| (share - mean).powi(2)).sum();
    let reason = match shares.len() {
        0 if profile.slices.is_empty() => Some("nobody marked the iterations in the profile".to_owned()),
        0 => Some("no iteration has any weight".to_owned()),
        1 => Some("one iteration has no deviation".to_owned()),
        _ => None,
    };
    Variation {
        iterations: shares.len() as u64,
        mean_percent: (!shares.is_empty()).then(|| rounded(mean)),
        std_percent: (shares.len() > 1).then(|| rounded((squares / (count - 1.0)).sqrt())),
        reason,
    }
}

fn groups(inventory: &Inventory, places: &Places, tally: &Tally, total: u64) -> Vec<Group> {
    let several = places.groups.iter().zip(&tally.groups).filter(|(group, _)| group.single.is_none());
    let mut groups: Vec<Group> = several
        .map(|(group, weight)| Group {
            function: group.function.clone(),
            module: group.module.clone(),
            loops: group.loops.iter().map(|at| inventory.all_loops[*at].id.clone()).collect(),
            own: Share::of(*weight, total),
        })
        .collect();
    groups.sort_by_key(|group| Reverse(group.own.weight));
    groups
}

/// One row for each place; frames of one place (generic functions, threads) are added up.
fn outside(profile: &Profile, places: &Places, tally: &Tally, total: u64) -> Vec<Outside> {
    // File, line, function to inclusive weight, self weight, and whether the inventory knows the file.
    type Row<'a> = (String, Option<u32>, &'a str);
    let mut rows: BTreeMap<Row<'_>, (u64, u64, bool)> = BTreeMap::new();
    for (id, (inclusive, own)) in &tally.outside {
        let frame = &profile.frames[*id as usize];
        let module = places.modules[*id as usize].clone();
        let known = matches!(places.frames[*id as usize], Place::Module(_));
        let file = module.unwrap_or_else(|| frame.file.as_deref().unwrap_or_default().to_owned());
        let name = profile.functions[frame.function as usize].name.as_str();
        let row = rows.entry((file, frame.line, name)).or_default();
        *row = (row.0 + inclusive, row.1 + own, known);
    }
    let mut rows: Vec<Outside> = rows
        .into_iter()
        .map(|((file, line, function), (inclusive, own, in_inventory))| Outside {
            file,
            line,
            function: function.to_owned(),
            in_inventory,
            inclusive: Share::of(inclusive, total),
            own: Share::of(own, total),
        })
        .collect();
    rows.sort_by_key(|row| (Reverse(row.inclusive.weight), Reverse(row.own.weight)));
    rows
}

fn unexplained(profile: &Profile, tally: &Tally, total: u64) -> Vec<Unexplained> {
    let mut weights: Vec<(Option<u32>, u64)> =
        tally.unexplained.iter().map(|(function, weight)| (*function, *weight)).collect();
    weights.sort_by_key(|(function, weight)| (Reverse(*weight), *function));
    let rest: u64 = weights.iter().skip(UNEXPLAINED_ROWS).map(|(_, weight)| weight).sum();
    let row = |(function, weight): &(Option<u32>, u64)| {
        let function = function.map(|id| &profile.functions[id as usize]);
        Unexplained {
            function: function.map_or_else(|| "(a stack without frames)".to_owned(), |it| it.name.clone()),
            module: function.map_or_else(String::new, |it| it.module.clone()),
            kind: function.map_or("runtime", |it| kind_name(it.kind)).to_owned(),
            own: Share::of(*weight, total),
        }
    };
    let mut rows: Vec<Unexplained> = weights.iter().take(UNEXPLAINED_ROWS).map(row).collect();
    if rest > 0 {
        let [function, module, kind] = [String::new(), String::new(), String::new()];
        rows.push(Unexplained { function, module, kind, own: Share::of(rest, total) });
    }
    rows
}

/// Several frames may be one line (inlined calls), and a stack counts once for a line.
fn heat(profile: &Profile, places: &Places) -> BTreeMap<(String, u32), Heat> {
    let mut known: HashMap<(&str, u32), usize> = HashMap::new();
    let mut line_of: Vec<Option<usize>> = Vec::with_capacity(profile.frames.len());
    for (frame, module) in profile.frames.iter().zip(&places.modules) {
        let next = known.len();
        line_of.push(module.as_deref().zip(frame.line).map(|line| *known.entry(line).or_insert(next)));
    }
    let mut heats = vec![Heat::default(); known.len()];
    // The number of the last stack that counted a line.
    let mut seen = vec![usize::MAX; known.len()];
    for (number, stack) in profile.stacks.iter().enumerate() {
        for (depth, frame) in stack.frames.iter().enumerate() {
            let Some(line) = line_of[*frame as usize] else { continue };
            heats[line].own += if depth == 0 { stack.weight } else { 0 };
            if std::mem::replace(&mut seen[line], number) != number {
                heats[line].inclusive += stack.weight;
            }
        }
    }
    known.into_iter().map(|((module, line), at)| ((module.to_owned(), line), heats[at])).collect()
}

fn warnings(
    hot: &HotLoops,
    inventory: &Inventory,
    sources: &BTreeMap<String, Result<String, String>>,
    heat: &BTreeMap<(String, u32), Heat>,
    is_elsewhere: bool,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let facts = &hot.inventory;
    if hot.profile.total == 0 {
        warnings.push("the profile is empty: no loop can be ranked".to_owned());
    }
    if facts.loops == 0 {
        warnings.push("the inventory has no loops: nothing can be related to it".to_owned());
    }
    let without_end = facts.loops - facts.with_end;
    if without_end > 0 {
        warnings.push(format!(
            "{without_end} of {} loops of the inventory have no `end_line`: only time on their first line is \
             found, and their shares are too low; scan with loop-inventory",
            facts.loops
        ));
    }
    if hot.profile.total > 0 && facts.loops > 0 && is_elsewhere {
        let modules: Vec<&str> = inventory.modules().into_iter().take(3).collect();
        warnings.push(format!(
            "no module of the inventory is in the profile: are these ({}, ...) the files that ran?",
            modules.join(", ")
        ));
    }
    let stale: Vec<String> = hot
        .hot()
        .filter(|row| row.stale.is_some())
        .map(|row| format!("{}:{}", row.r#loop.module, row.r#loop.line))
        .collect();
    if !stale.is_empty() {
        warnings.push(format!(
            "the inventory does not fit the sources of today at {} hot loops ({}{}): scan again, or take a \
             profile of this state",
            stale.len(),
            stale[..stale.len().min(NAMED)].join(", "),
            if stale.len() > NAMED { ", ..." } else { "" }
        ));
    }
    warnings.extend(beyond_the_end(sources, heat));
    warnings
}

/// A profile with lines that a source does not have is one of another state of it.
fn beyond_the_end(
    sources: &BTreeMap<String, Result<String, String>>,
    heat: &BTreeMap<(String, u32), Heat>,
) -> Vec<String> {
    let mut last: BTreeMap<&str, u32> = BTreeMap::new();
    for (module, line) in heat.keys() {
        let entry = last.entry(module).or_default();
        *entry = (*entry).max(*line);
    }
    let beyond = last.into_iter().filter_map(|(module, line)| {
        let lines = sources.get(module)?.as_ref().ok()?.lines().count();
        let words = format!(
            "the profile has line {line} of `{module}`, which has {lines} lines: it is a profile of another state"
        );
        (line as usize > lines).then_some(words)
    });
    beyond.collect()
}
