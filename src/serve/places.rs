//! Places that callers take one by one and give back: how many, for whom.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::access::{Peer, Standing};
use super::limits::Shares;

/// The places for one thing.
#[derive(Clone, Debug)]
pub(super) struct Places {
    shares: Shares,
    taken: Arc<Mutex<Taken>>,
}

/// What is taken. No more users are in the map than there are places for members.
#[derive(Debug, Default)]
struct Taken {
    trusted: usize,
    members: usize,
    strangers: usize,
    by_uid: HashMap<u32, usize>,
}

/// A place that is taken until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Places,
    standing: Standing,
    uid: u32,
}

impl Places {
    pub(super) fn new(shares: Shares) -> Places {
        Places { shares, taken: Arc::default() }
    }

    /// A place for a caller, if there is one.
    pub(super) fn take(&self, peer: &Peer) -> Option<Place> {
        let (standing, uid) = (peer.standing(), peer.uid);
        let mut taken = self.taken();
        let (count, most) = match standing {
            Standing::Trusted => (&mut taken.trusted, self.shares.trusted),
            Standing::Member => (&mut taken.members, self.shares.members),
            Standing::Stranger => (&mut taken.strangers, self.shares.strangers),
        };
        if *count >= most {
            return None;
        }
        *count += 1;
        if standing == Standing::Member {
            let own = taken.by_uid.entry(uid).or_default();
            if *own >= self.shares.per_uid {
                taken.members -= 1;
                return None;
            }
            *own += 1;
        }
        drop(taken);
        Some(Place { of: self.clone(), standing, uid })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        match self.standing {
            Standing::Trusted => taken.trusted -= 1,
            Standing::Stranger => taken.strangers -= 1,
            Standing::Member => {
                taken.members -= 1;
                if let Some(own) = taken.by_uid.get_mut(&self.uid) {
                    *own -= 1;
                    if *own == 0 {
                        taken.by_uid.remove(&self.uid);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::access::Rights;
    use super::super::limits::Limits;
    use super::*;
    use crate::protocol::limits as named;

    const SHARES: Shares = Shares { trusted: 2, members: 3, per_uid: 2, strangers: 1 };

    /// Places are taken in the order of `uids` and kept; `expected` says who gets one.
    fn check(rights: Rights, trusted: bool, uids: &[u32], expected: &[bool]) {
        let places = Places::new(SHARES);
        let take = || -> Vec<Option<Place>> {
            uids.iter().map(|&uid| places.take(&Peer { uid, trusted, rights, ..Peer::default() })).collect()
        };
        let found = take();
        assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), expected, "{uids:?}");
        drop(found);
        assert!(places.taken().by_uid.is_empty());
        assert_eq!(take().iter().map(Option::is_some).collect::<Vec<_>>(), expected, "given back: {uids:?}");
    }

    #[test]
    fn nobody_takes_the_places_of_another_kind_or_more_than_a_share() {
        let reader = Rights { read: true, ..Rights::default() };
        check(reader, false, &[7, 7, 7, 8, 9], &[true, true, false, true, false]);
        check(Rights::default(), false, &[7, 8], &[true, false]);
        check(Rights::ALL, true, &[0, 0, 0], &[true, true, false]);
        let places = Places::new(SHARES);
        let strangers: Vec<_> = (0..10).map(|uid| places.take(&Peer { uid, ..Peer::default() })).collect();
        assert_eq!(strangers.iter().flatten().count(), 1);
        assert!(places.take(&Peer { uid: 5, rights: reader, ..Peer::default() }).is_some());
        assert!(places.take(&Peer { trusted: true, rights: Rights::ALL, ..Peer::default() }).is_some());
    }

    /// How many places of `shares` callers get that are all of one kind, and one user or many.
    fn most(shares: Shares, rights: Rights, trusted: bool, is_one: bool) -> usize {
        let places = Places::new(shares);
        let peer = |uid| Peer { uid: if is_one { 7 } else { uid }, trusted, rights, ..Peer::default() };
        let taken: Vec<Place> = (0..1000).map_while(|uid| places.take(&peer(uid))).collect();
        taken.len()
    }

    #[test]
    fn without_other_limits_there_are_as_many_places_as_are_named() {
        let Limits { connections, searches, streams, .. } = Limits::default();
        let reader = Rights { read: true, ..Rights::default() };
        for (shares, expected) in [
            (
                connections,
                [
                    named::CONNECTIONS_TRUSTED_MAX,
                    named::CONNECTIONS_MEMBERS_MAX,
                    named::CONNECTIONS_PER_UID_MAX,
                    named::CONNECTIONS_STRANGERS_MAX,
                ],
            ),
            (
                searches,
                [named::SEARCHES_TRUSTED_MAX, named::SEARCHES_MEMBERS_MAX, named::SEARCHES_PER_UID_MAX, 0],
            ),
            (
                streams,
                [named::STREAMS_TRUSTED_MAX, named::STREAMS_MEMBERS_MAX, named::STREAMS_PER_UID_MAX, 0],
            ),
        ] {
            let found = [
                most(shares, Rights::ALL, true, true),
                most(shares, reader, false, false),
                most(shares, reader, false, true),
                most(shares, Rights::default(), false, false),
            ];
            assert_eq!(found, expected);
        }
    }
}
