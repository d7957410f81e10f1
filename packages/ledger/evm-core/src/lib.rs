//! revm as one WebAssembly module. The host writes a request at `input`, calls a function, and reads the answer at `output`;
//! accounts, slots, codes and block hashes that are not cached the module asks of the host (`state`). One thread, no clock, no
//! randomness: the same bits everywhere.

mod attestation;
mod codec;
mod engine;
mod pipe;
mod precompiles;
mod state;
mod trace;

use std::cell::RefCell;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static STATE: RefCell<state::State> = RefCell::default();
}

/// Makes room for a request of `len` bytes and returns where to write it.
#[no_mangle]
pub extern "C" fn input(len: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        input.resize(len, 0);
        input.as_mut_ptr()
    })
}

/// Where the last answer stands.
#[no_mangle]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.with_borrow(|output| output.as_ptr())
}

/// Exports functions that read a request, work on the state, and return the length of their answer.
macro_rules! operations {
    ($($name:ident => $run:expr;)*) => { $(
        #[no_mangle]
        pub extern "C" fn $name() -> usize {
            INPUT.with_borrow(|input| OUTPUT.with_borrow_mut(|output| {
                output.clear();
                STATE.with_borrow_mut(|state| $run(&mut codec::Reader(input), state, output));
                output.len()
            }))
        }
    )* };
}

operations! {
    execute => engine::execute;
    call => engine::call;
    trace => engine::trace;
    probe => engine::probe;
    system => engine::system;
    deploy => engine::deploy;
    credit => |input: &mut codec::Reader, state: &mut state::State, _: &mut Vec<u8>| state.credit(input.address(), input.word());
    amend => |input: &mut codec::Reader, state: &mut state::State, _: &mut Vec<u8>| state.amend(input);
    changes => |_: &mut codec::Reader, state: &mut state::State, output: &mut Vec<u8>| state.changes(output);
}

/// Forgets cached state, and changes not taken yet.
#[no_mangle]
pub extern "C" fn reset() {
    STATE.with_borrow_mut(state::State::reset)
}

/// Number of accounts and slots in the cache.
#[no_mangle]
pub extern "C" fn entries() -> usize {
    STATE.with_borrow(|state| state.entries)
}

/// Keccak-256 of the first `len` bytes of the input.
#[no_mangle]
pub extern "C" fn keccak(len: usize) {
    let hash = INPUT.with_borrow(|input| revm::primitives::keccak256(&input[..len]));
    OUTPUT.with_borrow_mut(|output| {
        output.clear();
        output.extend_from_slice(hash.as_slice());
    })
}

/// Nothing here needs randomness; hash maps ask for a seed and get a constant.
fn constant_seed(buffer: &mut [u8]) -> Result<(), getrandom::Error> {
    buffer.fill(0x5e);
    Ok(())
}
getrandom::register_custom_getrandom!(constant_seed);
