//! What the host may ask for: transactions of a block, calls without effect, system calls and genesis deployments.

use crate::codec::{Reader, Writer};
use crate::pipe::PIPE;
use crate::trace::{write_log, write_touched, Tracer};
use crate::{precompiles::Precompiles, state::State};
use core::convert::Infallible;
use revm::context::transaction::{AccessList, AccessListItem, Authorization, RecoveredAuthority, RecoveredAuthorization};
use revm::context::{either::Either, result::*, BlockEnv, CfgEnv, Context, ContextTr, CreateScheme, Evm, Journal, TxEnv};
use revm::context::{ContextSetters, JournalTr, LocalContextTr};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::handler::{instructions::EthInstructions, post_execution::build_result_gas, EthFrame, Handler, MainnetHandler, SYSTEM_ADDRESS};
use revm::interpreter::interpreter_action::{CreateInputs, FrameInit, FrameInput};
use revm::interpreter::{interpreter::EthInterpreter, InitialAndFloorGas, SharedMemory};
use revm::primitives::{hardfork::SpecId, TxKind, B256, U256};
use revm::{ExecuteEvm, InspectEvm, MainBuilder, MainContext};

const SPEC: SpecId = SpecId::PRAGUE;
/// Of the call that charges for what a transaction reached; it is no part of the block's gas.
const CHARGE_GAS: u64 = 10_000_000;

type Ctx<'a> = Context<BlockEnv, TxEnv, CfgEnv, &'a mut State, Journal<&'a mut State>, ()>;
/// The tracer is silent unless a transaction is run by `trace`: plain execution never asks it.
type Machine<'a> = Evm<Ctx<'a>, Tracer, EthInstructions<EthInterpreter, Ctx<'a>>, Precompiles, EthFrame<EthInterpreter>>;
type Failure = EVMError<Infallible, InvalidTransaction>;

/// Reads `chainId number timestamp gasLimit baseFee coinbase prevRandao`.
fn environment(input: &mut Reader) -> (BlockEnv, CfgEnv) {
    let mut cfg = CfgEnv::new_with_spec(SPEC);
    cfg.chain_id = input.u64();
    cfg.tx_gas_limit_cap = Some(u64::MAX); // no cap per transaction (EIP-7825 is Osaka's)
    let block = BlockEnv {
        number: U256::from(input.u64()),
        timestamp: U256::from(input.u64()),
        gas_limit: input.u64(),
        basefee: input.u64(),
        beneficiary: input.address(),
        prevrandao: Some(input.hash()),
        // Blobs are never included: the excess stays 0 and the blob base fee at its least.
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice { excess_blob_gas: 0, blob_gasprice: 1 }),
        ..Default::default()
    };
    (block, cfg)
}

fn machine(state: &mut State, (block, cfg): (BlockEnv, CfgEnv)) -> Machine<'_> {
    let mut context = Context::mainnet().with_db(state).with_block(block).with_cfg(cfg);
    context.journal_mut().set_spec_id(SPEC);
    context.build_mainnet_with_inspector(Tracer::default()).with_precompiles(Precompiles::new::<Ctx<'_>>(SPEC))
}

/// `hash type sender to? value nonce gasLimit maxFee tip data count {address count {key}} count {chainId address nonce authority?}`.
/// The hash is zero for what is no transaction: a call.
fn transaction(input: &mut Reader, chain_id: u64) -> (B256, TxEnv) {
    let hash = input.hash();
    let tx_type = input.u8();
    let tx = TxEnv {
        tx_type,
        chain_id: Some(chain_id),
        caller: input.address(),
        kind: input.optional_address().map_or(TxKind::Create, TxKind::Call),
        value: input.word(),
        nonce: input.u64(),
        gas_limit: input.u64(),
        gas_price: input.u128(),
        gas_priority_fee: Some(input.u128()).filter(|_| tx_type >= 2),
        data: input.bytes(),
        access_list: AccessList(input.list(|item| AccessListItem { address: item.address(), storage_keys: item.list(Reader::hash) })),
        authorization_list: input.list(|item| {
            let inner = Authorization { chain_id: item.word(), address: item.address(), nonce: item.u64() };
            let authority = item.optional_address().map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
            Either::Right(RecoveredAuthorization::new_unchecked(inner, authority))
        }),
        ..Default::default()
    };
    (hash, tx)
}

/// A block's transactions, in order: `environment gasAvailable count {transaction}`, answered by one outcome each.
pub fn execute(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let environment = environment(input);
    let chain_id = environment.1.chain_id;
    let mut available = input.u64();
    let mut evm = machine(state, environment);
    for _ in 0..input.u32() {
        let (hash, tx) = transaction(input, chain_id);
        if tx.gas_limit > available {
            write_invalid(out, 8, U256::from(tx.gas_limit), U256::from(available), "");
            continue;
        }
        evm.precompiles.session.begin(hash, false);
        if let Some(done) = transact(&mut evm, tx, out) {
            available -= done.result.tx_gas_used();
            evm.ctx.db_mut().commit(done.state);
            charge_reached(&mut evm);
        }
    }
}

