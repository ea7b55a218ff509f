//! The processes of a watched program: [`Processes`], from the records of the kernel in the order of time.
//!
//! Who forked whom, what each has mapped, what each is called, which samples belong where. Fed by the watch. It
//! never looks at the processes themselves: most of them are gone by the time their records are read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use framehop::Unwinder as _;

use super::objects::{ObjectId, Objects};
use crate::activity::{Activity, Switches};
use crate::maps::Maps;
use crate::perf::Record;
use crate::recording::{Recording, ThreadKey};
use crate::sample::RawSample;
use crate::unwind::{Modules, Walker};

/// Something executable in an address space.
#[derive(Clone, Copy)]
struct Mapped {
    end: u64,
    offset: u64,
    object: ObjectId,
}

type Space = BTreeMap<u64, Mapped>;

/// A living process.
#[derive(Clone, Default)]
struct Process {
    /// Shared with its parent until one of them maps something.
    space: Rc<Space>,
    /// Made for the first sample: most of the processes of a build have none.
    modules: Option<Rc<Modules>>,
    image: u32,
    name: Rc<str>,
    /// Living threads: a process outlives its first one.
    threads: u32,
}

/// Everything that was recorded of the program.
pub(super) struct Processes {
    living: HashMap<i32, Process>,
    /// Names of threads that have one of their own.
    threads: HashMap<i32, (i32, Rc<str>)>,
    /// For each thread that ever was: process, its name, name of the thread.
    names: HashMap<ThreadKey, (i32, Rc<str>, Rc<str>)>,
    /// How many programs there were by each process number; numbers are used again.
    images: HashMap<i32, u32>,
    objects: Objects,
    walker: Walker,
    switches: Switches,
    stack: Vec<u64>,
    last: u64,
    pub(super) recording: Recording,
    /// Processes that were seen, threads not counted.
    pub(super) seen: u64,
}

/// What is left when the program has ended.
pub(super) struct Finished {
    pub(super) recording: Recording,
    pub(super) maps: Maps,
    pub(super) notes: Vec<String>,
    pub(super) activity: Result<Vec<Activity>, String>,
    pub(super) processes: u64,
}

impl Processes {
    pub(super) fn new() -> Self {
        Self {
            living: HashMap::new(),
            threads: HashMap::new(),
            names: HashMap::new(),
            images: HashMap::new(),
            objects: Objects::new(),
            walker: Walker::default(),
            switches: Switches::default(),
            stack: Vec::new(),
            last: 0,
            recording: Recording::default(),
            seen: 0,
        }
    }

    /// Takes in the next record.
    pub(super) fn take(&mut self, record: Record<'_>) {
        match record {
            Record::Sample { pid, sample } => self.sample(pid, sample),
            Record::Map { pid, time, start, len, offset, file, path } => {
                self.last = self.last.max(time);
                let object = self.objects.id(path, file, time);
                self.map(pid, start, Mapped { end: start.saturating_add(len), offset, object });
            }
            Record::Name { pid, tid, time, exec, name } => {
                let name: Rc<str> = String::from_utf8_lossy(name).into();
                if exec {
                    self.exec(pid, time, &name);
                } else if pid == tid {
                    self.living.entry(pid).or_default().name = Rc::clone(&name);
                }
                self.threads.insert(tid, (pid, name));
                self.note(tid);
            }
            Record::Fork { pid, parent, tid, by, time } => {
                if pid != parent {
                    self.seen += 1;
                    let image = self.next_image(pid);
                    let mut child = self.living.get(&parent).cloned().unwrap_or_default();
                    child.image = image;
                    child.threads = 0;
                    self.living.insert(pid, child);
                }
                let name = self.threads.get(&by).map(|(_, name)| Rc::clone(name));
                self.threads.insert(tid, (pid, name.unwrap_or_default()));
                let process = self.living.entry(pid).or_default();
                process.threads += 1;
                let image = process.image;
                self.switches.begin(tid, image, time, false);
                self.note(tid);
            }
            Record::Exit { tid, time } => {
                self.last = self.last.max(time);
                self.switches.end(tid, time);
                let Some((pid, _)) = self.threads.remove(&tid) else { return };
                if let Some(process) = self.living.get_mut(&pid) {
                    process.threads = process.threads.saturating_sub(1);
                    if process.threads == 0 {
                        self.living.remove(&pid);
                    }
                }
            }
            Record::Switch { tid, time, to } => {
                self.last = self.last.max(time);
                self.switches.switch(tid, time, to);
            }
        }
    }

