//! The state as the engine sees it: a cache over the host's store that also collects what a block changed.

use crate::codec::{Reader, Writer};
use core::convert::Infallible;
use revm::{
    database_interface::Database,
    primitives::{Address, AddressMap, HashMap, HashSet, B256, U256},
    state::{Account, AccountInfo, Bytecode},
};

// Reading never fails from the engine's side: a failing store throws in the host, which then drops this instance.
#[link(wasm_import_module = "host")]
extern "C" {
    /// Writes nonce (u64 LE), balance (32 BE) and code hash at `out`; returns 0 when the account does not exist.
    fn account(address: *const u8, out: *mut u8) -> u32;
    /// Writes the 32-byte value of a slot at `out`.
    fn storage(address: *const u8, slot: *const u8, out: *mut u8);
    /// Length of the code with this hash; the host remembers it for `code_read`, which writes it at `out`.
    fn code_size(hash: *const u8) -> usize;
    fn code_read(out: *mut u8);
    /// Writes the hash of an earlier block at `out`.
    fn block_hash(number: u64, out: *mut u8);
}

#[derive(Default)]
struct Entry {
    info: Option<AccountInfo>,
    slots: HashMap<U256, U256>,
    /// The host's slots of this account are void: it was created, or destroyed, since changes were last taken.
    wiped: bool,
}

#[derive(Default)]
pub struct State {
    accounts: AddressMap<Entry>,
    codes: HashMap<B256, Bytecode>,
    /// Accounts changed since changes were last taken, with their changed slots.
    changed: AddressMap<HashSet<U256>>,
    /// Codes that the host does not have yet.
    new_codes: HashMap<B256, Bytecode>,
    /// Cached accounts and slots, by which the host decides to reset.
    pub entries: usize,
}

/// Codes never change, so they outlive a reset up to this number (of at most 24 KiB each).
const MAX_CODES: usize = 2048;

impl State {
    fn entry(&mut self, address: Address) -> &mut Entry {
        self.accounts.entry(address).or_insert_with(|| {
            self.entries += 1;
            let mut raw = [0u8; 72];
            let exists = unsafe { account(address.as_ptr(), raw.as_mut_ptr()) } != 0;
            let (nonce, balance, hash) = (u64::from_le_bytes(raw[..8].try_into().expect("eight")), &raw[8..40], &raw[40..]);
            let info = AccountInfo {
                nonce,
                balance: U256::from_be_slice(balance),
                code_hash: B256::from_slice(hash),
                code: None,
                account_id: None,
            };
            Entry { info: exists.then_some(info), ..Entry::default() }
        })
    }

    /// Takes over what one transaction did. Touched empty accounts vanish (EIP-161); destroyed ones are those of EIP-6780.
    pub fn commit(&mut self, accounts: AddressMap<Account>) {
        for (address, mut account) in accounts.into_iter().filter(|(_, account)| account.is_touched()) {
            let destroyed = account.is_selfdestructed();
            if let Some(code) = account.info.code.take().filter(|code| !destroyed && !code.is_empty()) {
                if !self.codes.contains_key(&account.info.code_hash) {
                    self.new_codes.insert(account.info.code_hash, code);
                }
            }
            let wiped = destroyed || account.is_created();
            let entry = self.entry(address);
            entry.wiped |= wiped;
            if wiped {
                entry.slots.clear();
            }
            entry.info = Some(account.info).filter(|info| !destroyed && !info.is_empty());
            let stored = account.storage.into_iter().filter(|(_, value)| !destroyed && value.is_changed());
            let stored: Vec<_> = stored.map(|(slot, value)| (slot, value.present_value)).collect();
            entry.slots.extend(stored.iter().copied());
            self.changed.entry(address).or_default().extend(stored.into_iter().map(|(slot, _)| slot));
        }
    }

    /// Adds to a balance outside any transaction.
    pub fn credit(&mut self, address: Address, amount: U256) {
        if amount.is_zero() {
            return;
        }
        let info = self.entry(address).info.get_or_insert_with(|| AccountInfo { code: None, ..AccountInfo::default() });
        info.balance = info.balance.checked_add(amount).expect("the supply fits 256 bits");
        self.changed.entry(address).or_default();
    }

