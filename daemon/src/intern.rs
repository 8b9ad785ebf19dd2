//! Values that many objects share, kept once.

use std::hash::Hash;
use std::sync::Arc;

use foldhash::HashSet;

/// Keeps each value once, for as long as somebody holds it, or a little longer.
#[derive(Debug)]
pub struct Interner<T: ?Sized> {
    values: HashSet<Arc<T>>,
    /// With so many values those that nobody holds are let go.
    prune_at: usize,
}

impl<T: ?Sized> Default for Interner<T> {
    fn default() -> Self {
        Self { values: HashSet::default(), prune_at: Self::FEW }
    }
}

impl<T: ?Sized> Interner<T> {
    /// So many values are not worth looking through.
    const FEW: usize = 1024;
}

impl<T: ?Sized + Eq + Hash> Interner<T> {
    /// The one that equals `value`.
    pub fn get<V>(&mut self, value: V) -> Arc<T>
    where
        V: AsRef<T> + Into<Arc<T>>,
    {
        if let Some(known) = self.values.get(value.as_ref()) {
            return Arc::clone(known);
        }
        if self.values.len() >= self.prune_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.prune_at = (self.values.len() * 2).max(Self::FEW);
        }
        let value: Arc<T> = value.into();
        self.values.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_unused_ones_go() {
        let mut interner = Interner::<str>::default();
        let a = interner.get("a");
        assert!(Arc::ptr_eq(&a, &interner.get("a".to_owned())));
        for number in 0..10_000 {
            drop(interner.get(number.to_string()));
        }
        assert!(interner.values.len() <= Interner::<str>::FEW);
        assert!(Arc::ptr_eq(&a, &interner.get("a")));
    }
}
