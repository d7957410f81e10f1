//! The state as the engine sees it: a cache over the host's store that also collects what a block changed.

use crate::codec::Writer;
use revm::{
    database_interface::{DBErrorMarker, Database},
    primitives::{Address, AddressMap, Bytes, HashMap, B256, U256},
    state::{Account, AccountInfo, Bytecode},
};

#[link(wasm_import_module = "host")]
extern "C" {
    /// Writes nonce (u64 LE), balance (32 BE) and code hash at `out`; returns 0 when the account does not exist.
    fn account(address: *const u8, out: *mut u8) -> u32;
    /// Writes the 32-byte value of a slot at `out`.
    fn storage(address: *const u8, slot: *const u8, out: *mut u8);
    /// Length of the code with this hash; the host remembers it for `code_read`.
    fn code_size(hash: *const u8) -> usize;
    /// Writes the code whose size was asked last at `out`.
    fn code_read(out: *mut u8);
    /// Writes the hash of an earlier block at `out`, zero when unknown.
    fn block_hash(number: u64, out: *mut u8);
}

/// Reading never fails from the engine's side: a failing store throws in the host, which then drops this instance.
#[derive(Debug)]
pub enum Never {}
impl core::fmt::Display for Never {
    fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {}
    }
}
impl core::error::Error for Never {}
impl DBErrorMarker for Never {}

struct Entry {
    info: Option<AccountInfo>,
    slots: HashMap<U256, U256>,
    /// The host's slots of this account are void: it was created, or destroyed, since the host last stored it.
    wiped: bool,
    dirty: bool,
    dirty_slots: Vec<U256>,
}

#[derive(Default)]
pub struct State {
    accounts: AddressMap<Entry>,
    codes: HashMap<B256, Bytecode>,
    /// Accounts changed since the last `changes`, in order of first change.
    changed: Vec<Address>,
    new_codes: Vec<(B256, Bytes)>,
    /// Cached accounts and slots, the measure by which the host decides to `reset`.
    entries: usize,
    code_bytes: usize,
}

/// Codes are immutable and keyed by hash, so they outlive a reset up to this size.
const MAX_CODE_BYTES: usize = 64 << 20;

impl State {
    fn entry(&mut self, address: Address) -> &mut Entry {
        let entries = &mut self.entries;
        self.accounts.entry(address).or_insert_with(|| {
            *entries += 1;
            let mut raw = [0u8; 72];
            let exists = unsafe { account(address.as_ptr(), raw.as_mut_ptr()) } != 0;
            let info = exists.then(|| AccountInfo {
                nonce: u64::from_le_bytes(raw[..8].try_into().expect("eight bytes")),
                balance: U256::from_be_slice(&raw[8..40]),
                code_hash: B256::from_slice(&raw[40..]),
                code: None,
                ..Default::default()
            });
            Entry { info, slots: HashMap::default(), wiped: false, dirty: false, dirty_slots: Vec::new() }
        })
    }

    /// The entry of an account that is about to change.
    fn change(&mut self, address: Address) -> &mut Entry {
        if !core::mem::replace(&mut self.entry(address).dirty, true) {
            self.changed.push(address);
        }
        self.entry(address)
    }

    fn add_code(&mut self, hash: B256, code: Bytecode) {
        self.code_bytes += code.len();
        self.codes.insert(hash, code);
    }

    /// Takes over what one transaction did. Empty touched accounts vanish (EIP-161); destroyed ones are those of EIP-6780.
    pub fn commit(&mut self, accounts: AddressMap<Account>) {
        for (address, mut account) in accounts {
            if !account.is_touched() {
                continue;
            }
            if let Some(code) = account.info.code.take() {
                let hash = account.info.code_hash;
                if !code.is_empty() && !account.is_selfdestructed() && !self.codes.contains_key(&hash) {
                    self.new_codes.push((hash, code.original_bytes()));
                    self.add_code(hash, code);
                }
            }
            let entry = self.change(address);
            if account.is_selfdestructed() || account.is_created() {
                entry.wiped = true;
                entry.slots.clear();
            }
            if account.is_selfdestructed() || account.info.is_empty() {
                entry.info = None;
                continue;
            }
            entry.info = Some(account.info);
            let mut added = 0;
            for (slot, value) in account.storage {
                if value.is_changed() {
                    added += usize::from(entry.slots.insert(slot, value.present_value).is_none());
                    entry.dirty_slots.push(slot);
                }
            }
            self.entries += added;
        }
    }

