//! Whose task is begun next: a pure choice between organizations.
//!
//! The organization with the fewest running runs goes first, and of equals the one that was served longest ago. One that
//! already has its share of the slots never takes the last free one while others are about: what comes from a small
//! organization finds a place at once, however much a large one has asked for.

use domain::TenantId;

/// An organization, as far as the choice goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub tenant: TenantId,
    /// Runs of it that are under way.
    pub running: usize,
    /// When a run of it was last begun, as a number that only grows; 0 for never.
    pub served: u64,
    /// Whether a task of it could be begun now.
    pub waits: bool,
    /// Whether it asked for something lately: more may come at any moment.
    pub recent: bool,
}

/// How many runs there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// Of all organizations together.
    pub all: usize,
    /// Of each organization; none: only [`Slots::all`] bounds it.
    pub per_tenant: Option<usize>,
}

/// The organization whose task is begun next; `None` when all have to wait.
#[must_use]
pub fn choose(standing: &[Standing], slots: Slots) -> Option<TenantId> {
    let running: usize = standing.iter().map(|s| s.running).sum();
    let free = slots.all.saturating_sub(running);
    if free == 0 {
        return None;
    }
    let about = standing.iter().filter(|s| s.waits || s.recent || s.running > 0).count();
    let share = (slots.all / about.max(1)).max(1);
    let may = |s: &&Standing| {
        let bound = s.running < slots.per_tenant.unwrap_or(usize::MAX);
        let keeps_one_free = about < 2 || free > 1 || s.running < share;
        s.waits && bound && keeps_one_free
    };
    standing.iter().filter(may).min_by_key(|s| (s.running, s.served)).map(|s| s.tenant)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks that it takes from the choice to a run that works; the least that anybody waits.
    const START: u64 = 2;

    fn tenant(n: u8) -> TenantId {
        TenantId::from_bytes([n; 16])
    }

    fn standing(of: &[(u8, usize, u64, bool)]) -> Vec<Standing> {
        of.iter()
            .map(|&(n, running, served, waits)| Standing {
                tenant: tenant(n),
                running,
                served,
                waits,
                recent: false,
            })
            .collect()
    }

    #[test]
    fn the_fewest_running_goes_first_then_the_longest_unserved() {
        let slots = |all| Slots { all, per_tenant: None };
        let cases = [
            ("nobody waits", standing(&[(1, 0, 0, false)]), slots(4), None),
            ("all are taken", standing(&[(1, 4, 0, true)]), slots(4), None),
            ("alone, it takes all", standing(&[(1, 3, 0, true)]), slots(4), Some(1)),
            ("the fewest", standing(&[(1, 2, 1, true), (2, 1, 9, true)]), slots(4), Some(2)),
            ("the longest unserved", standing(&[(1, 1, 5, true), (2, 1, 3, true)]), slots(4), Some(2)),
            (
                "the last is kept",
                standing(&[(1, 3, 5, true), (2, 0, 3, false), (3, 0, 0, false)]),
                slots(4),
                Some(1),
            ),
            (
                "the last is kept where another is at work",
                standing(&[(1, 2, 5, true), (2, 1, 3, false)]),
                slots(4),
                None,
            ),
            (
                "the share may be taken to the last",
                standing(&[(1, 1, 5, true), (2, 2, 3, false)]),
                slots(4),
                Some(1),
            ),
            ("one slot goes round", standing(&[(1, 0, 5, true), (2, 0, 3, true)]), slots(1), Some(2)),
            (
                "each has its bound",
                standing(&[(1, 1, 0, true), (2, 2, 0, true)]),
                Slots { all: 8, per_tenant: Some(1) },
                None,
            ),
        ];
        for (name, standing, slots, want) in cases {
            assert_eq!(choose(&standing, slots), want.map(tenant), "{name}");
        }
    }

    /// Numbers between 0 and 1 that are the same in every test.
    struct Draws(u64);

    impl Draws {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(self.0 >> 33).expect("31 bits")) / f64::from(1u32 << 31)
        }
    }

    #[derive(Clone, Copy)]
    struct Task {
        who: usize,
        asked: u64,
        lasts: u64,
    }

    /// Lets a day of tasks pass by; how long each of an organization's waited until its run worked.
    fn simulate(slots: usize, mut coming: Vec<Task>) -> [Vec<u64>; 2] {
        coming.sort_by_key(|t| t.asked);
        let (mut queues, mut running) = ([Vec::new(), Vec::new()], Vec::<(usize, u64)>::new());
        let (mut waits, mut served, mut count) = ([Vec::new(), Vec::new()], [0, 0], 0);
        let mut coming = coming.into_iter().peekable();
        let mut now = 0;
        while coming.peek().is_some() || queues.iter().any(|q| !q.is_empty()) {
            running.retain(|(_, until)| *until > now);
            while let Some(task) = coming.next_if(|t| t.asked <= now) {
                queues[task.who].push(task);
            }
            loop {
                let of = |who: usize| Standing {
                    tenant: tenant(u8::try_from(who).expect("two")),
                    running: running.iter().filter(|(w, _)| *w == who).count(),
                    served: served[who],
                    waits: !queues[who].is_empty(),
                    recent: served[who] > 0,
                };
                let Some(chosen) = choose(&[of(0), of(1)], Slots { all: slots, per_tenant: None }) else {
                    break;
                };
                let who = usize::from(chosen == tenant(1));
                let task = queues[who].remove(0);
                count += 1;
                served[who] = count;
                waits[who].push(now - task.asked + START);
                running.push((who, now + START + task.lasts));
            }
            now += 1;
        }
        waits
    }

    fn p95(waits: &[u64]) -> u64 {
        let mut sorted = waits.to_vec();
        sorted.sort_unstable();
        sorted[sorted.len() * 95 / 100]
    }

    #[test]
    fn a_small_organization_waits_as_if_it_were_alone_beside_one_that_asks_ten_times_as_much() {
        for (seed, slots) in [(1, 2), (2, 4), (3, 8), (4, 16)] {
            let mut draws = Draws(seed);
            // The small one asks one after the other, as a person does; the large one more than all slots can do.
            let mut small: Vec<Task> = Vec::new();
            for _ in 0..200 {
                let lasts = 20 + (draws.next() * 60.0) as u64;
                let before = small.last().map_or(50, |t| t.asked + t.lasts);
                small.push(Task { who: 0, asked: before + 20 + (draws.next() * 100.0) as u64, lasts });
            }
            let end = small.last().expect("200 tasks").asked;
            let large: Vec<Task> = (0..2_000)
                .map(|_| Task {
                    who: 1,
                    asked: (draws.next() * end as f64) as u64,
                    lasts: 20 + (draws.next() * 60.0) as u64,
                })
                .collect();
            let idle = simulate(slots, small.clone());
            let loaded = simulate(slots, small.into_iter().chain(large).collect());
            let (idle, loaded, other) = (p95(&idle[0]), p95(&loaded[0]), loaded[1].len());
            assert!(loaded < 2 * idle, "{slots} slots: p95 is {loaded} ticks, idle {idle}");
            assert_eq!(other, 2_000, "{slots} slots: the large one is served to the end too");
        }
    }

    #[test]
    fn nobody_starves_among_a_hundred_that_ask_at_once() {
        let all: Vec<Task> =
            (0..100u64).map(|n| Task { who: usize::from(n >= 10), asked: 0, lasts: 10 + n % 7 }).collect();
        let [small, large] = simulate(4, all);
        assert_eq!((small.len(), large.len()), (10, 90));
        let last = |waits: &[u64]| waits.iter().copied().max().expect("some");
        // Half of the slots are its own: it is done after five rounds, the other one after all.
        assert!(last(&small) < 7 * 18, "{}", last(&small));
        assert!(last(&large) < 100 * 18 / 2, "{}", last(&large));
    }
}
