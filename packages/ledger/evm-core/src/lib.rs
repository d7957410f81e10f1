//! revm as one WebAssembly module. The host writes a request at `input`, calls a function, and reads the answer at `output`;
//! for accounts, slots, codes and block hashes that are not cached the module asks the host (`state`). One thread, no clock, no
//! randomness: the same bits everywhere.

mod codec;
mod engine;
mod precompiles;
mod state;

use codec::Reader;
use revm::primitives::keccak256;
use state::State;
use std::cell::RefCell;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static STATE: RefCell<State> = RefCell::default();
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

/// Runs one request; returns the length of its answer.
fn answer(run: impl FnOnce(&mut Reader, &mut State, &mut Vec<u8>)) -> usize {
    INPUT.with_borrow(|input| {
        OUTPUT.with_borrow_mut(|output| {
            output.clear();
            STATE.with_borrow_mut(|state| run(&mut Reader(input), state, output));
            output.len()
        })
    })
}

#[no_mangle]
pub extern "C" fn execute() -> usize {
    answer(engine::execute)
}

#[no_mangle]
pub extern "C" fn call() -> usize {
    answer(engine::call)
}

#[no_mangle]
pub extern "C" fn system() -> usize {
    answer(engine::system)
}

#[no_mangle]
pub extern "C" fn deploy() -> usize {
    answer(engine::deploy)
}

/// `address amount`
#[no_mangle]
pub extern "C" fn credit() -> usize {
    answer(|input, state, _| state.credit(input.address(), input.word()))
}

#[no_mangle]
pub extern "C" fn changes() -> usize {
    answer(|_, state, output| state.changes(output))
}

/// Forgets cached state, and changes not taken yet.
#[no_mangle]
pub extern "C" fn reset() {
    STATE.with_borrow_mut(State::reset)
}

/// Number of accounts and slots in the cache.
#[no_mangle]
pub extern "C" fn entries() -> usize {
    STATE.with_borrow(State::entries)
}

/// Keccak-256 of the first `len` bytes of the input.
#[no_mangle]
pub extern "C" fn keccak(len: usize) {
    INPUT.with_borrow(|input| {
        OUTPUT.with_borrow_mut(|output| {
            output.clear();
            output.extend_from_slice(keccak256(&input[..len]).as_slice());
        })
    })
}

/// Nothing here needs randomness; hash maps ask for a seed and get a constant.
fn constant_seed(buffer: &mut [u8]) -> Result<(), getrandom::Error> {
    buffer.fill(0x5e);
    Ok(())
}
getrandom::register_custom_getrandom!(constant_seed);
