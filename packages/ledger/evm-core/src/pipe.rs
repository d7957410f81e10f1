//! What contracts ask of models. The contract at `0x…F4` holds the rules; this precompile gives it what no contract can know: which
//! transaction runs, how many calls it made, and whether the answer has to be there. What is counted here is outside the journal: a revert
//! does not undo it.

use crate::codec::Writer;
use revm::{
    context::ContextTr,
    interpreter::{CallInputs, CallScheme, CallValue, Gas, InstructionResult, InterpreterResult},
    primitives::{address, keccak256, Address, Bytes, B256, U256},
};

/// The contract that contracts ask.
pub const PIPE: Address = address!("00000000000000000000000000000000000000f4");
/// The precompile that it asks.
pub const PIPE_CORE: Address = address!("00000000000000000000000000000000000000fc");

/// Model calls of one transaction.
const MAX_CALLS: usize = 8;
const BASE_GAS: u64 = 2_000;
const GAS_PER_BYTE: u64 = 8;
/// What a simulation sets aside for the answer that it does not have, so that an estimate suffices for one of 4 KiB.
const ABSENT_GAS: u64 = 450_000;
/// `afterTransaction(bytes32[])`
const AFTER_TRANSACTION: [u8; 4] = [0x67, 0xe4, 0x75, 0xc2];

/// First byte of the input.
const NEXT: u8 = 1;
const ANSWERED: u8 = 2;
const ABSENT: u8 = 3;

struct Call {
    id: B256,
    answered: bool,
    request: Bytes,
}

/// One transaction's calls, in order.
#[derive(Default)]
pub struct Session {
    transaction: B256,
    simulates: bool,
    calls: Vec<Call>,
}

impl Session {
    pub fn begin(&mut self, transaction: B256, simulates: bool) {
        self.transaction = transaction;
        self.simulates = simulates;
        self.calls.clear();
    }

    /// `1 ‖ requestHash ‖ request` → `id ‖ simulates`; `2 ‖ id` when the answer was used; `3` when there is none and this is a simulation.
    pub fn run<CTX: ContextTr>(&mut self, context: &mut CTX, call: &CallInputs) -> InterpreterResult {
        let mut gas = Gas::new(call.gas_limit);
        let plain = call.scheme == CallScheme::Call
            && !call.is_static
            && call.target_address == PIPE_CORE
            && call.caller == PIPE
            && call.value == CallValue::Transfer(U256::ZERO);
        let input = call.input.bytes(context);
        let kind = input.first().copied().unwrap_or_default();
        let cost = BASE_GAS + GAS_PER_BYTE * input.len() as u64 + if kind == ABSENT { ABSENT_GAS } else { 0 };
        let outcome = if !plain {
            Err(InstructionResult::PrecompileError)
        } else if !gas.record_regular_cost(cost) {
            Err(InstructionResult::PrecompileOOG)
        } else {
            self.perform(kind, input)
        };
        let result = outcome.as_ref().err().copied().unwrap_or(InstructionResult::Return);
        if result.is_halt() {
            gas.spend_all();
        }
        InterpreterResult::new(result, outcome.unwrap_or_default(), gas)
    }

    fn perform(&mut self, kind: u8, input: Bytes) -> Result<Bytes, InstructionResult> {
        match (kind, input.len()) {
            (NEXT, 33..) if self.calls.len() < MAX_CALLS => {
                let mut text = [0u8; 96];
                text[..32].copy_from_slice(self.transaction.as_slice());
                text[56..64].copy_from_slice(&(self.calls.len() as u64).to_be_bytes());
                text[64..].copy_from_slice(&input[1..33]);
                let id = keccak256(text);
                self.calls.push(Call { id, answered: false, request: input.slice(33..) });
                let mut answer = id.to_vec();
                answer.word(U256::from(u8::from(self.simulates)));
                Ok(answer.into())
            }
            (ANSWERED, 33) => {
                let id = B256::from_slice(&input[1..]);
                self.calls.iter_mut().filter(|call| call.id == id).for_each(|call| call.answered = true);
                Ok(Bytes::new())
            }
            (ABSENT, 1) if self.simulates => Ok(Bytes::new()),
            _ => Err(InstructionResult::Revert),
        }
    }

    /// `count {id isAnswered request}`
    pub fn write(&self, out: &mut Vec<u8>) {
        out.count(self.calls.len());
        for call in &self.calls {
            out.extend_from_slice(call.id.as_slice());
            out.push(u8::from(call.answered));
            out.bytes(&call.request);
        }
    }

    /// The call by which the contract learns which answers were used; none when there were none.
    pub fn reached(&self) -> Option<Bytes> {
        let ids: Vec<B256> = self.calls.iter().filter(|call| call.answered).map(|call| call.id).collect();
        if ids.is_empty() {
            return None;
        }
        let mut data = AFTER_TRANSACTION.to_vec();
        data.word(U256::from(32));
        data.word(U256::from(ids.len()));
        ids.iter().for_each(|id| data.extend_from_slice(id.as_slice()));
        Some(data.into())
    }
}
