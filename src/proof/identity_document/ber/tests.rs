use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn converted(ber: &[u8]) -> Vec<u8> {
    to_der(ber).unwrap()
}

#[test]
fn der_stays_as_it_is() {
    let der = [0x30, 0x09, 0x02, 0x01, 0x05, 0x31, 0x04, 0x04, 0x02, 0x00, 0xff];
    assert_eq!(converted(&der), der);
}

#[test]
fn indefinite_lengths_become_definite() {
    let ber = [0x30, 0x80, 0xa0, 0x80, 0x02, 0x01, 0x05, 0, 0, 0x05, 0x00, 0, 0];
    assert_eq!(converted(&ber), [0x30, 0x07, 0xa0, 0x03, 0x02, 0x01, 0x05, 0x05, 0x00]);
}

#[test]
fn lengths_become_minimal() {
    assert_eq!(converted(&[0x30, 0x81, 0x04, 0x02, 0x81, 0x01, 0x05]), [0x30, 0x03, 0x02, 0x01, 0x05]);
    assert_eq!(converted(&[&[0x04, 0x81, 0x80], [7; 128].as_slice()].concat())[..3], [0x04, 0x81, 0x80]);
}

#[test]
fn octet_strings_become_one_piece() {
    let pieces = [0x24, 0x80, 0x04, 0x01, 1, 0x24, 0x06, 0x04, 0x02, 2, 3, 0x04, 0x00, 0x04, 0x01, 4, 0, 0];
    assert_eq!(converted(&pieces), [0x04, 0x04, 1, 2, 3, 4]);
    assert_eq!(converted(&[0x24, 0x00]), [0x04, 0x00]);
}

#[test]
fn only_the_first_element_counts() {
    assert_eq!(converted(&[0x05, 0x00, 0xde, 0xad]), [0x05, 0x00]);
}

#[test]
fn malformed_input_is_named() {
    let cases: [(&[u8], BerError); 20] = [
        (&[], BerError::Empty),
        (&[0x30], BerError::Truncated),
        (&[0x04, 0x02, 0x00], BerError::Truncated),
        (&[0x30, 0x03, 0x04, 0x02, 0x00], BerError::Truncated),
        (&[0x04, 0x82, 0x01], BerError::Truncated),
        (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff], BerError::Truncated),
        (&[0x30, 0x80, 0x05, 0x00], BerError::Truncated),
        (&[0x30, 0x80, 0x05, 0x00, 0x00], BerError::UnexpectedEnd),
        (&[0x30, 0x03, 0x30, 0x80, 0x00, 0x00], BerError::UnexpectedEnd),
        (&[0x1f, 0x01, 0x00], BerError::LongTag),
        (&[0xbf, 0x20, 0x00], BerError::LongTag),
        (&[0x04, 0x85, 0, 0, 0, 0, 0], BerError::InvalidLength),
        (&[0x04, 0xff], BerError::InvalidLength),
        (&[0x04, 0x81, 0x00], BerError::InvalidLength),
        (&[0x04, 0x82, 0x00, 0x01, 0x00], BerError::InvalidLength),
        (&[0x04, 0x80, 0x00, 0x00], BerError::IndefinitePrimitive),
        (&[0x00, 0x00], BerError::UnexpectedEnd),
        (&[0x30, 0x02, 0x00, 0x00], BerError::UnexpectedEnd),
        (&[0x30, 0x80, 0x00, 0x01, 0x00], BerError::UnexpectedEnd),
        (&[0x24, 0x03, 0x02, 0x01, 0x00], BerError::ForeignPiece),
    ];
    for (input, error) in cases {
        assert_eq!(to_der(input), Err(error), "{input:02x?}");
    }
}

/// A NULL within this many elements.
fn nested(around: usize) -> Vec<u8> {
    (0..around).fold(vec![0x05, 0x00], |inner, _| {
        let mut outer = Vec::new();
        encode(0x30, &inner, &mut outer);
        outer
    })
}