    /// Pretends that accounts are otherwise than they are, until the next reset:
    /// `count {address flags (1 nonce, 2 balance, 4 code, 8 no other slots) nonce balance code count {slot, value}}`.
    pub fn amend(&mut self, input: &mut Reader) {
        for _ in 0..input.u32() {
            let (address, flags) = (input.address(), input.u8());
            let (nonce, balance, code) = (input.u64(), input.word(), Bytecode::new_raw(input.bytes()));
            let slots = input.list(|item| (item.word(), item.word()));
            if flags & 4 != 0 {
                self.new_codes.insert(code.hash_slow(), code.clone());
            }
            let entry = self.entry(address);
            if flags & 7 != 0 {
                let info = entry.info.get_or_insert_with(|| AccountInfo { code: None, ..AccountInfo::default() });
                info.nonce = if flags & 1 != 0 { nonce } else { info.nonce };
                info.balance = if flags & 2 != 0 { balance } else { info.balance };
                info.code_hash = if flags & 4 != 0 { code.hash_slow() } else { info.code_hash };
            }
            if flags & 8 != 0 {
                entry.wiped = true;
                entry.slots.clear();
            }
            entry.slots.extend(slots.iter().copied());
            self.changed.entry(address).or_default().extend(slots.into_iter().map(|(slot, _)| slot));
        }
    }

    /// Writes, and forgets as changes, every account, slot and code changed since the last call:
    /// `count {address, flags (1 exists, 2 wiped), nonce, balance, codeHash, count {slot, value}} count {hash, code}`.
    pub fn changes(&mut self, out: &mut Vec<u8>) {
        let changed = core::mem::take(&mut self.changed);
        out.count(changed.len());
        for (address, slots) in changed {
            let entry = self.entry(address);
            out.extend_from_slice(address.as_slice());
            out.push(u8::from(entry.info.is_some()) | u8::from(core::mem::take(&mut entry.wiped)) << 1);
            let info = entry.info.clone().unwrap_or_default();
            out.extend_from_slice(&info.nonce.to_le_bytes());
            out.word(info.balance);
            out.extend_from_slice(info.code_hash.as_slice());
            out.count(slots.len());
            for slot in slots {
                out.word(slot);
                out.word(entry.slots.get(&slot).copied().unwrap_or_default());
            }
        }
        out.count(self.new_codes.len());
        for (hash, code) in &self.new_codes {
            out.extend_from_slice(hash.as_slice());
            out.bytes(code.original_byte_slice());
        }
        self.codes.extend(self.new_codes.drain());
    }

    /// Forgets changes not taken yet, and everything that the host may answer differently from now on.
    pub fn reset(&mut self) {
        let codes = core::mem::take(&mut self.codes);
        *self = Self { codes: if codes.len() < MAX_CODES { codes } else { HashMap::default() }, ..Self::default() };
    }
}

impl Database for State {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.entry(address).info.clone())
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Infallible> {
        if let Some(code) = self.codes.get(&hash).or_else(|| self.new_codes.get(&hash)) {
            return Ok(code.clone());
        }
        let mut raw = vec![0u8; unsafe { code_size(hash.as_ptr()) }];
        unsafe { code_read(raw.as_mut_ptr()) };
        Ok(self.codes.entry(hash).or_insert(Bytecode::new_raw(raw.into())).clone())
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        let entry = self.entry(address);
        if let Some(value) = entry.slots.get(&slot) {
            return Ok(*value);
        }
        let mut value = [0u8; 32];
        if !entry.wiped {
            unsafe { storage(address.as_ptr(), slot.to_be_bytes::<32>().as_ptr(), value.as_mut_ptr()) };
        }
        entry.slots.insert(slot, U256::from_be_bytes(value));
        self.entries += 1;
        Ok(U256::from_be_bytes(value))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        let mut hash = B256::ZERO;
        unsafe { block_hash(number, hash.as_mut_ptr()) };
        Ok(hash)
    }
}
