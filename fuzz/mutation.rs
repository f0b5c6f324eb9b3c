//! Inputs, and the changes that are made to them.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Most changes to one input.
const MAX_EDITS: usize = 6;
/// Longest piece that is removed, repeated or replaced, in bytes.
const MAX_PIECE: usize = 48;
/// Most repetitions of a piece.
const MAX_REPETITIONS: usize = 40;

/// An input of `N` parts. It is shown as it could stand in a table of seeds.
#[derive(Clone)]
pub(crate) struct Input<const N: usize>([Vec<u8>; N]);

impl<const N: usize> Input<N> {
    pub(crate) fn parts(&self) -> [&[u8]; N] {
        self.0.each_ref().map(Vec::as_slice)
    }

    pub(crate) fn longest_part(&self) -> usize {
        self.0.iter().map(Vec::len).max().unwrap_or(0)
    }
}

impl<const N: usize, S: AsRef<[u8]>> From<&[S; N]> for Input<N> {
    fn from(parts: &[S; N]) -> Self {
        Self(parts.each_ref().map(|part| part.as_ref().to_vec()))
    }
}

impl<const N: usize> fmt::Debug for Input<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.each_ref().map(|part| match std::str::from_utf8(part) {
            Ok(text) => format!("{text:?}"),
            Err(_) => format!("b\"{}\"", part.escape_ascii()),
        });
        write!(f, "[{}]", parts.join(", "))
    }
}

/// One change to one part.
#[derive(Clone, Debug)]
enum Edit {
    FlipBit(u8),
    Put(u8),
    Insert(u8),
    Remove,
    Truncate,
    Repeat(usize),
    SwapCase,
    PercentEncode,
    CharacterReference,
    InsertToken(Index),
    ReplaceByToken(Index),
    /// A piece of the same part of another input takes the place of a piece.
    Splice {
        from: Index,
        start: Index,
    },
}

/// Where an edit applies: at a place in all parts together, so that long parts are changed more.
#[derive(Clone, Debug)]
struct Place {
    at: Index,
    length: usize,
}

impl Place {
    /// The part, and the place in it. Each part has one place more than bytes: behind the last.
    fn find<const N: usize>(&self, input: &Input<N>) -> (usize, usize) {
        let mut at = self.at.index(input.0.iter().map(|part| part.len() + 1).sum());
        for (number, part) in input.0.iter().enumerate() {
            if at <= part.len() {
                return (number, at);
            }
            at -= part.len() + 1;
        }
        unreachable!("the place is within the parts")
    }
}

/// Inputs of the corpus, changed.
pub(crate) fn changed<const N: usize, S: AsRef<[u8]> + Copy + 'static>(
    corpus: &[Input<N>],
    tokens: &[S],
) -> impl Strategy<Value = Input<N>> + use<N, S> {
    let (corpus, tokens) = (corpus.to_vec(), tokens.to_vec());
    let edits = vec((place(), edit()), 0..=MAX_EDITS);
    (any::<Index>(), edits).prop_map(move |(base, edits)| {
        let mut input = base.get(&corpus).clone();
        for (place, edit) in edits {
            let (part, at) = place.find(&input);
            let other = |from: Index| from.get(&corpus).0[part].as_slice();
            edit.apply(&mut input.0[part], at, place.length, &tokens, &other);
        }
        input
    })
}

fn place() -> impl Strategy<Value = Place> {
    (any::<Index>(), 1..=MAX_PIECE).prop_map(|(at, length)| Place { at, length })
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        1 => (0..8_u8).prop_map(Edit::FlipBit),
        1 => any::<u8>().prop_map(Edit::Put),
        1 => any::<u8>().prop_map(Edit::Insert),
        2 => Just(Edit::Remove),
        1 => Just(Edit::Truncate),
        1 => (1..=MAX_REPETITIONS).prop_map(Edit::Repeat),
        1 => Just(Edit::SwapCase),
        1 => Just(Edit::PercentEncode),
        1 => Just(Edit::CharacterReference),
        4 => any::<Index>().prop_map(Edit::InsertToken),
        3 => any::<Index>().prop_map(Edit::ReplaceByToken),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(from, start)| Edit::Splice { from, start }),
    ]
}

impl Edit {
    fn apply<'a, S: AsRef<[u8]>>(
        &self,
        part: &mut Vec<u8>,
        at: usize,
        length: usize,
        tokens: &[S],
        other: &dyn Fn(Index) -> &'a [u8],
    ) {
        let piece = at..(at + length).min(part.len());
        let byte = part.get(at).copied();
        match *self {
            Self::FlipBit(bit) => {
                if let Some(byte) = part.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Put(value) => {
                if let Some(byte) = part.get_mut(at) {
                    *byte = value;
                }
            }
            Self::Insert(value) => part.insert(at, value),
            Self::Remove => drop(part.drain(piece)),
            Self::Truncate => part.truncate(at),
            Self::Repeat(times) => {
                let repeated = part[piece].repeat(times);
                part.splice(at..at, repeated);
            }
            Self::SwapCase => {
                for byte in &mut part[piece] {
                    if byte.is_ascii_alphabetic() {
                        *byte ^= 0x20;
                    }
                }
            }
            Self::PercentEncode => {
                if let Some(byte) = byte {
                    part.splice(at..=at, format!("%{byte:02X}").into_bytes());
                }
            }
            Self::CharacterReference => {
                if let Some(byte) = byte {
                    part.splice(at..=at, format!("&#{byte};").into_bytes());
                }
            }
            Self::InsertToken(token) => drop(part.splice(at..at, token.get(tokens).as_ref().iter().copied())),
            Self::ReplaceByToken(token) => {
                drop(part.splice(piece, token.get(tokens).as_ref().iter().copied()))
            }
            Self::Splice { from, start } => {
                let other = other(from);
                let start = start.index(other.len() + 1);
                let end = (start + length).min(other.len());
                part.splice(piece, other[start..end].iter().copied());
            }
        }
    }
}
