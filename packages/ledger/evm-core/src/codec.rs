//! The byte format spoken with the host: little-endian integers, 32-byte words big-endian, lists behind a `u32` count.

use revm::primitives::{Address, Bytes, B256, U256};

/// Reads fields off a buffer that the host wrote. The host is this project's own code: a short buffer is a defect, and traps.
pub struct Reader<'a>(pub &'a [u8]);

macro_rules! fields {
    ($($name:ident: $type:ty = $from:expr;)*) => { $(pub fn $name(&mut self) -> $type { $from(self.take()) })* };
}

impl<'a> Reader<'a> {
    fields! {
        u8: u8 = u8::from_le_bytes;
        u32: u32 = u32::from_le_bytes;
        u64: u64 = u64::from_le_bytes;
        u128: u128 = u128::from_le_bytes;
        word: U256 = U256::from_be_bytes::<32>;
        hash: B256 = B256::new;
        address: Address = Address::new;
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.slice(N).try_into().expect("a slice of N bytes")
    }

    fn slice(&mut self, len: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(len);
        self.0 = tail;
        head
    }

    /// A presence byte, then twenty bytes (ignored when absent).
    pub fn optional_address(&mut self) -> Option<Address> {
        let (present, address) = (self.u8() == 1, self.address());
        present.then_some(address)
    }

    pub fn bytes(&mut self) -> Bytes {
        let len = self.u32() as usize;
        Bytes::copy_from_slice(self.slice(len))
    }

    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.u32()).map(|_| item(self)).collect()
    }
}

/// Appends fields in the same format.
pub trait Writer {
    fn count(&mut self, value: usize);
    fn word(&mut self, value: U256);
    fn bytes(&mut self, value: &[u8]);
}

impl Writer for Vec<u8> {
    fn count(&mut self, value: usize) {
        self.extend_from_slice(&(value as u32).to_le_bytes());
    }

    fn word(&mut self, value: U256) {
        self.extend_from_slice(&value.to_be_bytes::<32>());
    }

    fn bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.extend_from_slice(value);
    }
}
