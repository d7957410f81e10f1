//! Ethereum's precompiles, and this chain's own.

use crate::attestation::{Arguments, SELECTOR};
use crate::pipe::{Session, PIPE_CORE};
use ed25519_zebra::{Signature, VerificationKey};
use revm::{
    context::{Block, Cfg, ContextTr, JournalTr},
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, CallScheme, CallValue, Gas, InstructionResult, InterpreterResult},
    primitives::{address, hardfork::SpecId, Address, AddressSet, Bytes, U256},
};

/// The ERC-20 face of the native token: the only contract that may move balances.
const OPG: Address = address!("4f50470000000000000000000000000000000001");
/// Moves native balance: `from(32) ‖ to(32) ‖ value(32)`.
const TRANSFER: Address = address!("00000000000000000000000000000000000000fd");
/// Checks an Ed25519 signature: `publicKey(32) ‖ signature(64) ‖ message`.
const ED25519: Address = address!("00000000000000000000000000000000000000fb");

/// OpenGradient's verifier. A contract stands here; what no contract can afford, this answers in its place.
const TEE_VERIFIER: Address = address!("0000000000000000000000000000000000000900");

/// One precompile of this chain: its address, the calls that it takes (all, where there is no selector; others go to the contract there), its price (fixed, and for each byte of the input), and what it does. It refuses with `Revert`, which gives unspent gas
/// back, or with `PrecompileError`, which takes all.
struct Native<CTX> {
    address: Address,
    selector: Option<[u8; 4]>,
    gas: u64,
    gas_per_byte: u64,
    run: fn(&mut CTX, &CallInputs) -> Result<Bytes, InstructionResult>,
}

impl<CTX: ContextTr> Native<CTX> {
    fn takes(&self, context: &mut CTX, call: &CallInputs) -> bool {
        self.selector.is_none_or(|selector| call.input.bytes(context).starts_with(&selector))
    }
}

fn natives<CTX: ContextTr>() -> [Native<CTX>; 3] {
    [
        Native { address: TRANSFER, selector: None, gas: 9_000, gas_per_byte: 0, run: transfer },
        Native { address: ED25519, selector: None, gas: 30_000, gas_per_byte: 2, run: ed25519 },
        Native { address: TEE_VERIFIER, selector: Some(SELECTOR), gas: 500_000, gas_per_byte: 0, run: attestation },
    ]
}

/// The word 1 where the signature is good by the rules of ZIP-215, which are those of consensus (the light client and CometBFT accept exactly these), and
/// the word 0 where it is not. An input that is too short to hold key and signature is refused.
fn ed25519<CTX: ContextTr>(context: &mut CTX, call: &CallInputs) -> Result<Bytes, InstructionResult> {
    let input = call.input.bytes(context);
    let (Some(key), Some(signature)) = (input.get(..32), input.get(32..96)) else {
        return Err(InstructionResult::PrecompileError);
    };
    let key = <[u8; 32]>::try_from(key).ok().and_then(|bytes| VerificationKey::try_from(bytes).ok());
    let signature = <[u8; 64]>::try_from(signature).map(Signature::from);
    let good = matches!((key, signature), (Some(key), Ok(signature)) if key.verify(&signature, &input[96..]).is_ok());
    Ok(U256::from(u8::from(good)).to_be_bytes_vec().into())
}

/// `(bool, bytes32)`: whether the document holds at the block's time, and the hash of its registers; false and zero where anything does not. Arguments
/// that are no encoding are refused.
fn attestation<CTX: ContextTr>(context: &mut CTX, call: &CallInputs) -> Result<Bytes, InstructionResult> {
    if matches!(call.value, CallValue::Transfer(value) if !value.is_zero()) {
        return Err(InstructionResult::PrecompileError);
    }
    let input = call.input.bytes(context);
    let arguments = Arguments::read(&input[SELECTOR.len()..]).ok_or(InstructionResult::PrecompileError)?;
    let hash = arguments.verify(context.block().timestamp().saturating_to());
    let mut answer = U256::from(u8::from(hash.is_some())).to_be_bytes_vec();
    answer.extend(hash.unwrap_or_default());
    Ok(answer.into())
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
        let Some(native) =
            natives::<CTX>().into_iter().find(|native| native.address == call.bytecode_address && native.takes(context, call))
        else {
            return self.ethereum.run(context, call);
        };
        let mut gas = Gas::new(call.gas_limit);
        let paid = gas.record_regular_cost(native.gas + native.gas_per_byte * call.input.len() as u64);
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
