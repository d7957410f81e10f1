//! What the host may ask for: transactions of a block, calls without effect, system calls and genesis deployments.

use crate::{
    codec::{Reader, Writer},
    precompiles::Precompiles,
    state::{Never, State},
};
use revm::{
    context::{
        either::Either,
        result::{EVMError, ExecutionResult, InvalidTransaction, ResultGas},
        transaction::{AccessList, AccessListItem, Authorization, RecoveredAuthority, RecoveredAuthorization},
        BlockEnv, CfgEnv, Context, ContextSetters, ContextTr, CreateScheme, Evm, Journal, JournalTr, LocalContextTr, TxEnv,
    },
    context_interface::block::BlobExcessGasAndPrice,
    handler::{
        instructions::EthInstructions, EthFrame, FrameResult, Handler, MainBuilder, MainContext, MainnetHandler,
        SYSTEM_ADDRESS,
    },
    interpreter::{
        interpreter::EthInterpreter,
        interpreter_action::{CreateInputs, FrameInit, FrameInput},
        InstructionResult, SharedMemory,
    },
    primitives::{hardfork::SpecId, Address, Log, TxKind, U256},
    ExecuteEvm,
};

const SPEC: SpecId = SpecId::PRAGUE;

type Ctx<'a> = Context<BlockEnv, TxEnv, CfgEnv, &'a mut State, Journal<&'a mut State>, ()>;
type Machine<'a> = Evm<Ctx<'a>, (), EthInstructions<EthInterpreter, Ctx<'a>>, Precompiles, EthFrame<EthInterpreter>>;
type Failure = EVMError<Never, InvalidTransaction>;

/// Status byte of an outcome, as the host reads it.
const REVERT: u8 = 0;
const SUCCESS: u8 = 1;
const HALT: u8 = 2;
const INVALID: u8 = 3;

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

fn machine(state: &mut State, block: BlockEnv, cfg: CfgEnv) -> Machine<'_> {
    let context = Context::mainnet().with_db(state).with_block(block).with_cfg(cfg);
    context.build_mainnet().with_precompiles(Precompiles::new::<Ctx<'_>>(SPEC))
}

fn transaction(input: &mut Reader, chain_id: u64) -> TxEnv {
    let tx_type = input.u8();
    let dynamic = tx_type >= 2;
    TxEnv {
        tx_type,
        chain_id: Some(chain_id),
        caller: input.address(),
        kind: input.optional_address().map_or(TxKind::Create, TxKind::Call),
        value: input.word(),
        nonce: input.u64(),
        gas_limit: input.u64(),
        gas_price: input.u128(),
        gas_priority_fee: Some(input.u128()).filter(|_| dynamic),
        data: input.bytes(),
        access_list: AccessList(
            input.list(|item| AccessListItem { address: item.address(), storage_keys: item.list(Reader::hash) }),
        ),
        authorization_list: input.list(|item| {
            let inner = Authorization { chain_id: item.word(), address: item.address(), nonce: item.u64() };
            let authority = item.optional_address().map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
            Either::Right(RecoveredAuthorization::new_unchecked(inner, authority))
        }),
        ..Default::default()
    }
}

/// EIP-7702: a set-code transaction has a destination.
fn creates_by_set_code(tx: &TxEnv) -> bool {
    tx.tx_type == 4 && tx.kind.is_create()
}

/// A block's transactions, in order: `environment gasAvailable count {transaction}`, answered by one outcome each.
pub fn execute(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let (block, cfg) = environment(input);
    let chain_id = cfg.chain_id;
    let mut available = input.u64();
    let mut evm = machine(state, block, cfg);
    for _ in 0..input.u32() {
        let tx = transaction(input, chain_id);
        if tx.gas_limit > available {
            write_invalid(out, 8, U256::from(tx.gas_limit), U256::from(available), "");
            continue;
        }
        if creates_by_set_code(&tx) {
            write_invalid(out, 14, U256::ZERO, U256::ZERO, "");
            continue;
        }
        match evm.transact(tx) {
            Ok(done) => {
                available -= done.result.tx_gas_used();
                write_result(out, &done.result);
                evm.ctx.db_mut().commit(done.state);
            }
            Err(failure) => write_failure(out, failure),
        }
    }
}

/// One call without effect: `environment strict transaction`. Nonce and sender's code are not checked; funds only if strict;
/// the fee against the base fee only when a price is given, as wallets expect of `eth_call`.
pub fn call(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let (block, mut cfg) = environment(input);
    cfg.disable_balance_check = input.u8() == 0;
    cfg.disable_nonce_check = true;
    cfg.disable_eip3607 = true;
    cfg.disable_block_gas_limit = true;
    let tx = transaction(input, cfg.chain_id);
    cfg.disable_base_fee = tx.gas_price == 0;
    if creates_by_set_code(&tx) {
        return write_invalid(out, 14, U256::ZERO, U256::ZERO, "");
    }
    match machine(state, block, cfg).transact(tx) {
        Ok(done) => write_result(out, &done.result),
        Err(failure) => write_failure(out, failure),
    }
}

