//! Bank conflicts of workgroup memory, for 32 banks of 4 bytes. Invocations run one after another,
//! so each one's accesses between two barriers are noted; the n-th accesses of a subgroup's
//! invocations are compared if they are the same load or store. Atomics are not counted.

use crate::interpret::code::Code;

/// Banks of workgroup memory.
const BANKS: usize = 32;

/// The accesses since the last barrier.
pub(super) struct Banks {
    /// Site and first word of each access, per invocation.
    accesses: Vec<Vec<(u16, u32)>>,
    /// Words of each cell from the beginning of workgroup memory.
    words: Vec<u32>,
    subgroup_size: usize,
    /// Additional accesses because of conflicts.
    pub(super) conflicts: u64,
}

impl Banks {
    pub(super) fn new(code: &Code, subgroup_size: u32) -> Self {
        let mut words = vec![0; code.shared_cells as usize];
        let mut start = 0;
        for variable in &code.shared {
            let mut cell = variable.offset as usize;
            variable.ty.leaves(0, 0, &mut |byte, _| {
                words[cell] = start + (byte / 4) as u32;
                cell += 1;
            });
            // Variables begin at multiples of 16 bytes.
            start += variable.ty.least_bytes().next_multiple_of(16) as u32 / 4;
        }
        let accesses = Vec::new();
        Self { accesses, words, subgroup_size: subgroup_size as usize, conflicts: 0 }
    }

    /// Notes an access.
    pub(super) fn add(&mut self, lane: u32, site: u16, cell: usize) {
        let lane = lane as usize;
        if self.accesses.len() <= lane {
            self.accesses.resize(lane + 1, Vec::new());
        }
        self.accesses[lane].push((site, self.words[cell]));
    }

    /// Counts the conflicts of the accesses since the last call.
    pub(super) fn finish(&mut self, lanes: usize) {
        self.accesses.resize(lanes, Vec::new());
        for group in self.accesses.chunks(self.subgroup_size) {
            let longest = group.iter().map(Vec::len).max().unwrap_or(0);
            for i in 0..longest {
                let mut sites: Vec<_> =
                    group.iter().filter_map(|lane| lane.get(i).copied()).collect();
                sites.sort_unstable();
                sites.dedup();
                self.conflicts +=
                    sites.chunk_by(|a, b| a.0 == b.0).map(|same| serial(same) - 1).sum::<u64>();
            }
        }
        self.accesses.iter_mut().for_each(Vec::clear);
    }
}

/// Accesses that one bank serves one after another: the most different words in a bank.
fn serial(accesses: &[(u16, u32)]) -> u64 {
    let mut words = [0; BANKS];
    accesses.iter().for_each(|&(_, word)| words[word as usize % BANKS] += 1);
    words.into_iter().max().unwrap_or(1).max(1)
}
