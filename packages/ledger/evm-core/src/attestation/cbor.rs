//! The part of CBOR (RFC 8949) that attestation documents are written in: the shortest form of each number, lists and maps of a length that is told or of
//! one that ends with a mark (Nitro's outermost map does), strings in one piece. What is nested deeper than a document is, is refused.

/// How deep values nest that are not looked into.
const MAX_DEPTH: usize = 4;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;
const NULL: u64 = 22;
const FALSE: u64 = 20;
/// In the place of a length: what follows ends with `END`.
const OPEN: u8 = 31;
const END: u8 = 0xff;

/// What of a list or a map is still to come: `None` until its end is found.
pub struct Items(Option<u64>);

impl Items {
    /// Whether there is another item, or pair.
    pub fn next(&mut self, reader: &mut Reader) -> Option<bool> {
        match &mut self.0 {
            Some(0) => Some(false),
            Some(left) => {
                *left -= 1;
                Some(true)
            }
            None if *reader.0.first()? == END => {
                reader.0 = &reader.0[1..];
                self.0 = Some(0);
                Some(false)
            }
            None => Some(true),
        }
    }
}

pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Something when all was read.
    pub fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    pub fn unsigned(&mut self) -> Option<u64> {
        self.expect(UNSIGNED)
    }

    /// The number `-1 - n`, as n.
    pub fn negative(&mut self) -> Option<u64> {
        self.expect(NEGATIVE)
    }

    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.expect(BYTES)?;
        self.take(length)
    }

    /// Bytes; none for `null`, which stands for what is left out.
    pub fn optional_bytes(&mut self) -> Option<&'a [u8]> {
        if self.0.first() == Some(&(SIMPLE << 5 | NULL as u8)) {
            self.0 = &self.0[1..];
            return Some(&[]);
        }
        self.bytes()
    }

    pub fn text(&mut self) -> Option<&'a str> {
        let length = self.expect(TEXT)?;
        core::str::from_utf8(self.take(length)?).ok()
    }

    pub fn array(&mut self) -> Option<Items> {
        self.items(ARRAY)
    }

    pub fn map(&mut self) -> Option<Items> {
        self.items(MAP)
    }

    fn items(&mut self, kind: u8) -> Option<Items> {
        if self.0.first() == Some(&(kind << 5 | OPEN)) {
            self.0 = &self.0[1..];
            return Some(Items(None));
        }
        self.expect(kind).map(|count| Items(Some(count)))
    }

    /// Passes over one value of any kind.
    pub fn skip(&mut self) -> Option<()> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let kind = *self.0.first()? >> 5;
        if kind == ARRAY || kind == MAP {
            let mut items = self.items(kind)?;
            // Each item has at least a byte, so that a false count ends with the input.
            while items.next(self)? {
                self.skip_at(depth + 1)?;
                if kind == MAP {
                    self.skip_at(depth + 1)?;
                }
            }
            return Some(());
        }
        let (kind, count) = self.head()?;
        match kind {
            UNSIGNED | NEGATIVE => Some(()),
            BYTES => self.take(count).map(|_| ()),
            TEXT => core::str::from_utf8(self.take(count)?).ok().map(|_| ()),
            SIMPLE => (FALSE..=NULL).contains(&count).then_some(()),
            _ => None,
        }
    }

    fn expect(&mut self, wanted: u8) -> Option<u64> {
        let (kind, count) = self.head()?;
        (kind == wanted).then_some(count)
    }

    fn head(&mut self) -> Option<(u8, u64)> {
        let first = *self.take(1)?.first()?;
        let (kind, small) = (first >> 5, u64::from(first & 31));
        let (width, least) = match small {
            0..=23 => return Some((kind, small)),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return None,
        };
        let value = self.take(width)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        // Floats and simple values of a byte have no place here; they would fail above, where kinds are named.
        (value >= least && kind != SIMPLE).then_some((kind, value))
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Appends a byte string.
pub fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len();
    match length {
        0..=23 => out.push(BYTES << 5 | length as u8),
        24..=0xff => out.extend([BYTES << 5 | 24, length as u8]),
        _ => {
            out.push(BYTES << 5 | 25);
            out.extend((length as u16).to_be_bytes());
        }
    }
    out.extend(bytes);
}