/// What waits in the pool, in order, each on the effects of the one before, to find the models that it asks: `environment count {transaction}`.
/// Nonce, funds and price are not checked, and an answer that is not there yet is replaced by an empty one. Answered by an outcome and, unless it
/// was refused, `count {id isAnswered request}` each.
pub fn probe(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let (block, mut cfg) = environment(input);
    cfg.disable_balance_check = true;
    cfg.disable_nonce_check = true;
    cfg.disable_block_gas_limit = true;
    cfg.disable_base_fee = true;
    let chain_id = cfg.chain_id;
    let mut evm = machine(state, (block, cfg));
    for _ in 0..input.u32() {
        let (hash, tx) = transaction(input, chain_id);
        evm.precompiles.session.begin(hash, true);
        if let Some(done) = transact(&mut evm, tx, out) {
            evm.precompiles.session.write(out);
            evm.ctx.db_mut().commit(done.state);
            charge_reached(&mut evm);
        }
    }
}

/// A model call that a transaction reached is paid whatever became of the transaction: the protocol tells the contract, outside of what can revert.
fn charge_reached(evm: &mut Machine) {
    let Some(data) = evm.precompiles.session.reached() else { return };
    evm.ctx.set_tx(TxEnv { caller: SYSTEM_ADDRESS, kind: TxKind::Call(PIPE), gas_limit: CHARGE_GAS, data, ..Default::default() });
    let result = MainnetHandler::<_, Failure, _>::default().run_system_call(evm);
    let mut changed = evm.finalize();
    changed.remove(&SYSTEM_ADDRESS);
    if result.is_ok_and(|result| result.is_success()) {
        evm.ctx.db_mut().commit(changed);
    }
}

/// One call without effect: `environment strict transaction`. Nonce and sender's code are not checked; funds only if strict;
/// the fee against the base fee only when a price is given, as wallets expect of `eth_call`. Answered by an outcome and, unless it was refused, the
/// models that it asks: `count {id isAnswered request}`.
pub fn call(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let (block, mut cfg) = environment(input);
    cfg.disable_balance_check = input.u8() == 0;
    cfg.disable_nonce_check = true;
    cfg.disable_eip3607 = true;
    cfg.disable_block_gas_limit = true;
    let (hash, tx) = transaction(input, cfg.chain_id);
    cfg.disable_base_fee = tx.gas_price == 0;
    let mut evm = machine(state, (block, cfg));
    evm.precompiles.session.begin(hash, true);
    if transact(&mut evm, tx, out).is_some() {
        evm.precompiles.session.write(out);
    }
}

/// One transaction or call, watched: `environment rules wants maxBytes maxSteps transaction`. Bits of `rules`: 1 funds are checked, 2 nonce and
/// sender's code too, 4 the fee too, 8 its effects stay. Answered by its outcome and, unless it was refused, `full records touched`.
pub fn trace(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let (block, mut cfg) = environment(input);
    let rules = input.u8();
    cfg.disable_balance_check = rules & 1 == 0;
    cfg.disable_nonce_check = rules & 2 == 0;
    cfg.disable_eip3607 = rules & 2 == 0;
    cfg.disable_block_gas_limit = true;
    let tracer = Tracer::new(input.u8(), input.u32() as usize, input.u32());
    let (hash, tx) = transaction(input, cfg.chain_id);
    cfg.disable_base_fee = rules & 4 == 0 && tx.gas_price == 0;
    let mut evm = machine(state, (block, cfg));
    evm.precompiles.session.begin(hash, hash.is_zero());
    evm.inspector = tracer;
    if let Some(done) = transact_by(&mut evm, tx, out, |evm, tx| evm.inspect_tx(tx)) {
        out.push(u8::from(evm.inspector.is_full));
        out.bytes(&evm.inspector.records);
        write_touched(out, &done.state);
        if rules & 8 != 0 {
            evm.ctx.db_mut().commit(done.state);
            charge_reached(&mut evm);
        }
    }
}

/// Runs one transaction and writes its outcome; gives what it did unless it was refused.
fn transact(evm: &mut Machine, tx: TxEnv, out: &mut Vec<u8>) -> Option<ResultAndState> {
    transact_by(evm, tx, out, |evm, tx| evm.transact(tx))
}

fn transact_by<'a>(
    evm: &mut Machine<'a>,
    tx: TxEnv,
    out: &mut Vec<u8>,
    run: impl FnOnce(&mut Machine<'a>, TxEnv) -> Result<ResultAndState, Failure>,
) -> Option<ResultAndState> {
    // EIP-7702: a set-code transaction has a destination.
    if tx.tx_type == 4 && tx.kind.is_create() {
        write_invalid(out, 14, U256::ZERO, U256::ZERO, "");
        return None;
    }
    let done = run(evm, tx).map_err(|failure| write_failure(out, failure)).ok()?;
    write_result(out, &done.result);
    Some(done)
}