    /// Ends. `lost` is how many records the kernel could not store.
    pub(super) fn finish(self, lost: u64) -> Finished {
        let Self { objects, switches, names, mut recording, last, seen, .. } = self;
        recording.lost = lost;
        let (maps, notes) = objects.finish();
        let activity = if lost > 0 {
            Err(format!("{lost} records of the kernel were lost, and switches may be among them"))
        } else if !switches.any() && recording.samples > 0 {
            Err("the kernel recorded no switches".to_owned())
        } else {
            Ok(switches.finish(last, |tid, image| {
                let known = names.get(&(tid, image)).cloned();
                let (pid, process, thread) = known.unwrap_or((tid, "".into(), "".into()));
                (pid, process.as_ref().to_owned(), thread.as_ref().to_owned())
            }))
        };
        Finished { recording, maps, notes, activity, processes: seen }
    }

    fn next_image(&mut self, pid: i32) -> u32 {
        let next = self.images.entry(pid).or_default();
        *next += 1;
        *next - 1
    }

    /// The process became another program: nothing of what it had mapped is there any more.
    fn exec(&mut self, pid: i32, time: u64, name: &Rc<str>) {
        if !self.living.contains_key(&pid) {
            self.seen += 1;
        }
        let image = self.next_image(pid);
        let process = Process { image, name: Rc::clone(name), threads: 1, ..Process::default() };
        self.living.insert(pid, process);
        self.switches.begin(pid, image, time, true);
    }

    /// Remembers what a thread is called now, for when it is gone.
    fn note(&mut self, tid: i32) {
        let Some((pid, name)) = self.threads.get(&tid) else { return };
        let Some(process) = self.living.get(pid) else { return };
        self.names.insert((tid, process.image), (*pid, Rc::clone(&process.name), Rc::clone(name)));
    }

    fn map(&mut self, pid: i32, start: u64, mapped: Mapped) {
        let process = self.living.entry(pid).or_default();
        let space = Rc::make_mut(&mut process.space);
        // What was mapped there is gone, at least where the two overlap.
        let covered: Vec<u64> = space
            .range(..mapped.end)
            .rev()
            .take_while(|(_, old)| old.end > start)
            .map(|(at, _)| *at)
            .collect();
        for at in &covered {
            space.remove(at);
        }
        space.insert(start, mapped);
        if let Some(modules) = &mut process.modules {
            let modules = Rc::make_mut(modules);
            for at in covered {
                modules.remove_module(at);
            }
            add_module(&mut self.objects, modules, start, mapped);
        }
    }

    fn sample(&mut self, pid: i32, sample: &RawSample<'_>) {
        self.last = self.last.max(sample.time);
        let process = self.living.entry(pid).or_default();
        let objects = &mut self.objects;
        let modules = Rc::clone(process.modules.get_or_insert_with(|| {
            let mut modules = Modules::new();
            for (start, mapped) in process.space.iter() {
                add_module(objects, &mut modules, *start, *mapped);
            }
            Rc::new(modules)
        }));
        let space = Rc::clone(&process.space);
        let key = (sample.tid, process.image);
        let mut is_code = |address| find(&space, address).is_some();
        let ending = self.walker.walk(&modules, &mut is_code, sample, &mut self.stack);
        for address in &mut self.stack {
            // A return address may be the first one behind its mapping.
            if let Some((start, mapped)) = find(&space, *address) {
                *address = objects.address(mapped.object, &(start..mapped.end), mapped.offset, *address);
            }
        }
        let process_name = Rc::clone(&process.name);
        let threads = &self.threads;
        self.recording.add(key, sample.time, &self.stack, ending, |tid| {
            let thread = threads.get(&tid).map_or("", |(_, name)| &**name);
            if thread.is_empty() || *thread == *process_name {
                process_name.as_ref().to_owned()
            } else {
                format!("{process_name}/{thread}")
            }
        });
        if !self.names.contains_key(&key) {
            self.note(sample.tid);
        }
    }
}

