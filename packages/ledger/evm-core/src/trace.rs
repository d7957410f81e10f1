//! Watching one transaction: its calls, logs and steps as a stream of records, and the state that it touched.

use crate::codec::Writer;
use revm::context::{ContextTr, JournalTr};
use revm::inspector::{Inspector, JournalExt};
use revm::interpreter::interpreter_types::{Jumps, LoopControl, ReturnData};
use revm::interpreter::{CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, InstructionResult, Interpreter};
use revm::interpreter::{InterpreterAction, InterpreterResult};
use revm::primitives::{Address, AddressMap, Log, U256};
use revm::state::{Account, AccountInfo};

/// What a tracer records; bits of `wants`. Frames are recorded always, their input and output with `CALLS` only.
const CALLS: u8 = 1;
const LOGS: u8 = 2;
const STEPS: u8 = 4;
const STACK: u8 = 8;
const MEMORY: u8 = 16;
const RETURN_DATA: u8 = 32;
const TOP_ONLY: u8 = 64;

const SLOAD: u8 = 0x54;
const SSTORE: u8 = 0x55;

/// | record | fields |
/// |---|---|
/// | 1 a frame begins | opcode, from, to, value, gas, input |
/// | 2 it ends | result, gas used, output |
/// | 3 log | address, count {topic}, data |
/// | 4 self-destruction | contract, beneficiary, balance |
/// | 5 step | result (0: goes on), gas cost, opcode, pc, gas, refund, count {length, word}, memory, return data |
/// | 6 slot of the last step | key, value |
#[derive(Default)]
pub struct Tracer {
    wants: u8,
    /// Bytes that may be recorded, and steps. Beyond either the execution ends at once.
    max_bytes: usize,
    steps_left: u32,
    pub records: Vec<u8>,
    pub is_full: bool,
    /// Refunds of the frames that wait for the current one, and of the current one at its last step.
    refunds: Vec<i64>,
    refund: i64,
    depth: usize,
    step: Step,
}

/// The step under way: where its record stands, and what is to be completed when it ends.
#[derive(Default)]
struct Step {
    at: usize,
    gas: u64,
    opcode: u8,
    slot: Option<(U256, U256)>,
    is_open: bool,
}

impl Tracer {
    pub fn new(wants: u8, max_bytes: usize, max_steps: u32) -> Self {
        Self { wants, max_bytes, steps_left: max_steps, ..Self::default() }
    }

    fn wants(&self, what: u8) -> bool {
        self.wants & what != 0
    }

    /// Whether frames of this depth are to be recorded, and whether `len` bytes more fit.
    fn admits(&mut self, len: usize) -> bool {
        if self.is_full || (self.wants(TOP_ONLY) && self.depth > 1) {
            return false;
        }
        self.is_full = self.records.len() + len + 256 > self.max_bytes;
        !self.is_full
    }

    fn begin(&mut self, opcode: u8, from: Address, to: Address, value: U256, gas: u64, input: &[u8]) {
        self.depth += 1;
        self.refunds.push(core::mem::take(&mut self.refund));
        let input = if self.wants(CALLS) { input } else { &[] };
        if self.admits(input.len()) {
            self.records.extend_from_slice(&[1, opcode]);
            self.records.extend_from_slice(from.as_slice());
            self.records.extend_from_slice(to.as_slice());
            self.records.word(value);
            self.records.extend_from_slice(&gas.to_le_bytes());
            self.records.bytes(input);
        }
    }

    fn end(&mut self, result: &InterpreterResult) {
        let output = if self.wants(CALLS) { &result.output[..] } else { &[] };
        if self.admits(output.len()) {
            let used = if result.result.is_halt() { result.gas.limit() } else { result.gas.limit() - result.gas.remaining() };
            self.records.extend_from_slice(&[2, result.result as u8]);
            self.records.extend_from_slice(&used.to_le_bytes());
            self.records.bytes(output);
        }
        self.depth -= 1;
        self.refund = self.refunds.pop().unwrap_or_default();
    }

    fn write_step(&mut self, interp: &Interpreter) {
        let gas = interp.gas.remaining();
        let (opcode, stack, memory) = (interp.bytecode.opcode(), interp.stack.data(), interp.memory.context_memory());
        let returned = interp.return_data.buffer();
        let stack = if self.wants(STACK) { &stack[..] } else { &[] };
        let memory = if self.wants(MEMORY) { &memory[..] } else { &[] };
        let returned = if self.wants(RETURN_DATA) { &returned[..] } else { &[] };
        self.step = Step { at: self.records.len(), gas, opcode, slot: None, is_open: false };
        if self.steps_left == 0 {
            self.is_full = true;
        }
        if !self.admits(33 * stack.len() + memory.len() + returned.len()) {
            return;
        }
        self.steps_left -= 1;
        self.step.is_open = true;
        self.refund = interp.gas.refunded();
        let refund = self.refunds.iter().sum::<i64>() + self.refund;
        self.records.extend_from_slice(&[5, 0]);
        self.records.extend_from_slice(&[0; 8]);
        self.records.push(opcode);
        self.records.count(interp.bytecode.pc());
        self.records.extend_from_slice(&gas.to_le_bytes());
        self.records.extend_from_slice(&(refund.max(0) as u64).to_le_bytes());
        self.records.count(stack.len());
        for word in stack {
            let bytes = word.to_be_bytes_trimmed_vec();
            self.records.push(bytes.len() as u8);
            self.records.extend_from_slice(&bytes);
        }
        self.records.bytes(memory);
        self.records.bytes(returned);
        self.step.slot = match (opcode, &interp.stack.data()[..]) {
            (SLOAD, [.., key]) => Some((*key, U256::ZERO)),
            (SSTORE, [.., value, key]) => Some((*key, *value)),
            _ => None,
        };
    }

