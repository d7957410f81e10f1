//! Ethereum's precompiles, and this chain's own.

use revm::{
    context::{Cfg, ContextTr, JournalTr},
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, CallScheme, CallValue, Gas, InstructionResult, InterpreterResult},
    primitives::{address, hardfork::SpecId, Address, AddressSet, Bytes, U256},
};

/// The ERC-20 face of the native token: the only contract that may move balances.
const OPG: Address = address!("4f50470000000000000000000000000000000001");
/// Moves native balance: `from(32) ‖ to(32) ‖ value(32)`.
const TRANSFER: Address = address!("00000000000000000000000000000000000000fd");

/// How a precompile of this chain refuses.
enum Refusal {
    /// Hands the unspent gas back.
    Revert,
    /// Not a permitted call: takes all gas.
    Halt,
}

/// One precompile of this chain: its address, its price, and what it does.
struct Native<CTX> {
    address: Address,
    gas: u64,
    run: fn(&mut CTX, &CallInputs) -> Result<Bytes, Refusal>,
}

fn natives<CTX: ContextTr>() -> [Native<CTX>; 1] {
    [Native { address: TRANSFER, gas: 9_000, run: transfer }]
}

/// Moves balance on the engine's own journal, so that any revert around it undoes it. Checking the caller alone would not do:
/// DELEGATECALL and CALLCODE run a stranger's call with the caller or the code address of their choice.
fn transfer<CTX: ContextTr>(context: &mut CTX, call: &CallInputs) -> Result<Bytes, Refusal> {
    let plain = call.scheme == CallScheme::Call
        && !call.is_static
        && call.target_address == TRANSFER
        && call.bytecode_address == TRANSFER
        && call.caller == OPG
        && call.value == CallValue::Transfer(U256::ZERO);
    let (from, to, value) = {
        let input = call.input.as_bytes(context);
        if !plain || input.len() != 96 || input[..12] != [0; 12] || input[32..44] != [0; 12] {
            return Err(Refusal::Halt);
        }
        (Address::from_slice(&input[12..32]), Address::from_slice(&input[44..64]), U256::from_be_slice(&input[64..]))
    };
    match context.journal_mut().transfer(from, to, value) {
        Ok(None) => Ok(Bytes::new()),
        Ok(Some(_)) | Err(_) => Err(Refusal::Revert),
    }
}

pub struct Precompiles {
    ethereum: EthPrecompiles,
    warm: AddressSet,
}

impl Precompiles {
    pub fn new<CTX: ContextTr>(spec: SpecId) -> Self {
        let ethereum = EthPrecompiles::new(spec);
        let mut warm = ethereum.warm_addresses().clone();
        warm.extend(natives::<CTX>().map(|native| native.address));
        Self { ethereum, warm }
    }
}

impl<CTX: ContextTr<Cfg: Cfg<Spec = SpecId>>> PrecompileProvider<CTX> for Precompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: SpecId) -> bool {
        PrecompileProvider::<CTX>::set_spec(&mut self.ethereum, spec)
    }

    fn run(&mut self, context: &mut CTX, call: &CallInputs) -> Result<Option<InterpreterResult>, String> {
        let Some(native) = natives::<CTX>().into_iter().find(|native| native.address == call.bytecode_address) else {
            return self.ethereum.run(context, call);
        };
        let mut gas = Gas::new(call.gas_limit);
        let (result, output) = if !gas.record_regular_cost(native.gas) {
            (InstructionResult::PrecompileOOG, Bytes::new())
        } else {
            match (native.run)(context, call) {
                Ok(output) => (InstructionResult::Return, output),
                Err(Refusal::Revert) => (InstructionResult::Revert, Bytes::new()),
                Err(Refusal::Halt) => (InstructionResult::PrecompileError, Bytes::new()),
            }
        };
        if result.is_halt() {
            gas.spend_all();
        }
        Ok(Some(InterpreterResult::new(result, output, gas)))
    }

    fn warm_addresses(&self) -> &AddressSet {
        &self.warm
    }
}