#[test]
fn the_bounds_are_what_they_say() {
    assert_eq!(converted(&nested(MAX_DEPTH - 1)), nested(MAX_DEPTH - 1));
    assert_eq!(to_der(&nested(MAX_DEPTH)), Err(BerError::TooDeep));
    let pieces: Vec<u8> = [[0x24, 0x80]; MAX_DEPTH].concat();
    assert_eq!(to_der(&pieces), Err(BerError::TooDeep));
    assert_eq!(to_der(&[0x30, 0x80].repeat(MAX_LENGTH / 2)), Err(BerError::TooDeep));
    let of_elements =
        |count: usize| to_der(&[&[0x30, 0x80], [0x05, 0x00].repeat(count - 1).as_slice(), &[0, 0]].concat());
    assert!(of_elements(MAX_ELEMENTS).is_ok());
    assert_eq!(of_elements(MAX_ELEMENTS + 1), Err(BerError::TooMany));

    let mut longest = Vec::new();
    encode(0x04, &vec![1; MAX_LENGTH - 4], &mut longest);
    assert_eq!((longest.len(), converted(&longest).len()), (MAX_LENGTH, MAX_LENGTH));
    longest.push(0);
    assert_eq!(to_der(&longest), Err(BerError::TooLong));
}

/// An element, to be written in several ways.
#[derive(Clone, Debug)]
enum Element {
    Integer(Vec<u8>),
    /// Contents in pieces.
    Octets(Vec<Vec<u8>>),
    Sequence(Vec<Element>),
}

/// How BER may differ from DER.
#[derive(Clone, Copy, Debug)]
struct Habits {
    indefinite: bool,
    long_lengths: bool,
    pieces: bool,
}

impl Element {
    fn der(&self) -> Vec<u8> {
        let mut der = Vec::new();
        match self {
            Self::Integer(contents) => encode(0x02, contents, &mut der),
            Self::Octets(pieces) => encode(0x04, &pieces.concat(), &mut der),
            Self::Sequence(elements) => {
                encode(0x30, &elements.iter().flat_map(Self::der).collect::<Vec<_>>(), &mut der);
            }
        }
        der
    }

    fn ber(&self, habits: Habits) -> Vec<u8> {
        let primitive = |tag, contents: &[u8]| {
            let length = u32::try_from(contents.len()).unwrap();
            let length = if habits.long_lengths && length > 0 {
                let bytes: Vec<_> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
                [&[0x80 | u8::try_from(bytes.len()).unwrap()], bytes.as_slice()].concat()
            } else {
                vec![u8::try_from(length).unwrap()]
            };
            [&[tag], length.as_slice(), contents].concat()
        };
        let constructed = |tag, contents: &[u8]| {
            if habits.indefinite {
                [&[tag, 0x80], contents, &[0, 0]].concat()
            } else {
                let mut element = Vec::new();
                encode(tag, contents, &mut element);
                element
            }
        };
        match self {
            Self::Integer(contents) => primitive(0x02, contents),
            Self::Octets(pieces) if habits.pieces => {
                constructed(0x24, &pieces.iter().flat_map(|piece| primitive(0x04, piece)).collect::<Vec<_>>())
            }
            Self::Octets(pieces) => primitive(0x04, &pieces.concat()),
            Self::Sequence(elements) => constructed(
                0x30,
                &elements.iter().flat_map(|element| element.ber(habits)).collect::<Vec<_>>(),
            ),
        }
    }
}

fn elements() -> impl Strategy<Value = Element> {
    let octets = vec(vec(any::<u8>(), 0..20), 0..4);
    let leaf =
        prop_oneof![vec(any::<u8>(), 0..20).prop_map(Element::Integer), octets.prop_map(Element::Octets),];
    leaf.prop_recursive(6, 40, 5, |inner| vec(inner, 0..5).prop_map(Element::Sequence))
}

proptest! {
    #[test]
    fn every_way_of_writing_gives_the_same_der(
        element in elements(), indefinite: bool, long_lengths: bool, pieces: bool,
    ) {
        let ber = element.ber(Habits { indefinite, long_lengths, pieces });
        prop_assert_eq!(to_der(&ber), Ok(element.der()));
    }

    #[test]
    fn any_bytes_are_refused_or_become_stable_der(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..300),
            // Bytes that mean something, to get deeper.
            vec(prop::sample::select(&[0x00, 0x01, 0x02, 0x04, 0x05, 0x24, 0x30, 0x31, 0x80, 0x81, 0xa0][..]), 0..300),
        ],
    ) {
        if let Ok(der) = to_der(&bytes) {
            prop_assert!(der.len() <= bytes.len());
            prop_assert_eq!(to_der(&der), Ok(der));
        }
    }
}