/// A call by the protocol itself, without fee or nonce: `environment from to gasLimit data`. Its effects stay if it succeeds.
pub fn system(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let mut evm = machine(state, environment(input));
    let (caller, kind) = (input.address(), TxKind::Call(input.address()));
    evm.ctx.set_tx(TxEnv { caller, kind, gas_limit: input.u64(), data: input.bytes(), ..Default::default() });
    let result = MainnetHandler::<_, Failure, _>::default().run_system_call(&mut evm);
    settle(&mut evm, result, out);
}

/// Runs creation code as the constructor of a fixed address (genesis only): `environment address gasLimit initCode`.
pub fn deploy(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let mut evm = machine(state, environment(input));
    let (scheme, gas_limit, code) = (CreateScheme::Custom { address: input.address() }, input.u64(), input.bytes());
    evm.ctx.set_tx(TxEnv { caller: SYSTEM_ADDRESS, gas_limit, ..Default::default() });
    let create = CreateInputs::new(SYSTEM_ADDRESS, scheme, U256::ZERO, code, gas_limit, 0);
    let memory = SharedMemory::new_with_buffer(evm.ctx.local().shared_memory_buffer().clone());
    let frame = FrameInit { depth: 0, memory, frame_input: FrameInput::Create(Box::new(create)) };
    let mut handler = MainnetHandler::<_, Failure, _>::default();
    let result = handler.run_exec_loop(&mut evm, frame).and_then(|frame| {
        let gas = build_result_gas(false, frame.gas(), InitialAndFloorGas::new(0, 0));
        handler.execution_result(&mut evm, frame, gas)
    });
    settle(&mut evm, result, out);
}

/// Writes the outcome of what the protocol ran, and keeps its effects if it succeeded. The system address is no account.
fn settle(evm: &mut Machine, result: Result<ExecutionResult, Failure>, out: &mut Vec<u8>) {
    let mut changed = evm.finalize();
    changed.remove(&SYSTEM_ADDRESS);
    match result {
        Ok(result) => {
            write_result(out, &result);
            if result.is_success() {
                evm.ctx.db_mut().commit(changed);
            }
        }
        Err(failure) => write_failure(out, failure),
    }
}

/// `status (0 revert, 1 success, 2 halt) gasUsed created? output halt count {address count {topic} data}`
fn write_result(out: &mut Vec<u8>, result: &ExecutionResult) {
    let (status, halt) = match result {
        ExecutionResult::Revert { .. } => (0, String::new()),
        ExecutionResult::Success { .. } => (1, String::new()),
        ExecutionResult::Halt { reason, .. } => (2, reason.to_string()),
    };
    out.push(status);
    out.extend_from_slice(&result.tx_gas_used().to_le_bytes());
    let created = result.created_address();
    out.push(u8::from(created.is_some()));
    out.extend_from_slice(created.unwrap_or_default().as_slice());
    out.bytes(result.output().map_or(&[], |output| &output[..]));
    out.bytes(halt.as_bytes());
    let logs = if status == 1 { result.logs() } else { &[] };
    out.count(logs.len());
    logs.iter().for_each(|log| write_log(out, log));
}

/// Why a transaction cannot be included: `3 code a b text`. The codes and the meaning of the two numbers are a table of the host.
fn write_invalid(out: &mut Vec<u8>, code: u8, a: U256, b: U256, text: &str) {
    out.extend_from_slice(&[3, code]);
    out.word(a);
    out.word(b);
    out.bytes(text.as_bytes());
}

fn write_failure(out: &mut Vec<u8>, failure: Failure) {
    use InvalidTransaction::*;
    let pair = |code, a: u64, b: u64| (code, U256::from(a), U256::from(b));
    let (code, a, b) = match &failure {
        EVMError::Transaction(NonceTooLow { tx, state }) => pair(1, *tx, *state),
        EVMError::Transaction(NonceTooHigh { tx, state }) => pair(2, *tx, *state),
        EVMError::Transaction(LackOfFundForMaxFee { fee, balance }) => (3, **fee, **balance),
        EVMError::Transaction(CallGasCostMoreThanGasLimit { initial_gas, gas_limit }) => pair(4, *gas_limit, *initial_gas),
        EVMError::Transaction(GasFloorMoreThanGasLimit { gas_floor, gas_limit }) => pair(5, *gas_limit, *gas_floor),
        EVMError::Transaction(GasPriceLessThanBasefee) => pair(6, 0, 0),
        EVMError::Transaction(PriorityFeeGreaterThanMaxFee) => pair(7, 0, 0),
        EVMError::Transaction(CreateInitCodeSizeLimit) => pair(9, 0, 0),
        EVMError::Transaction(RejectCallerWithCode) => pair(10, 0, 0),
        EVMError::Transaction(NonceOverflowInTransaction) => pair(11, 0, 0),
        EVMError::Transaction(EmptyAuthorizationList) => pair(12, 0, 0),
        EVMError::Transaction(OverflowPaymentInTransaction) => pair(13, 0, 0),
        _ => pair(0, 0, 0),
    };
    let text = if code == 0 { failure.to_string() } else { String::new() };
    write_invalid(out, code, a, b, &text);
}
