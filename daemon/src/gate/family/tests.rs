use proptest::prelude::*;

use super::*;
use crate::record::{Key, Owner};

/// Two caches, the objects of the second of which speak for what they own.
const CACHES: usize = 2;
const NAMES: usize = 6;

fn place(number: usize) -> Place {
    (number % CACHES, Key::new("n", format!("o{}", number / CACHES)))
}

fn seen(number: usize, life: u8, owners: &[(usize, u8)]) -> Seen {
    let uid = |number: usize, life: u8| Uid::from(&*format!("{number}-{life}"));
    let owner = |(number, life): &(usize, u8)| Owner {
        uid: uid(*number, *life),
        kind: "Kind".into(),
        name: "name".into(),
        controller: false,
    };
    let owners = owners.iter().map(owner).collect();
    Seen::plain(Arc::new(Record { uid: uid(number, life), owners, ..Record::bare(place(number).1) }))
}

fn family() -> Family {
    Family::new(Targets::Named([(place(0), None)].into()), vec![false, true])
}

/// Who is of the family, found out from nothing.
fn found_out(there: &BTreeMap<Place, Seen>, family: &Family) -> BTreeSet<Place> {
    let mut members = BTreeSet::new();
    loop {
        let heads: Vec<_> =
            members.iter().filter(|place: &&Place| place.0 == 0).map(|p| there[p].record.uid.clone()).collect();
        let is_owned = |record: &Record| record.owners.iter().any(|owner| heads.contains(&owner.uid));
        let next: BTreeSet<_> = there
            .iter()
            .filter(|(place, seen)| family.targets().have(place, &seen.record) || is_owned(&seen.record))
            .map(|(place, _)| place.clone())
            .collect();
        if next == members {
            return members;
        }
        members = next;
    }
}

proptest! {
    #[test]
    fn in_whatever_order_things_come_the_family_is_the_same(
        steps in prop::collection::vec(
            (0..CACHES * NAMES, prop::option::weighted(0.8, 0..2u8), prop::collection::vec((0..CACHES * NAMES, 0..2u8), 0..3)),
            1..60,
        ),
    ) {
        let (mut family, mut there, mut told) = (family(), BTreeMap::new(), BTreeSet::new());
        for (number, life, owners) in steps {
            let now = life.map(|life| seen(number, life, &owners));
            match &now {
                Some(seen) => _ = there.insert(place(number), seen.clone()),
                None => _ = there.remove(&place(number)),
            }
            let moves = family.learn(&place(number), now);
            for left in &moves.left {
                prop_assert!(told.remove(left), "{left:?} was not there");
            }
            for joined in moves.joined {
                prop_assert!(told.insert(joined.clone()), "{joined:?} was there");
            }
            prop_assert_eq!(&told, &found_out(&there, &family));
            prop_assert_eq!(&told, &family.members);
        }
    }
}

#[test]
fn what_comes_before_its_owner_joins_with_it() {
    let mut family = family();
    // 2 is owned by 0, and owns 4 and 1; what 1 owns it speaks for.
    for (number, owner) in [(3, 1), (4, 2), (1, 2), (2, 0)] {
        assert_eq!(family.learn(&place(number), Some(seen(number, 0, &[(owner, 0)]))), Moves::default());
    }
    let moves = family.learn(&place(0), Some(seen(0, 0, &[])));
    assert_eq!(moves.joined.into_iter().collect::<BTreeSet<_>>(), [place(0), place(1), place(2), place(4)].into());
    let moves = family.learn(&place(2), None);
    assert_eq!(moves.left.into_iter().collect::<BTreeSet<_>>(), [place(1), place(2), place(4)].into());
    assert!(family.asks_for(&place(0)) && !family.asks_for(&place(4)));
}

#[test]
fn an_object_of_another_uid_owns_nothing_of_the_first_ones() {
    let mut family = family();
    family.learn(&place(0), Some(seen(0, 0, &[])));
    family.learn(&place(2), Some(seen(2, 0, &[(0, 0)])));
    let moves = family.learn(&place(0), Some(seen(0, 1, &[])));
    assert_eq!(moves, Moves { joined: vec![], left: vec![place(2)] });
}
