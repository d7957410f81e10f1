//! Ethereum's precompiles, and this chain's own.

use crate::pipe::{Session, PIPE_CORE};

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

/// One precompile of this chain: its address, its price, and what it does. It refuses with `Revert`, which gives unspent gas
/// back, or with `PrecompileError`, which takes all.
struct Native<CTX> {
    address: Address,
    gas: u64,
    run: fn(&mut CTX, &CallInputs) -> Result<Bytes, InstructionResult>,
}

fn natives<CTX: ContextTr>() -> [Native<CTX>; 1] {
    [Native { address: TRANSFER, gas: 9_000, run: transfer }]
}

/// Moves balance on the engine's own journal, so that any revert around it undoes it. Checking the caller alone would not do:
/// DELEGATECALL and CALLCODE run a stranger's call with the caller or the code address of their choice.
fn transfer<CTX: ContextTr>(context: &mut CTX, call: &CallInputs) -> Result<Bytes, InstructionResult> {
    let plain = call.scheme == CallScheme::Call
        && !call.is_static
        && call.target_address == TRANSFER
        && call.bytecode_address == TRANSFER
        && call.caller == OPG
        && call.value == CallValue::Transfer(U256::ZERO);
    let input = call.input.bytes(context);
    if !plain || input.len() != 96 || input[..12] != [0; 12] || input[32..44] != [0; 12] {
        return Err(InstructionResult::PrecompileError);
    }
    let (from, to) = (Address::from_slice(&input[12..32]), Address::from_slice(&input[44..64]));
    match context.journal_mut().transfer(from, to, U256::from_be_slice(&input[64..])) {
        Ok(None) => Ok(Bytes::new()),
        Ok(Some(_)) | Err(_) => Err(InstructionResult::Revert),
    }
}

pub struct Precompiles {
    ethereum: EthPrecompiles,
    warm: AddressSet,
    /// What the transaction under way asked of models.
    pub session: Session,
}

impl Precompiles {
    pub fn new<CTX: ContextTr>(spec: SpecId) -> Self {
        let ethereum = EthPrecompiles::new(spec);
        let natives = natives::<CTX>().map(|native| native.address);
        let warm = ethereum.warm_addresses().iter().copied().chain(natives).chain([PIPE_CORE]).collect();
        Self { ethereum, warm, session: Session::default() }
    }
}

impl<CTX: ContextTr<Cfg: Cfg<Spec = SpecId>>> PrecompileProvider<CTX> for Precompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: SpecId) -> bool {
        PrecompileProvider::<CTX>::set_spec(&mut self.ethereum, spec)
    }

    fn run(&mut self, context: &mut CTX, call: &CallInputs) -> Result<Option<InterpreterResult>, String> {
        if call.bytecode_address == PIPE_CORE {
            return Ok(Some(self.session.run(context, call)));
        }
        let Some(native) = natives::<CTX>().into_iter().find(|native| native.address == call.bytecode_address) else {
            return self.ethereum.run(context, call);
        };
        let mut gas = Gas::new(call.gas_limit);
        let paid = gas.record_regular_cost(native.gas);
        let outcome = if paid { (native.run)(context, call) } else { Err(InstructionResult::PrecompileOOG) };
        let result = outcome.as_ref().err().copied().unwrap_or(InstructionResult::Return);
        if result.is_halt() {
            gas.spend_all();
        }
        Ok(Some(InterpreterResult::new(result, outcome.unwrap_or_default(), gas)))
    }

    fn warm_addresses(&self) -> &AddressSet {
        &self.warm
    }
}