/// A call by the protocol itself, without fee or nonce: `environment from to gasLimit data`. Its effects stay if it succeeds.
pub fn system(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let (block, cfg) = environment(input);
    let tx = TxEnv {
        caller: input.address(),
        kind: TxKind::Call(input.address()),
        gas_limit: input.u64(),
        data: input.bytes(),
        ..Default::default()
    };
    let mut evm = machine(state, block, cfg);
    evm.ctx.journal_mut().set_spec_id(SPEC);
    evm.ctx.set_tx(tx);
    let result: Result<_, Failure> = MainnetHandler::default().run_system_call(&mut evm);
    let changed = evm.finalize();
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

/// Runs creation code as the constructor of a fixed address (genesis only): `environment address gasLimit initCode`.
pub fn deploy(input: &mut Reader, state: &mut State, out: &mut Vec<u8>) {
    let (block, cfg) = environment(input);
    let (address, gas_limit, code) = (input.address(), input.u64(), input.bytes());
    let scheme = CreateScheme::Custom { address };
    let create = CreateInputs::new(SYSTEM_ADDRESS, scheme, U256::ZERO, code, gas_limit, 0);
    let mut evm = machine(state, block, cfg);
    evm.ctx.journal_mut().set_spec_id(SPEC);
    evm.ctx.set_tx(TxEnv { caller: SYSTEM_ADDRESS, gas_limit, ..Default::default() });
    let memory = SharedMemory::new_with_buffer(evm.ctx.local().shared_memory_buffer().clone());
    let frame = FrameInit { depth: 0, memory, frame_input: FrameInput::Create(Box::new(create)) };
    let mut handler = MainnetHandler::<_, Failure, _>::default();
    let result = handler.run_exec_loop(&mut evm, frame);
    let logs = evm.ctx.journal_mut().take_logs();
    let mut changed = evm.finalize();
    // The system address makes the contracts but is no account of its own.
    changed.remove(&SYSTEM_ADDRESS);
    let result = match result {
        Ok(FrameResult::Create(result)) => result.result,
        Ok(_) => unreachable!("a create frame ends as a create frame"),
        Err(failure) => return write_failure(out, failure),
    };
    let created = result.result.is_ok().then_some(address);
    let used = gas_limit - result.gas.remaining();
    let status = match result.result {
        InstructionResult::Revert => REVERT,
        _ if created.is_some() => SUCCESS,
        _ => HALT,
    };
    let halt = if status == HALT { format!("{:?}", result.result) } else { String::new() };
    write_outcome(out, status, used, created, &result.output, &halt, if created.is_some() { &logs } else { &[] });
    if created.is_some() {
        evm.ctx.db_mut().commit(changed);
    }
}

/// `status gasUsed created output halt count {address count {topic} data}`.
fn write_outcome(
    out: &mut Vec<u8>,
    status: u8,
    gas: u64,
    created: Option<Address>,
    output: &[u8],
    halt: &str,
    logs: &[Log],
) {
    out.push(status);
    out.extend_from_slice(&gas.to_le_bytes());
    out.push(u8::from(created.is_some()));
    out.extend_from_slice(created.unwrap_or_default().as_slice());
    out.bytes(output);
    out.bytes(halt.as_bytes());
    out.u32(logs.len());
    for log in logs {
        out.extend_from_slice(log.address.as_slice());
        out.u32(log.data.topics().len());
        for topic in log.data.topics() {
            out.extend_from_slice(topic.as_slice());
        }
        out.bytes(&log.data.data);
    }
}

fn write_result(out: &mut Vec<u8>, result: &ExecutionResult) {
    let used = ResultGas::tx_gas_used(result.gas());
    match result {
        ExecutionResult::Success { output, logs, .. } => {
            write_outcome(out, SUCCESS, used, output.address().copied(), output.data(), "", logs)
        }
        ExecutionResult::Revert { output, .. } => write_outcome(out, REVERT, used, None, output, "", &[]),
        ExecutionResult::Halt { reason, .. } => {
            write_outcome(out, HALT, used, None, &[], &reason.to_string(), &[])
        }
    }
}

/// Why a transaction cannot be included: `code a b text`. The codes and the meaning of the two numbers are a table of the host.
fn write_invalid(out: &mut Vec<u8>, code: u8, a: U256, b: U256, text: &str) {
    out.push(INVALID);
    out.push(code);
    out.word(a);
    out.word(b);
    out.bytes(text.as_bytes());
}

fn write_failure(out: &mut Vec<u8>, failure: Failure) {
    use InvalidTransaction::*;
    let int = U256::from::<u64>;
    let (code, a, b) = match &failure {
        EVMError::Transaction(reason) => match reason {
            NonceTooLow { tx, state } => (1, int(*tx), int(*state)),
            NonceTooHigh { tx, state } => (2, int(*tx), int(*state)),
            LackOfFundForMaxFee { fee, balance } => (3, **fee, **balance),
            CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => (4, int(*gas_limit), int(*initial_gas)),
            GasFloorMoreThanGasLimit { gas_floor, gas_limit } => (5, int(*gas_limit), int(*gas_floor)),
            GasPriceLessThanBasefee => (6, U256::ZERO, U256::ZERO),
            PriorityFeeGreaterThanMaxFee => (7, U256::ZERO, U256::ZERO),
            CallerGasLimitMoreThanBlock => (8, U256::ZERO, U256::ZERO),
            CreateInitCodeSizeLimit => (9, U256::ZERO, U256::ZERO),
            RejectCallerWithCode => (10, U256::ZERO, U256::ZERO),
            NonceOverflowInTransaction => (11, U256::ZERO, U256::ZERO),
            EmptyAuthorizationList | AuthorizationListInvalidFields => (12, U256::ZERO, U256::ZERO),
            OverflowPaymentInTransaction => (13, U256::ZERO, U256::ZERO),
            _ => (0, U256::ZERO, U256::ZERO),
        },
        _ => (0, U256::ZERO, U256::ZERO),
    };
    let text = if code == 0 { failure.to_string() } else { String::new() };
    write_invalid(out, code, a, b, &text);
}
