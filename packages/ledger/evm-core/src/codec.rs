//! The byte format spoken with the host: little-endian integers, 32-byte words big-endian, lists with a `u32` count.

use revm::primitives::{Address, Bytes, B256, U256};

/// Reads fields off a buffer that the host wrote. The host is this project's own code: a short buffer is a defect, and traps.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(len);
        self.0 = tail;
        head
    }
    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().expect("take returns N bytes")
    }
    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }
    pub fn u128(&mut self) -> u128 {
        u128::from_le_bytes(self.array())
    }
    pub fn word(&mut self) -> U256 {
        U256::from_be_bytes(self.array::<32>())
    }
    pub fn hash(&mut self) -> B256 {
        B256::from(self.array())
    }
    pub fn address(&mut self) -> Address {
        Address::from(self.array())
    }
    /// A presence byte, then twenty bytes (ignored when absent).
    pub fn optional_address(&mut self) -> Option<Address> {
        let present = self.u8() == 1;
        let address = self.address();
        present.then_some(address)
    }
    pub fn bytes(&mut self) -> Bytes {
        let len = self.u32() as usize;
        Bytes::copy_from_slice(self.take(len))
    }
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.u32()).map(|_| item(self)).collect()
    }
}

/// Appends fields in the same format.
pub trait Writer {
    fn u32(&mut self, value: usize);
    fn word(&mut self, value: U256);
    fn bytes(&mut self, value: &[u8]);
}

impl Writer for Vec<u8> {
    fn u32(&mut self, value: usize) {
        self.extend_from_slice(&(value as u32).to_le_bytes());
    }
    fn word(&mut self, value: U256) {
        self.extend_from_slice(&value.to_be_bytes::<32>());
    }
    fn bytes(&mut self, value: &[u8]) {
        self.u32(value.len());
        self.extend_from_slice(value);
    }
}