    fn complete_step(&mut self, interp: &mut Interpreter) {
        if !core::mem::take(&mut self.step.is_open) {
            return;
        }
        let result = match interp.bytecode.action() {
            Some(InterpreterAction::Return(result)) => result.result as u8,
            _ => 0,
        };
        self.records[self.step.at + 1] = result;
        let cost = self.step.gas.saturating_sub(interp.gas.remaining());
        self.records[self.step.at + 2..self.step.at + 10].copy_from_slice(&cost.to_le_bytes());
        self.refund = interp.gas.refunded();
        if let (0, Some((key, value))) = (result, self.step.slot) {
            let value = if self.step.opcode == SLOAD { interp.stack.data().last().copied().unwrap_or_default() } else { value };
            self.records.push(6);
            self.records.word(key);
            self.records.word(value);
        }
    }
}

impl<CTX: ContextTr<Journal: JournalExt>> Inspector<CTX> for Tracer {
    fn step(&mut self, interp: &mut Interpreter, _: &mut CTX) {
        if self.wants(STEPS) && !self.is_full {
            self.write_step(interp);
        }
        if self.is_full {
            interp.halt(InstructionResult::OutOfGas);
        }
    }

    fn step_end(&mut self, interp: &mut Interpreter, _: &mut CTX) {
        self.complete_step(interp);
    }

    fn log(&mut self, _: &mut CTX, log: Log) {
        if self.wants(LOGS) && self.admits(log.data.data.len()) {
            self.records.push(3);
            write_log(&mut self.records, &log);
        }
    }

    fn call(&mut self, context: &mut CTX, call: &mut CallInputs) -> Option<CallOutcome> {
        let opcode = match call.scheme {
            CallScheme::Call => 0xf1,
            CallScheme::CallCode => 0xf2,
            CallScheme::DelegateCall => 0xf4,
            CallScheme::StaticCall => 0xfa,
        };
        // Code that is lent runs as its borrower: the borrower is who calls.
        let (from, to) = match call.scheme {
            CallScheme::Call | CallScheme::StaticCall => (call.caller, call.target_address),
            CallScheme::CallCode | CallScheme::DelegateCall => (call.target_address, call.bytecode_address),
        };
        let input = call.input.as_bytes(context);
        self.begin(opcode, from, to, call.call_value(), call.gas_limit, &input);
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.end(&outcome.result);
    }

    fn create(&mut self, context: &mut CTX, create: &mut CreateInputs) -> Option<CreateOutcome> {
        let opcode = if create.scheme() == revm::context::CreateScheme::Create { 0xf0 } else { 0xf5 };
        let nonce = context.journal_mut().load_account(create.caller()).map_or(0, |account| account.info.nonce);
        let to = create.created_address(nonce);
        self.begin(opcode, create.caller(), to, create.value(), create.gas_limit(), create.init_code());
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.end(&outcome.result);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if self.admits(0) {
            self.records.push(4);
            self.records.extend_from_slice(contract.as_slice());
            self.records.extend_from_slice(target.as_slice());
            self.records.word(value);
        }
    }
}

/// `address count {topic} data`
pub fn write_log(out: &mut Vec<u8>, log: &Log) {
    out.extend_from_slice(log.address.as_slice());
    out.count(log.data.topics().len());
    log.data.topics().iter().for_each(|topic| out.extend_from_slice(topic.as_slice()));
    out.bytes(&log.data.data);
}

/// Every account and slot that was looked at, before and after:
/// `count {address, flags (1 created, 2 destroyed), {nonce, balance, codeHash} twice, new code, count {slot, before, after}}`.
pub fn write_touched(out: &mut Vec<u8>, accounts: &AddressMap<Account>) {
    out.count(accounts.len());
    for (address, account) in accounts {
        let before = account.original_info();
        out.extend_from_slice(address.as_slice());
        out.push(u8::from(account.is_created()) | u8::from(account.is_selfdestructed()) << 1);
        write_info(out, &before);
        write_info(out, &account.info);
        let code = account.info.code.as_ref().filter(|_| account.info.code_hash != before.code_hash);
        out.bytes(code.map_or(&[], |code| code.original_byte_slice()));
        out.count(account.storage.len());
        for (slot, value) in &account.storage {
            out.word(*slot);
            out.word(value.original_value());
            out.word(value.present_value());
        }
    }
}

fn write_info(out: &mut Vec<u8>, info: &AccountInfo) {
    out.extend_from_slice(&info.nonce.to_le_bytes());
    out.word(info.balance);
    out.extend_from_slice(info.code_hash.as_slice());
}