fn find(space: &Space, address: u64) -> Option<(u64, Mapped)> {
    let (start, mapped) = space.range(..=address).next_back()?;
    (address < mapped.end).then_some((*start, *mapped))
}

fn add_module(objects: &mut Objects, modules: &mut Modules, start: u64, mapped: Mapped) {
    let path = objects.path(mapped.object).to_owned();
    let Some(loaded) = objects.load(mapped.object) else { return };
    let range = start..mapped.end;
    if let Some(bias) = loaded.bias(&range, mapped.offset) {
        modules.add_module(loaded.tables.module(&path, range, bias));
    }
}

/// The number of different processes in a list of activities.
pub(super) fn count(activity: &[Activity]) -> usize {
    activity.iter().map(|one| one.pid).collect::<HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perf::FileId;
    use crate::sample::Registers;

    fn exec(processes: &mut Processes, pid: i32, name: &[u8]) {
        processes.take(Record::Name { pid, tid: pid, time: 10, exec: true, name });
    }

    fn map(processes: &mut Processes, pid: i32, start: u64, path: &[u8]) {
        let file = FileId::default();
        processes.take(Record::Map { pid, time: 11, start, len: 0x1000, offset: 0, file, path });
    }

    /// The stack of a sample of one address.
    fn sample(processes: &mut Processes, pid: i32, tid: i32, ip: u64) -> Vec<u64> {
        let registers = Registers { ip, ..Registers::default() };
        let sample = RawSample { tid, time: 12, registers, window: &[], chain: &[] };
        processes.take(Record::Sample { pid, sample: &sample });
        processes.stack.clone()
    }

    #[test]
    fn a_child_has_what_its_parent_had_mapped_and_an_exec_ends_that() {
        let mut processes = Processes::new();
        exec(&mut processes, 7, b"make");
        map(&mut processes, 7, 0x1000, b"/no/such/make");
        processes.take(Record::Fork { pid: 8, parent: 7, tid: 8, by: 7, time: 12 });
        let in_parent = sample(&mut processes, 7, 7, 0x1010);
        assert_eq!(sample(&mut processes, 8, 8, 0x1010), in_parent);
        assert_ne!(in_parent, [0x1010], "it has a place in its object");
        exec(&mut processes, 8, b"cc");
        assert_eq!(sample(&mut processes, 8, 8, 0x1010), [0x1010], "nothing is there any more");
        map(&mut processes, 8, 0x1800, b"/no/such/cc");
        let in_cc = sample(&mut processes, 8, 8, 0x1810);
        // Mapped over the end of another.
        map(&mut processes, 7, 0x1800, b"/no/such/cc");
        assert_eq!(sample(&mut processes, 7, 7, 0x1810), in_cc);
        let finished = processes.finish(0);
        let (_, threads) = finished.recording.into_parts();
        let names: Vec<_> = threads.iter().map(|(key, thread)| (*key, thread.name.as_str())).collect();
        assert_eq!(names, [((7, 0), "make"), ((8, 0), "make"), ((8, 1), "cc")]);
        assert_eq!(finished.processes, 2);
    }

    #[test]
    fn a_process_outlives_its_first_thread_and_not_its_last() {
        let mut processes = Processes::new();
        exec(&mut processes, 7, b"pool");
        map(&mut processes, 7, 0x1000, b"/no/such/pool");
        processes.take(Record::Fork { pid: 7, parent: 7, tid: 9, by: 7, time: 12 });
        processes.take(Record::Name { pid: 7, tid: 9, time: 12, exec: false, name: b"worker" });
        let before = sample(&mut processes, 7, 9, 0x1010);
        processes.take(Record::Exit { tid: 7, time: 13 });
        assert_eq!(sample(&mut processes, 7, 9, 0x1010), before);
        processes.take(Record::Exit { tid: 9, time: 14 });
        assert!(processes.living.is_empty());
        let finished = processes.finish(3);
        assert!(
            finished.activity.is_err_and(|reason| reason.starts_with("3 records of the kernel were lost"))
        );
        let (_, threads) = finished.recording.into_parts();
        assert_eq!(threads[&(9, 0)].name, "pool/worker");
    }
}
