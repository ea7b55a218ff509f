//! Counts weights: [`Tally`], from the stacks of a profile and the [`Places`] of its frames.
//!
//! Every stack gives its whole weight to exactly one [`Owner`], so that the parts add up to the total by
//! construction. Inclusive weight is counted once for each loop and stack, however often the loop recurs.
//! Whole numbers only; shares are made later.

use std::collections::{BTreeMap, BTreeSet};

use profile_model::{Kind, Profile, Stack};

use crate::places::{Place, Places};

/// Who gets the self weight of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The innermost loop on the stack, and whether a line proves it.
    Loop { at: usize, by_line: bool },
    /// The loops of a function together.
    Group(usize),
    /// The innermost frame of the project's code; whether it is the innermost frame of all.
    Outside { frame: u32, own: bool },
    /// The innermost function; `None` for a stack without frames.
    Unexplained(Option<u32>),
}

/// What a stack counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) owner: Owner,
    /// Loop to whether a line proves it.
    pub(crate) loops: BTreeMap<usize, bool>,
}

impl Use {
    fn of(stack: &Stack, profile: &Profile, places: &Places) -> Self {
        let mut owner = None;
        let mut outside = None;
        let mut loops = BTreeMap::new();
        for (depth, frame) in stack.frames.iter().enumerate() {
            match &places.frames[*frame as usize] {
                Place::Line(around) => {
                    for at in around {
                        loops.insert(*at, true);
                    }
                    if let Some(innermost) = around.last() {
                        owner = owner.or(Some(Owner::Loop { at: *innermost, by_line: true }));
                    }
                }
                Place::Function(group) => {
                    let function = &places.groups[*group];
                    for at in &function.loops {
                        loops.entry(*at).or_insert(false);
                    }
                    let it = function.single.map(|at| Owner::Loop { at, by_line: false });
                    owner = owner.or(it.or(Some(Owner::Group(*group))));
                }
                Place::Module(_) | Place::Project => {
                    outside = outside.or(Some(Owner::Outside { frame: *frame, own: depth == 0 }));
                }
                Place::Elsewhere => {}
            }
        }
        let innermost = stack.frames.first().map(|frame| profile.frames[*frame as usize].function);
        Self { owner: owner.or(outside).unwrap_or(Owner::Unexplained(innermost)), loops }
    }
}

/// Weights of a loop; the second of each pair is what lines prove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LoopWeight {
    pub(crate) inclusive: u64,
    pub(crate) inclusive_by_line: u64,
    pub(crate) own: u64,
    pub(crate) own_by_line: u64,
}

/// All weights.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// For each stack of the profile.
    pub(crate) uses: Vec<Use>,
    /// For each loop of the inventory.
    pub(crate) loops: Vec<LoopWeight>,
    /// For each of [`Places::groups`].
    pub(crate) groups: Vec<u64>,
    /// Frame to weight with callees, and to weight of the frame itself.
    pub(crate) outside: BTreeMap<u32, (u64, u64)>,
    /// Innermost function to weight.
    pub(crate) unexplained: BTreeMap<Option<u32>, u64>,
    /// For each loop the functions of the frames that stand in it.
    pub(crate) functions: Vec<BTreeSet<u32>>,
}

impl Tally {
    pub(crate) fn of(profile: &Profile, places: &Places, loops: usize) -> Self {
        let mut tally = Self {
            loops: vec![LoopWeight::default(); loops],
            groups: vec![0; places.groups.len()],
            functions: vec![BTreeSet::new(); loops],
            ..Self::default()
        };
        for stack in &profile.stacks {
            let used = Use::of(stack, profile, places);
            let weight = stack.weight;
            for (at, by_line) in &used.loops {
                let entry = &mut tally.loops[*at];
                entry.inclusive += weight;
                entry.inclusive_by_line += if *by_line { weight } else { 0 };
            }
            match used.owner {
                Owner::Loop { at, by_line } => {
                    tally.loops[at].own += weight;
                    tally.loops[at].own_by_line += if by_line { weight } else { 0 };
                }
                Owner::Group(group) => tally.groups[group] += weight,
                Owner::Outside { frame, own } => {
                    let entry = tally.outside.entry(frame).or_default();
                    entry.0 += weight;
                    entry.1 += if own { weight } else { 0 };
                }
                Owner::Unexplained(function) => *tally.unexplained.entry(function).or_default() += weight,
            }
            tally.uses.push(used);
        }
        tally.count_functions(profile, places);
        tally
    }

    fn count_functions(&mut self, profile: &Profile, places: &Places) {
        for (frame, place) in profile.frames.iter().zip(&places.frames) {
            let loops = match place {
                Place::Line(around) => around,
                Place::Function(group) => &places.groups[*group].loops,
                _ => continue,
            };
            for at in loops {
                self.functions[*at].insert(frame.function);
            }
        }
    }

    /// Weight of the stacks that hold both of two of these loops, in both orders; pairs without any are left out.
    pub(crate) fn common(&self, profile: &Profile, of: &BTreeSet<usize>) -> BTreeMap<(usize, usize), u64> {
        let mut common = BTreeMap::new();
        for (used, stack) in self.uses.iter().zip(&profile.stacks).filter(|(_, stack)| stack.weight > 0) {
            let these: Vec<usize> = used.loops.keys().copied().filter(|at| of.contains(at)).collect();
            for one in &these {
                for other in these.iter().filter(|other| *other != one) {
                    *common.entry((*one, *other)).or_default() += stack.weight;
                }
            }
        }
        common
    }

    /// For each loop its inclusive share, from 0 to 1, in each measured iteration that has any weight.
    pub(crate) fn shares(&self, profile: &Profile) -> Vec<Vec<f64>> {
        let mut shares = vec![Vec::new(); self.loops.len()];
        for slice in &profile.slices {
            let total: u64 = slice.iter().map(|(_, weight)| weight).sum();
            if total == 0 {
                continue;
            }
            let mut weights = vec![0_u64; self.loops.len()];
            for (stack, weight) in slice {
                for at in self.uses[*stack as usize].loops.keys() {
                    weights[*at] += weight;
                }
            }
            for (shares, weight) in shares.iter_mut().zip(weights) {
                shares.push(weight as f64 / total as f64);
            }
        }
        shares
    }
}

/// How a kind is written.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Kernel => "kernel",
        Kind::Runtime => "runtime",
        Kind::Glue => "glue",
    }
}