    /// Adds to a balance outside any transaction.
    pub fn credit(&mut self, address: Address, amount: U256) {
        if amount.is_zero() {
            return;
        }
        let info = self.change(address).info.get_or_insert_with(AccountInfo::default);
        info.balance = info.balance.checked_add(amount).expect("the supply fits 256 bits");
        info.code = None;
    }

    /// Writes, and forgets as changes, every account, slot and code changed since the last call:
    /// `count {address, flags (1 exists, 2 wiped), nonce, balance, codeHash, count {slot, value}} count {hash, code}`.
    pub fn changes(&mut self, out: &mut Vec<u8>) {
        let changed = core::mem::take(&mut self.changed);
        out.u32(changed.len());
        for address in changed {
            let entry = self.entry(address);
            entry.dirty = false;
            out.extend_from_slice(address.as_slice());
            out.push(u8::from(entry.info.is_some()) | u8::from(core::mem::take(&mut entry.wiped)) << 1);
            let info = entry.info.clone().unwrap_or_default();
            out.extend_from_slice(&info.nonce.to_le_bytes());
            out.word(info.balance);
            out.extend_from_slice(info.code_hash.as_slice());
            let mut slots = core::mem::take(&mut entry.dirty_slots);
            slots.sort_unstable();
            slots.dedup();
            out.u32(slots.len());
            for slot in slots {
                out.word(slot);
                out.word(entry.slots.get(&slot).copied().unwrap_or_default());
            }
        }
        let codes = core::mem::take(&mut self.new_codes);
        out.u32(codes.len());
        for (hash, code) in codes {
            out.extend_from_slice(hash.as_slice());
            out.bytes(&code);
        }
    }

    /// Forgets everything that the host may answer differently from now on.
    pub fn reset(&mut self) {
        // A code that never reached the host must be reported again when it is made again.
        for (hash, _) in core::mem::take(&mut self.new_codes) {
            self.codes.remove(&hash);
        }
        let codes = core::mem::take(&mut self.codes);
        let code_bytes = self.code_bytes;
        *self = Self::default();
        if code_bytes < MAX_CODE_BYTES {
            (self.codes, self.code_bytes) = (codes, code_bytes);
        }
    }

    pub fn entries(&self) -> usize {
        self.entries
    }
}

impl Database for State {
    type Error = Never;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Never> {
        Ok(self.entry(address).info.clone())
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Never> {
        if let Some(code) = self.codes.get(&hash) {
            return Ok(code.clone());
        }
        let mut raw = vec![0u8; unsafe { code_size(hash.as_ptr()) }];
        unsafe { code_read(raw.as_mut_ptr()) };
        let code = Bytecode::new_raw(Bytes::from(raw));
        self.add_code(hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Never> {
        let entry = self.entry(address);
        if let Some(value) = entry.slots.get(&slot) {
            return Ok(*value);
        }
        let mut value = [0u8; 32];
        if !entry.wiped {
            unsafe { storage(address.as_ptr(), slot.to_be_bytes::<32>().as_ptr(), value.as_mut_ptr()) };
        }
        let value = U256::from_be_bytes(value);
        entry.slots.insert(slot, value);
        self.entries += 1;
        Ok(value)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Never> {
        let mut hash = [0u8; 32];
        unsafe { block_hash(number, hash.as_mut_ptr()) };
        Ok(B256::from(hash))
    }
}
