use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// The caller's side: counters by key.
#[derive(Default)]
struct Door {
    pairs: HashMap<(u8, u8), Failures>,
    addresses: HashMap<u8, Failures>,
    accounts: HashMap<u8, Failures>,
    devices: HashMap<u8, Failures>,
}

impl Door {
    fn attempt(&self, account: u8, address: u8, known_device: bool) -> Attempt {
        let get = |found: Option<&Failures>| found.copied().unwrap_or_default();
        Attempt {
            pair: get(self.pairs.get(&(account, address))),
            address: get(self.addresses.get(&address)),
            account: get(self.accounts.get(&account)),
            device: known_device.then(|| get(self.devices.get(&account))),
        }
    }

    fn store(&mut self, account: u8, address: u8, after: Attempt) {
        self.pairs.insert((account, address), after.pair);
        self.addresses.insert(address, after.address);
        self.accounts.insert(account, after.account);
        if let Some(device) = after.device {
            self.devices.insert(account, device);
        }
    }

    /// A wrong password, if it is looked at; whether it was.
    fn guess(&mut self, account: u8, address: u8, now: Timestamp) -> bool {
        let attempt = self.attempt(account, address, false);
        let open = attempt.gate(now) == Gate::Open;
        if open {
            self.store(account, address, attempt.failed(now));
        }
        open
    }
}

proptest! {
    /// Addresses 0 to 9 are attackers', 200 is a person's; the account is the person's or others'.
    #[test]
    fn nobody_can_lock_somebody_else_out(
        guesses in prop::collection::vec((0u8..3, 0u8..10, 0i64..120), 0..800),
    ) {
        let (mut door, mut now) = (Door::default(), 0);
        for (account, address, seconds) in guesses {
            now += seconds * SECOND;
            door.guess(account, address, at(now));
        }
        // from an address that has not failed, and from a known browser wherever it is
        prop_assert_eq!(door.attempt(0, 200, false).gate(at(now)), Gate::Open);
        for address in 0..10 {
            prop_assert_eq!(door.attempt(0, address, true).gate(at(now)), Gate::Open);
        }
    }

    #[test]
    fn no_pause_is_longer_than_the_longest_and_it_ends(
        steps in prop::collection::vec(0i64..1000, 1..300), jump in -100_000i64..100_000,
    ) {
        let (mut door, mut now) = (Door::default(), 1_000_000 * SECOND);
        for seconds in steps {
            now += seconds * SECOND;
            door.guess(0, 0, at(now));
        }
        let seen = now + jump * SECOND; // a clock may jump, also back
        if let Gate::Wait(pause) = door.attempt(0, 0, false).gate(at(seen)) {
            prop_assert!(pause <= LONGEST_PAUSE);
            let later = at(seen.max(now)).plus(LONGEST_PAUSE);
            prop_assert_eq!(door.attempt(0, 0, false).gate(later), Gate::Open);
        }
    }
}

/// Guesses that are looked at in a day when somebody tries each second.
fn guesses_in_a_day(addresses: u8, accounts: u8) -> usize {
    let mut door = Door::default();
    (0..86_400i64)
        .filter(|second| {
            let address = u8::try_from(second % i64::from(addresses)).expect("small");
            let account = u8::try_from(second / i64::from(addresses) % i64::from(accounts)).expect("small");
            door.guess(account, address, at(second * SECOND))
        })
        .count()
}

#[test]
fn guessing_is_slow() {
    let one = guesses_in_a_day(1, 1);
    assert!(one <= 250, "one address, one account: {one} guesses a day");
    let sprayed = guesses_in_a_day(1, 200);
    assert!(sprayed <= 600, "one address, many accounts: {sprayed} guesses a day");
    let many = guesses_in_a_day(100, 1);
    assert!(many <= 100 * 250, "a hundred addresses, one account: {many} guesses a day");
}

#[test]
fn pauses_double_and_an_attack_takes_the_free_tries() {
    let pauses = |account: Failures| -> Vec<u64> {
        let mut attempt = Attempt { account, ..Attempt::default() };
        (0..8)
            .map(|_| {
                attempt = attempt.failed(at(0));
                match attempt.gate(at(0)) {
                    Gate::Open => 0,
                    Gate::Wait(pause) => pause.as_secs(),
                }
            })
            .collect()
    };
    assert_eq!(pauses(Failures::default()), [0, 0, 0, 0, 1, 2, 4, 8]);
    let attacked = (0..50).fold(Failures::default(), |failures, _| failures.failed(at(0)));
    assert_eq!(pauses(attacked), [1, 2, 4, 8, 16, 32, 64, 128]);
}

#[test]
fn success_forgives_the_pair_but_not_the_address() {
    let failed = (0..30).fold(Attempt::default(), |attempt, _| attempt.failed(at(0)));
    let after = failed.succeeded();
    assert_eq!(
        (after.pair, after.address, after.account),
        (Failures::default(), failed.address, failed.account)
    );
    assert!(failed.address.is_forgotten(at(0).plus(HALF_LIFE * 5)) && !failed.address.is_forgotten(at(0)));
    let text = serde_json::to_string(&failed.pair).expect("plain numbers");
    assert_eq!(serde_json::from_str::<Failures>(&text).expect("our own text"), failed.pair);
}

#[test]
fn addresses_of_one_customer_are_one_key() {
    for (address, key) in [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
    ] {
        assert_eq!(address_key(address.parse().expect("an address")), key);
    }
}
