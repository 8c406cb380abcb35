//! Contexts as they were written last: most events are of a process of which the same was told before.

use super::context;
use crate::enrich::context::{Context, Version};
use crate::store::term::Terms;

/// Contexts that are kept. Each has the place that its version gives it, so that the newest ones are kept, and what is
/// told for long comes back into its place with its next event.
const KEPT_MAX: u64 = 1024;
/// Bytes of a context that is kept, as it is written; its terms, of which the parent's program makes two, have at most
/// twice as many. A longer one is written anew each time.
const KEPT_BYTES_MAX: usize = 2048;

/// Writes contexts. Holds at most 3 × [`KEPT_MAX`] × [`KEPT_BYTES_MAX`] bytes, which is 6 MiB.
#[derive(Default)]
pub(super) struct Contexts {
    /// By the version modulo [`KEPT_MAX`]; grows up to this many.
    kept: Vec<Kept>,
    /// Buffers.
    terms: Terms,
    scratch: Vec<u8>,
}

/// One as it was written, with its terms.
#[derive(Default)]
struct Kept {
    version: Option<Version>,
    bytes: Box<[u8]>,
    terms: Terms,
}

impl Contexts {
    /// Writes the member with a comma before it, or nothing where nothing is told, and adds its terms.
    pub(super) fn write(
        &mut self,
        context: &Context,
        version: Version,
        out: &mut Vec<u8>,
        terms: &mut Terms,
    ) {
        let place = usize::try_from(version.number() % KEPT_MAX).expect("it is below the limit");
        if let Some(kept) = self.kept.get(place).filter(|kept| kept.version == Some(version)) {
            out.extend_from_slice(&kept.bytes);
            terms.append(&kept.terms);
            return;
        }
        let start = out.len();
        context::write(context, out);
        self.terms.clear();
        context::index(context, &mut self.scratch, &mut self.terms);
        terms.append(&self.terms);
        let written = out.get(start..).unwrap_or_default();
        if written.len() > KEPT_BYTES_MAX || version == Version::ONCE {
            return;
        }
        if self.kept.len() <= place {
            self.kept.resize_with(place + 1, Kept::default);
        }
        if let Some(kept) = self.kept.get_mut(place) {
            *kept = Kept { version: Some(version), bytes: written.into(), terms: self.terms.clone() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_written_as_if_anew() {
        let told = |number: usize| Context {
            script: (!number.is_multiple_of(3)).then(|| format!("/opt/{number}").into_bytes().into()),
            // The tenth is longer than one that is kept.
            unit: Some(vec![b'u'; number % 10 * KEPT_BYTES_MAX / 9].into()),
            ..Context::default()
        };
        let all: Vec<(Context, Version)> =
            (0..1500).map(|number| (told(number), Version::unique())).collect();
        let mut contexts = Contexts::default();
        // Each twice in turn, and all of them again; some have each other's place.
        for (context, version) in all.iter().flat_map(|one| [one, one]).chain(&all) {
            let (mut expected, mut expected_terms) = (b"{".to_vec(), Terms::default());
            context::write(context, &mut expected);
            expected_terms.add(0, b"x");
            let (mut line, mut terms) = (b"{".to_vec(), expected_terms.clone());
            context::index(context, &mut Vec::new(), &mut expected_terms);
            contexts.write(context, *version, &mut line, &mut terms);
            assert_eq!((line, terms), (expected, expected_terms));
        }
        assert!(contexts.kept.len() <= usize::try_from(KEPT_MAX).expect("small"));
        assert!(contexts.kept.iter().all(|kept| kept.bytes.len() <= KEPT_BYTES_MAX));
    }
}
